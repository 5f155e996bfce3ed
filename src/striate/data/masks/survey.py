"""One pass over all masks, in parallel: which numbers or colours they hold, and how many pixels of each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from striate.core.units import counted
from striate.data.decode import DecodeError
from striate.data.masks.mask_file import GREY, MOST_NUMBERS, SAVE_AS, RawMask, read_mask
from striate.data.scan import Progress
from striate.data.threads import in_threads


@dataclass(frozen=True)
class Seen:
    """What is known of one mask file.

    size_px: height and width. pixels: how many have each number, or each colour 0xRRGGBB where it is coloured. colours:
    of the numbers, where it is not. unlike: the share of neighbours, left and right, that differ. digest: of size and
    numbers, 16 bytes.
    """

    size_px: tuple[int, int]
    pixels: dict[int, int]
    coloured: bool
    colours: dict[int, int]
    unlike: float
    digest: bytes

    @property
    def is_grey(self) -> bool:
        """Whether it holds numbers, be it as levels of grey of a file of colours."""
        return not self.coloured or all(colour == (colour & 0xFF) * GREY for colour in self.pixels)

    def by(self, coloured: bool) -> dict[int, int]:
        """Pixels of each colour, or of each number; of several colours in one mask that has no numbers, none."""
        if coloured == self.coloured:
            return self.pixels
        if self.coloured:
            return {colour & 0xFF: count for colour, count in self.pixels.items()} if self.is_grey else {}
        counts: Counter[int] = Counter()
        for number, count in self.pixels.items():
            counts[self.colours[number]] += count
        return dict(counts)


@dataclass(frozen=True)
class Survey:
    """What the masks of a data set hold. seen: of each, None where it cannot be read. problems: why, by its number."""

    seen: Sequence[Seen | None]
    problems: Mapping[int, str]

    @property
    def readable(self) -> list[Seen]:
        """Those that can be read."""
        return [each for each in self.seen if each is not None]

    @cached_property
    def colours(self) -> Counter[int]:
        """Pixels of every colour, in all masks."""
        return sum((Counter(each.by(coloured=True)) for each in self.readable), Counter())

    @cached_property
    def numbers(self) -> Counter[int]:
        """Pixels of every number, in all masks that hold numbers."""
        return sum((Counter(each.by(coloured=False)) for each in self.readable), Counter())

    @property
    def is_coloured(self) -> bool:
        """Whether masks hold colours that are no levels of grey, more of them than are files of numbers."""
        coloured = sum(not each.is_grey for each in self.readable)
        return coloured > 0 and coloured >= sum(not each.coloured for each in self.readable)


def survey_masks(root: Path, paths: Sequence[str], progress: Progress | None = None) -> Survey:
    """Read every mask once. paths: below the root."""

    def look(path: str) -> Seen | str:
        try:
            return seen_in(read_mask(root / path), path)
        except DecodeError as error:
            return error.reason

    seen: list[Seen | None] = []
    problems: dict[int, str] = {}
    for index, found in enumerate(in_threads(look, paths)):
        seen.append(None if isinstance(found, str) else found)
        if isinstance(found, str):
            problems[index] = found
        if progress is not None:
            progress(index + 1, len(paths))
    return Survey(seen, problems)


def seen_in(mask: RawMask, name: str) -> Seen:
    """Look at one mask. name: what errors call it. Raises DecodeError for more numbers than classes can have.

    >>> seen_in(RawMask(np.array([[4, 4, 9]], np.uint32), coloured=False), "a.png").pixels
    {4: 2, 9: 1}
    """
    numbers, counts = _counted(mask)
    if len(numbers) > MOST_NUMBERS:
        what = counted(len(numbers), "colour" if mask.coloured else "number")
        raise DecodeError(name, f"has {what}, so it is a picture and no mask; {SAVE_AS}")
    colours = numbers * np.uint32(GREY) if mask.palette is None else mask.palette[numbers & 0xFF]
    digest = hashlib.blake2b(repr((mask.numbers.shape, mask.coloured)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(mask.numbers).data)
    return Seen(
        size_px=(mask.numbers.shape[0], mask.numbers.shape[1]),
        pixels=dict(zip(numbers.tolist(), counts.tolist(), strict=True)),
        coloured=mask.coloured,
        colours={} if mask.coloured else dict(zip(numbers.tolist(), colours.tolist(), strict=True)),
        unlike=float((mask.numbers[:, 1:] != mask.numbers[:, :-1]).mean()) if mask.numbers.shape[1] > 1 else 0.0,
        digest=digest.digest(),
    )


def _counted(mask: RawMask) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The numbers that occur, ascending, and how often."""
    if mask.coloured or mask.numbers.max(initial=0) > 0xFFFF:
        return np.unique(mask.numbers, return_counts=True)
    counts = np.bincount(mask.numbers.ravel())
    numbers = np.flatnonzero(counts)
    return numbers.astype(np.uint32), counts[numbers]
