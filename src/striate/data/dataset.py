"""What every source of pictures becomes: pictures that can be decoded by number, their classes and their splits."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.core.errors import StriateError
from striate.data.decode import Numbers, Pixels, read_is_wide, read_numbers, read_size, to_8_bits, to_pixels
from striate.data.left_out import Inventory
from striate.data.targets import Indices, Targets
from striate.data.targets.classes import ClassTargets

SPLITS = ("train", "val", "test")


class Names:
    """Many paths in a few arrays: a million cost their letters, not a million objects, and a folder's letters once.

    >>> names = Names(["cats/a.jpg", "cats/ü.png"])
    >>> len(names), names[1]
    (2, 'cats/ü.png')
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._letters, self._ends = bytearray(), array("Q")  # of the last parts
        self._folder_of = array("I")
        number: dict[str, int] = {}
        for name in names:
            folder, slash, last = name.rpartition("/")
            self._folder_of.append(number.setdefault(folder + slash, len(number)))
            self._letters += last.encode("utf-8", "surrogateescape")
            self._ends.append(len(self._letters))
        self._folders = list(number)

    @property
    def folders(self) -> list[str]:
        """The folders of all paths, each once."""
        return [folder.rstrip("/") for folder in self._folders]

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        start = self._ends[index - 1] if index else 0
        last = self._letters[start : self._ends[index]].decode("utf-8", "surrogateescape")
        return self._folders[self._folder_of[index]] + last

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))


class Pictures(ABC):
    """Pictures by number."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def name(self, index: int) -> str:
        """What errors and reports call a picture: its path, or its file and place in it."""

    def listed_name(self, index: int) -> str:
        """What lists such as data.tsv call a picture: a file, by its path below the data's folder."""
        return self.name(index)

    @abstractmethod
    def key(self, index: int) -> bytes:
        """16 bytes that change when the picture may have changed."""

    @abstractmethod
    def numbers(self, index: int, channels: int, cover: tuple[int, int] | None = None) -> Numbers:
        """As `decode`, but wide grey in its own numbers (H, W). Raises DecodeError."""

    def decode(
        self, index: int, channels: int, cover: tuple[int, int] | None = None, white: float | None = None
    ) -> Pixels:
        """Upright uint8 (H, W, channels); `cover` and `white` as in `decode_picture`. Raises DecodeError."""
        return to_8_bits(self.numbers(index, channels, cover), channels, white, self.name(index))

    @abstractmethod
    def size(self, index: int) -> tuple[int, int]:
        """Height and width in the file, in pixels, upright, of a picture that can be decoded."""

    def is_wide(self, index: int) -> bool:
        """Whether a picture is wide grey, as far as that is known undecoded. Raises DecodeError."""
        return False


class FilePictures(Pictures):
    """Picture files below a folder; a key is made of path, size in bytes and time of change."""

    def __init__(self, root: Path, relative_paths: Iterable[str]) -> None:
        self.root = root
        self.relative_paths = relative_paths if isinstance(relative_paths, Names) else Names(relative_paths)
        self._root = str(root.absolute())

    def __len__(self) -> int:
        return len(self.relative_paths)

    def path(self, index: int) -> Path:
        """The file of a picture."""
        return self.root / self.relative_paths[index]

    def name(self, index: int) -> str:
        """The path of a picture."""
        return str(self.path(index))

    def listed_name(self, index: int) -> str:
        """The path below the folder."""
        return self.relative_paths[index]

    def key(self, index: int) -> bytes:
        """Path, size in bytes and time of change in nanoseconds, hashed; a missing file has a key too."""
        path = os.path.join(self._root, self.relative_paths[index])  # noqa: PTH118 - a Path takes as long as the rest
        try:
            status = os.stat(path)  # noqa: PTH116 - likewise
            state = (path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        except (OSError, ValueError):  # the second of a name with a 0 in it, which no file has
            state = (path, -1, -1, -1)
        return hashlib.blake2b(repr(state).encode("utf-8", "surrogateescape"), digest_size=16).digest()

    def numbers(self, index: int, channels: int, cover: tuple[int, int] | None = None) -> Numbers:
        """Upright uint8 (H, W, channels), or wide grey (H, W). Raises DecodeError."""
        return read_numbers(self.path(index), channels, cover)

    def size(self, index: int) -> tuple[int, int]:
        """Height and width in pixels, upright, by the file's header."""
        return read_size(self.path(index))

    def is_wide(self, index: int) -> bool:
        """Whether a file's header says wide grey."""
        return read_is_wide(self.path(index))


class ArrayPictures(Pictures):
    """Pictures that came as one array of numbers: digits, IDX and CIFAR files.

    pixels: uint8 (N, H, W) grey or (N, H, W, 3) RGB. source: what names the file in errors.
    """

    def __init__(self, pixels: npt.NDArray[np.uint8], source: str) -> None:
        self.pixels = pixels
        self.source = source
        self._digest = hashlib.blake2b(pixels.tobytes(), digest_size=16)

    def __len__(self) -> int:
        return len(self.pixels)

    def name(self, index: int) -> str:
        """The source and the number in it, such as "digits[17]"."""
        return f"{self.source}[{index}]"

    def key(self, index: int) -> bytes:
        """The content of the whole array and the place in it, hashed."""
        digest = self._digest.copy()
        digest.update(index.to_bytes(8, "little"))
        return digest.digest()

    def numbers(self, index: int, channels: int, cover: tuple[int, int] | None = None) -> Numbers:
        """uint8 (H, W, channels)."""
        return to_pixels(Image.fromarray(self.pixels[index]), channels)

    def size(self, index: int) -> tuple[int, int]:
        """Height and width in pixels, the same for all."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[2])


@dataclass(frozen=True)
class Dataset:
    """Pictures with what is known of them, and their splits.

    source: what the person named, such as "digits" or a folder. targets: of every picture. splits: picture
    numbers of "train", "val" and "test"; "test" may be missing. split_rule: one sentence on where the splits come from.
    inventory: what was left out. drawn: splits that were drawn, and train if they were taken from it; the others came
    with the data.
    """

    source: str
    pictures: Pictures
    targets: Targets
    splits: dict[str, Indices]
    split_rule: str
    inventory: Inventory = field(default_factory=Inventory)
    drawn: tuple[str, ...] = ()

    @property
    def labels(self) -> Indices:
        """Class number of every picture, of a data set of classes."""
        return self._classes.labels

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their numbers, of a data set of classes."""
        return self._classes.names

    @property
    def _classes(self) -> ClassTargets:
        if not isinstance(self.targets, ClassTargets):
            raise StriateError(f"{self.source} is for {self.targets.task}; this needs pictures with one class each")
        return self.targets

    def counts(self) -> dict[str, list[int]]:
        """Pictures per class, for each split: train, val, test, whichever there are."""
        return {split: self.targets.counts(self.splits[split]) for split in sorted(self.splits, key=SPLITS.index)}
