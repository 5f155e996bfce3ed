"""Pictures at the working size, by number: read from the decoded cache, or decoded when asked for."""

from __future__ import annotations

import math
import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from striate.core.errors import ChangedPicture
from striate.core.reading import refuse_other_than_file
from striate.core.records import Preprocess
from striate.data.dataset import Pictures
from striate.data.decode import DecodeError, Pixels, memory_named
from striate.data.scan import Keep, Scan, decode_to_scan, pixel_digest
from striate.data.stored_arrays import require_header
from striate.data.targets import Indices
from striate.data.threads import in_threads
from striate.data.working_size import to_working_size

Bad = dict[int, DecodeError]
"""Why pictures cannot be had, by number."""


class WorkingPictures(ABC):
    """Working-size pictures by number; `shape` is height, width and channels."""

    shape: tuple[int, int, int]

    @abstractmethod
    def fill(self, index: int, pixels: Pixels) -> None:
        """Write one picture into uint8 (height, width, channels). Raises DecodeError that names it."""

    def take(self, indices: Indices, bad: Bad | None = None) -> npt.NDArray[np.uint8]:
        """uint8 (N, height, width, channels), in the order of `indices`.

        bad: pictures that cannot be had are left out and added here; without it, the first raises its DecodeError.
        """
        pixels = np.empty((len(indices), *self.shape), np.uint8)
        numbers = indices.tolist()

        def one(place: int) -> DecodeError | None:
            try:
                self.fill(numbers[place], pixels[place])
            except DecodeError as error:
                return error
            return None

        errors = list(self._each(one, range(len(numbers))))
        found = {number: error for number, error in zip(numbers, errors, strict=True) if error is not None}
        if not found:
            return pixels
        if bad is None:
            raise next(iter(found.values()))
        bad.update(found)
        return pixels[[error is None for error in errors]]

    def _each(self, work: Callable[[int], DecodeError | None], places: Iterable[int]) -> Iterator[DecodeError | None]:
        return map(work, places)


class DecodedPictures(WorkingPictures):
    """Decoded when asked for, by all cores; once `expect` has been called, a picture that is another one is refused."""

    def __init__(self, pictures: Pictures, preprocess: Preprocess) -> None:
        self.pictures, self.preprocess = pictures, preprocess
        self.shape = (*preprocess.resize, preprocess.channels)
        self._expected: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]] | None = None

    def expect(self, scan: Scan, keys: npt.NDArray[np.uint8]) -> None:
        """From here on the pictures are to be those of a scan. keys: theirs from before it, (N, 16)."""
        self._expected = scan.digests, keys

    def fill(self, index: int, pixels: Pixels) -> None:
        """Decode one picture. Raises ChangedPicture when it is not the one that was expected."""
        with memory_named(self.pictures.name(index)):
            decoded = decode_to_scan(self.pictures, index, self.preprocess)
            if self._expected is not None:
                self._refuse_another(index, decoded, *self._expected)
            pixels[...] = to_working_size(decoded, self.preprocess)

    def _refuse_another(
        self, index: int, decoded: Pixels, digests: npt.NDArray[np.uint8], keys: npt.NDArray[np.uint8]
    ) -> None:
        """Hashing pixels takes as long as decoding a small picture, so it is done only where the file has changed."""
        key = np.frombuffer(self.pictures.key(index), np.uint8)
        if (key == keys[index]).all():
            return
        if digests[index].any() and pixel_digest(decoded) != digests[index].tobytes():
            raise ChangedPicture(
                f"{self.pictures.name(index)} is another picture than when the run began, so it cannot go on to the "
                "same weights; what was trained is saved: bring that picture back and go on with --resume"
            )
        keys[index] = key

    def _each(self, work: Callable[[int], DecodeError | None], places: Iterable[int]) -> Iterator[DecodeError | None]:
        return in_threads(work, places)


class CachedPictures(WorkingPictures):
    """Read from the pixels of a cache entry; what cannot be read there is decoded from its source.

    Read, not mapped: where a disk dies or a file was cut, a map kills the process, and its pages count as memory.
    Stays usable when the entry is removed meanwhile, as another run does that needs the room.
    file: .npy of uint8 (N, height, width, channels). Raises OSError or ValueError when it is not all there.
    """

    def __init__(self, file: Path, source: DecodedPictures) -> None:
        self.shape, self.source = source.shape, source
        self._bytes = int(np.prod(self.shape))
        refuse_other_than_file(file, file.stat())
        shape = (len(source.pictures), *self.shape)
        with file.open("rb") as opened:
            self._start, there = require_header(opened, file, shape, np.uint8), file.stat().st_size
        if there != self._start + math.prod(shape):
            raise ValueError(f"{file} holds {there:,} bytes")
        self._handle = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, self._handle)

    def fill(self, index: int, pixels: Pixels) -> None:
        """Read one picture."""
        try:
            with self._lock:  # not `os.pread`, which Windows lacks
                os.lseek(self._handle, self._start + index * self._bytes, os.SEEK_SET)
                content = os.read(self._handle, self._bytes)
        except (OSError, MemoryError):
            content = b""
        if len(content) == self._bytes:
            pixels[...] = np.frombuffer(content, np.uint8).reshape(self.shape)
        else:
            self.source.fill(index, pixels)


@contextmanager
def new_pixels(file: Path, shape: tuple[int, int, int, int]) -> Iterator[Keep]:
    """Make the file of pixels of that shape, picture by picture in any order; what is not given stays black."""
    lock = threading.Lock()
    with file.open("wb") as opened:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(opened, header)
        start, size = opened.tell(), int(np.prod(shape[1:]))

        def keep(index: int, pixels: Pixels) -> None:
            with lock:
                opened.seek(start + index * size)
                opened.write(pixels.tobytes())

        yield keep
        opened.truncate(start + shape[0] * size)
