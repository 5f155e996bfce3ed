"""One pass over all pictures, in parallel: what can be decoded, how large it is, what is the same as what."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from striate.core.records import Preprocess
from striate.data.dataset import Dataset, Pictures
from striate.data.decode import DecodeError, Numbers, Pixels, finite, is_wide_grey, memory_named, to_8_bits
from striate.data.threads import in_threads
from striate.data.working_size import to_working_size

Progress = Callable[[int, int], None]
"""Called with (done, total) as pictures are finished."""

Keep = Callable[[int, Pixels], None]
"""Called with a picture's number and its pixels."""

# What `check` decodes at when no network has been named; photographs of many megapixels come faster that way.
CHECK_COVER_PX = (256, 256)


class Wide(NamedTuple):
    """What is known of a picture of wide grey by its own numbers, of which only 256 levels reach a network.

    largest: its largest number. floating: whether its numbers are. digest: of the numbers, as hexadecimal text.
    """

    largest: float
    floating: bool
    digest: str

    @classmethod
    def of(cls, numbers: Numbers) -> Wide:
        """Look at the numbers (H, W) of a picture."""
        digest = hashlib.blake2b(repr((numbers.shape, numbers.dtype.kind)).encode() + numbers.tobytes(), digest_size=16)
        return cls(float(finite(numbers).max(initial=0.0)), numbers.dtype.kind == "f", digest.hexdigest())


@dataclass(frozen=True)
class Scan:
    """What one pass over a dataset's pictures found; arrays have one entry per picture.

    sizes_px: height and width in the file, upright, (N, 2). digests: `pixel_digest` of every picture, zeros where it
    could not be decoded, (N, 16). problems: reason by picture number, for those that could not be decoded. wide: those
    of wide grey, by number; their pixels may be equal where their numbers are not.
    """

    sizes_px: npt.NDArray[np.int32]
    digests: npt.NDArray[np.uint8]
    problems: dict[int, str]
    wide: dict[int, Wide] = field(default_factory=dict)

    def identity(self, index: int) -> bytes:
        """Equal for pictures that are equal in the numbers of their files."""
        wide = self.wide.get(index)
        return self.digests[index].tobytes() if wide is None else wide.digest.encode()


def scan_pictures(
    pictures: Pictures,
    preprocess: Preprocess | None = None,
    keep: Keep | None = None,
    progress: Progress | None = None,
) -> Scan:
    """Decode every picture once. With `preprocess` and `keep`, also hand on its working-size pixels.

    preprocess: what the pictures are decoded for, which decides the digests; None: as `check` does before a network
    has been named. keep: called by several threads, with uint8 (height, width, channels) of `preprocess.resize`.
    """
    channels, cover, white = decoded_for(preprocess)

    def look(index: int) -> tuple[tuple[int, int], bytes, str | Wide | None]:
        try:
            with memory_named(pictures.name(index)):
                numbers, size = pictures.numbers(index, channels, cover), pictures.size(index)
                wide = Wide.of(numbers) if is_wide_grey(numbers) else None
                pixels = to_8_bits(numbers, channels, white, pictures.name(index))
                working = to_working_size(pixels, preprocess) if preprocess is not None and keep is not None else None
                digest = pixel_digest(pixels)
        except DecodeError as error:
            return (0, 0), bytes(16), error.reason
        if working is not None and keep is not None:
            keep(index, working)
        return size, digest, wide

    total = len(pictures)
    sizes = np.zeros((total, 2), np.int32)
    digests = np.zeros((total, 16), np.uint8)
    problems: dict[int, str] = {}
    wide: dict[int, Wide] = {}
    for index, (size, digest, remark) in enumerate(in_threads(look, range(total))):
        sizes[index], digests[index] = size, np.frombuffer(digest, np.uint8)
        if isinstance(remark, str):
            problems[index] = remark
        elif remark is not None:
            wide[index] = remark
        if progress is not None:
            progress(index + 1, total)
    return Scan(sizes, digests, problems, wide)


def decode_to_scan(pictures: Pictures, index: int, preprocess: Preprocess | None) -> Pixels:
    """A picture as it is decoded for a network, or with None as `check` decodes it. Raises DecodeError."""
    return pictures.decode(index, *decoded_for(preprocess))


def decoded_for(preprocess: Preprocess | None) -> tuple[int, tuple[int, int], float | None]:
    """Channels, what is to be covered and what is white, for a network, or with None for `check`."""
    return (preprocess.channels, preprocess.resize, preprocess.white) if preprocess else (3, CHECK_COVER_PX, None)


def pixel_digest(pixels: Pixels) -> bytes:
    """16 bytes of BLAKE2b over shape and pixels: equal for equal pictures.

    >>> pixel_digest(np.zeros((2, 3, 1), np.uint8)) == pixel_digest(np.zeros((3, 2, 1), np.uint8))
    False
    """
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


def without_problems(dataset: Dataset, scan: Scan) -> Dataset:
    """The dataset with the pictures that cannot be decoded left out of its splits."""
    if not scan.problems:
        return dataset
    good = np.ones(len(dataset.pictures), bool)
    good[list(scan.problems)] = False
    return replace(dataset, splits={split: indices[good[indices]] for split, indices in dataset.splits.items()})
