"""Pictures that a list or a map-style Dataset gives one by one: Pillow's, arrays, tensors, paths of files."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.values import shown
from striate.data.dataset import Pictures
from striate.data.decode import (
    DAMAGED,
    DecodeError,
    Numbers,
    Pixels,
    is_wide_grey,
    numbers_of,
    read_numbers,
    to_8_bits,
    to_pixels,
)
from striate.data.item_labels import Labels
from striate.data.scan import Progress
from striate.data.threads import in_threads

READ_TWICE = 8  # pictures, evenly spread, that are read again at once, to tell a Dataset that draws at random early
TAKEN = (
    "a Pillow picture, the path of a file, an array uint8 (H, W) or (H, W, 3), or a tensor (1, H, W), (3, H, W) or "
    "(H, W), of uint8 or of floating-point numbers from 0 to 1"
)


class ItemPictures(Pictures):
    """Pictures that are read from their items whenever they are needed; a key is the hash of the content.

    items: gives (picture, class) by number; only one thread reads at a time, since a Dataset may hold one open file.
    kind: what runs call it. Every picture is read once here, with its label, and must be the same whenever it is read
    again: another one is a StriateError.
    """

    def __init__(self, items: Any, kind: str, progress: Progress | None = None) -> None:
        self._items, self._kind = items, kind
        self._lock = threading.Lock()
        total = length_of(items, kind)
        self._keys = np.zeros((total, 16), np.uint8)
        self._sizes = np.zeros((total, 2), np.int32)
        self._wide = np.zeros(total, bool)
        self.labels = Labels(kind)
        for index, (label, numbers) in enumerate(in_threads(self._first_read, range(total))):
            self.labels.add(label, self.name(index))
            if numbers is not None:
                self._keys[index], self._sizes[index], self._wide[index] = numbers
            if progress is not None:
                progress(index + 1, total)
        for index in np.linspace(0, total - 1, min(total, READ_TWICE)).round().astype(int).tolist():
            if self._keys[index].any():
                self._same(index)

    def __len__(self) -> int:
        return len(self._keys)

    def name(self, index: int) -> str:
        """The path, of a list of paths, else the kind and the number, such as "dataset[17]"."""
        if isinstance(self._items, list):
            item = self._items[index]
            if isinstance(item, tuple | list) and item and isinstance(item[0], str | os.PathLike):
                return str(os.fspath(item[0]))
        return self.listed_name(index)

    def listed_name(self, index: int) -> str:
        """The kind and the number."""
        return f"{self._kind}[{index}]"

    def key(self, index: int) -> bytes:
        """The content, hashed."""
        return bytes(self._keys[index])

    def numbers(self, index: int, channels: int, cover: tuple[int, int] | None = None) -> Numbers:
        """uint8 (H, W, channels), or wide grey (H, W). Raises DecodeError, and StriateError where it is another now."""
        picture, numbers = self._same(index)
        return numbers if channels == 3 or is_wide_grey(numbers) else _numbers(picture, self.name(index), channels)

    def decode(
        self, index: int, channels: int, cover: tuple[int, int] | None = None, white: float | None = None
    ) -> Pixels:
        """Upright uint8 (H, W, channels). Raises as `numbers` does."""
        return to_8_bits(self.numbers(index, channels, cover), channels, white, self.name(index))

    def size(self, index: int) -> tuple[int, int]:
        """Height and width in pixels, upright."""
        height, width = self._sizes[index].tolist()
        return height, width

    def is_wide(self, index: int) -> bool:
        """Whether it is wide grey."""
        return bool(self._wide[index])

    def _first_read(self, index: int) -> tuple[Any, tuple[npt.NDArray[np.uint8], tuple[int, int], bool] | None]:
        """The label of a picture, with its key, size and whether it is wide; None of one that cannot be decoded."""
        try:
            picture, label = self._item(index)
        except DecodeError as error:
            raise StriateError(
                f"{error}; leave that one out, as torch.utils.data.Subset does, or mend what gives it"
            ) from error
        try:
            numbers = _numbers(picture, self.name(index), 3)
        except DecodeError:
            return label, None
        return label, (_digest(numbers), (numbers.shape[0], numbers.shape[1]), is_wide_grey(numbers))

    def _item(self, index: int) -> tuple[Any, Any]:
        """Picture and label. Raises DecodeError where it cannot be read, StriateError where it is no such pair."""
        name = self.name(index)
        try:
            with self._lock:
                item = self._items[index]
                if isinstance(item, tuple | list) and item and isinstance(item[0], Image.Image):
                    _loaded(item[0])  # by one thread: the same one may stand at several places
        except MemoryError:
            raise
        except Exception as error:
            told = " ".join(str(error).split())
            so_long = f", though there are {len(self)} by its length" if isinstance(error, IndexError) else ""
            raise DecodeError(
                name, f"cannot be read ({type(error).__name__}{': ' if told else ''}{told}){so_long}"
            ) from error
        if not isinstance(item, tuple | list) or len(item) != 2:
            named = f", a dictionary of {', '.join(map(str, item))}" if isinstance(item, dict) else ""
            raise StriateError(f"{name} must be (picture, class), got {shown(item)}{named}")
        return item[0], item[1]

    def _same(self, index: int) -> tuple[Any, Numbers]:
        """A picture as it came when it was first read, and its numbers. Raises StriateError for another one."""
        picture = self._item(index)[0]
        numbers = _numbers(picture, self.name(index), 3)
        if not np.array_equal(_digest(numbers), self._keys[index]):
            raise StriateError(
                f"{self.name(index)} is another picture when it is read again, as of a dataset with augmentation in "
                "its transforms: give it without what draws at random, and let the recipe augment (--set flip=true, "
                "--set crop_padding_px=4, --set min_area=0.5)"
            )
        return picture, numbers


def length_of(items: Any, kind: str) -> int:
    """How many items there are. Raises StriateError where nothing says so, or there are none."""
    try:
        total = len(items)
    except Exception as error:  # whatever a Dataset of somebody's own raises
        raise StriateError(f"the length of the {kind} cannot be told ({type(error).__name__}: {error})") from error
    if not total:
        raise StriateError(f"the {kind} is empty; it must hold pairs of (picture, class)")
    return total


def _loaded(picture: Image.Image) -> None:
    """Have a picture that Pillow opened lazily decoded; that it is damaged is found again by who converts it."""
    with suppress(*DAMAGED, Image.DecompressionBombError):
        picture.load()


def _digest(numbers: Numbers) -> npt.NDArray[np.uint8]:
    digest = hashlib.blake2b(repr((numbers.shape, numbers.dtype.str)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(numbers).data)
    return np.frombuffer(digest.digest(), np.uint8)


def _numbers(picture: Any, name: str, channels: int) -> Numbers:
    """A picture in its own numbers. Raises DecodeError where it is damaged, StriateError where it is none."""
    if isinstance(picture, Image.Image):
        return numbers_of(picture, name, channels)
    if isinstance(picture, str | os.PathLike):
        return read_numbers(Path(picture), channels)
    if isinstance(picture, Tensor):
        pixels = _of_tensor(picture, name)
    elif isinstance(picture, np.ndarray):
        pixels = picture
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[..., 0]
    else:
        raise StriateError(f"the picture of {name} must be {TAKEN}, got {shown(picture)}")
    fits = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not pixels.size or not fits:
        came = f"{type(picture).__name__} of {picture.dtype} {tuple(picture.shape)}"
        raise StriateError(f"the picture of {name} must be {TAKEN}, got {came}")
    return to_pixels(Image.fromarray(np.ascontiguousarray(pixels)), channels)


def _of_tensor(picture: Tensor, name: str) -> npt.NDArray[Any]:
    """A tensor (C, H, W) or (H, W) as an array (H, W, C) or (H, W), uint8 where its numbers are pixels."""
    picture = picture.detach().cpu()
    if picture.is_floating_point() and picture.numel():
        low, high = float(picture.min()), float(picture.max())
        if not 0 <= low <= high <= 1:  # a NaN fails too
            raise StriateError(
                f"{name} has numbers from {low:.4g} to {high:.4g}: pictures of floating-point numbers go from 0 to 1; "
                "give them as uint8, or before they are normalised, which the network's own preprocessing does"
            )
        picture = (picture.double() * 255).round().to(torch.uint8)
    if picture.ndim != 3:
        return picture.numpy()
    if picture.shape[0] == 1:
        return picture[0].numpy()
    return picture.permute(1, 2, 0).numpy() if picture.shape[0] == 3 else np.zeros(0)
