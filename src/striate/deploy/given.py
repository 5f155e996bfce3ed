"""What a network is asked about: files, folders of them, and pictures in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.core.errors import StriateError
from striate.core.values import shown
from striate.data.decode import Pixels, pixels_of, read_picture
from striate.data.formats import READABLE
from striate.data.left_out import LeftOut
from striate.data.masks.pairs import find_pairs, has_masks
from striate.data.streaming import Undecoded
from striate.data.walk import Walk

Picture = str | Path | Image.Image | npt.NDArray[np.uint8]
CHANNELS = (1, 3, 4)


def given_pictures(given: Iterable[Picture] | Picture, left_out: list[LeftOut] | None = None) -> list[Undecoded]:
    """Every picture that was given: the files themselves, all pictures below folders, and those in memory.

    given: one or several, in any mixture, of paths, Pillow's pictures and arrays uint8 (H, W), (H, W, 3) or RGBA; or an
    array (N, H, W, 3) of several. Those in memory are called by their place, "picture 0". left_out: as in
    `picture_files`.
    Raises StriateError for anything else, and for a folder without pictures.

    >>> [picture.name for picture in given_pictures([np.zeros((8, 8), np.uint8), "cat.jpg"])]
    ['picture 0', 'cat.jpg']
    """
    pictures: list[Undecoded] = []
    for place, one in enumerate(_several(given)):
        if isinstance(one, str | os.PathLike):
            files = picture_files([Path(one)], left_out)
            pictures += [Undecoded(str(file), partial(read_picture, file)) for file in files]
        else:
            name = f"picture {place}"
            pictures.append(Undecoded(name, partial(_in_memory, _image(one, name), name)))
    return pictures


def picture_files(paths: Sequence[str | Path], left_out: list[LeftOut] | None = None) -> list[Path]:
    """The files themselves and all pictures below the folders, sorted within each folder.

    Masks that lie beside their pictures are left out. Links are followed, hidden files and folders below a folder are
    not, as for training. A file that does not exist, or a picture of a format that cannot be read, is kept, to be named
    later. left_out: takes what is no picture.
    Raises StriateError when a folder holds no pictures.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            files.append(path)
            continue
        walk = Walk(path)
        below = []
        for listing in walk.listings_below(""):
            walk.count(listing._replace(foreign=[]))
            below += [path / name for name in (*listing.pictures, *(name for _, name in listing.foreign))]
        if has_masks(path):
            with suppress(StriateError):  # a folder that is only called so, such as a class "label"
                masks = {path / name for name in find_pairs(Walk(path)).masks}
                left = sorted(mask.relative_to(path).as_posix() for mask in masks.intersection(below))
                walk.tally.add_all("beside pictures", left)
                below = [file for file in below if file not in masks]
        if not below:
            raise StriateError(f"{path} holds no pictures; pictures are {READABLE}")
        files += sorted(below)
        if left_out is not None:
            left_out += walk.tally.left_out()
    return files


def _several(given: Any) -> Iterable[Any]:
    """One picture as a list of it."""
    if isinstance(given, str | os.PathLike | Image.Image):
        return [given]
    if hasattr(given, "__array__"):
        several = np.ndim(given) == 4
        return list(np.asarray(given)) if several else [given]
    if isinstance(given, Iterable):
        return given
    raise _not_a_picture(given, "the argument")


def _image(given: Any, name: str) -> Image.Image:
    if isinstance(given, Image.Image):
        return given
    if not hasattr(given, "__array__"):
        raise _not_a_picture(given, name)
    pixels = np.asarray(given)
    shape = pixels.shape
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] in CHANNELS)
    if pixels.dtype != np.uint8 or not pixels.size or not fits:
        raise _not_a_picture(given, name)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if shape[2:] == (1,) else pixels))


def _in_memory(
    picture: Image.Image, name: str, channels: int, _cover: tuple[int, int], white: float | None, /
) -> Pixels:
    return pixels_of(picture, name, channels, white)


def _not_a_picture(given: Any, name: str) -> StriateError:
    told = f"{given.dtype} {tuple(given.shape)}" if hasattr(given, "__array__") else shown(given)
    return StriateError(
        f"{name} must be a path, a Pillow picture or an array uint8 (H, W) or (H, W, 3), 0 to 255, got {told}; several "
        "are given as a list"
    )
