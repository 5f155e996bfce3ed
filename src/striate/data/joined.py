"""Splits that lie elsewhere: several sources as one data set, each split of which may come from another place."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.dataset import SPLITS, Dataset, FilePictures, Names, Pictures
from striate.data.decode import Numbers, Pixels
from striate.data.left_out import Inventory
from striate.data.splits import split_targets
from striate.data.targets import Targets
from striate.data.targets.classes import numbers_among

ELSEWHERE = ("val", "test")
"""Splits that may lie elsewhere; the pictures to train on are the data itself."""


class JoinedPictures(Pictures):
    """Pictures of several sources, one after the other: those of the data itself, then of each split elsewhere.

    splits: which split each source after the first is. Pictures that are no files are called by it too, such
    as "val arrays[3]".
    """

    def __init__(self, parts: Sequence[Pictures], splits: Sequence[str]) -> None:
        self.parts, self.splits = tuple(parts), tuple(splits)
        self._starts = [0, *accumulate(map(len, parts))]

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def sizes_elsewhere(self) -> dict[str, int]:
        """How many pictures there are of each split that lies elsewhere."""
        return {split: len(part) for split, part in zip(self.splits, self.parts[1:], strict=True)}

    def _at(self, index: int) -> tuple[Pictures, int]:
        place = bisect_right(self._starts, index) - 1
        return self.parts[place], index - self._starts[place]

    def _called(self, index: int, name: str) -> str:
        place = bisect_right(self._starts, index) - 1
        in_files = not place or isinstance(self.parts[place], FilePictures)
        return name if in_files else f"{self.splits[place - 1]} {name}"

    def name(self, index: int) -> str:
        """What its source calls a picture."""
        part, own = self._at(index)
        return self._called(index, part.name(own))

    def listed_name(self, index: int) -> str:
        """What its source has in lists: for files, the path below its own folder."""
        part, own = self._at(index)
        return self._called(index, part.listed_name(own))

    def key(self, index: int) -> bytes:
        """That of its source."""
        part, own = self._at(index)
        return part.key(own)

    def numbers(self, index: int, channels: int, cover: tuple[int, int] | None = None) -> Numbers:
        """As its source decodes it."""
        part, own = self._at(index)
        return part.numbers(own, channels, cover)

    def decode(
        self, index: int, channels: int, cover: tuple[int, int] | None = None, white: float | None = None
    ) -> Pixels:
        """As its source decodes it."""
        part, own = self._at(index)
        return part.decode(own, channels, cover, white)

    def size(self, index: int) -> tuple[int, int]:
        """Height and width in pixels, upright."""
        part, own = self._at(index)
        return part.size(own)

    def is_wide(self, index: int) -> bool:
        """Whether it is wide grey."""
        part, own = self._at(index)
        return part.is_wide(own)


def parts_of(pictures: Pictures) -> Iterator[tuple[int, Pictures]]:
    """The sources of pictures, each with the number of its first picture."""
    start = 0
    for part in pictures.parts if isinstance(pictures, JoinedPictures) else (pictures,):
        yield start, part
        start += len(part)


def relisted(pictures: Pictures, names: Names, elsewhere: Mapping[str, int]) -> Pictures | None:
    """The pictures under the names of a list, of which those elsewhere are the last; None where they are not as many.

    elsewhere: how many of the names are of each split that lies elsewhere.
    """
    if not isinstance(pictures, JoinedPictures):
        return _relisted(pictures, names, 0, len(names))
    sizes = [elsewhere.get(split, 0) for split in pictures.splits]
    ends = list(accumulate(sizes, initial=len(names) - sum(sizes)))
    if ends[0] < 0:
        return None
    bounds = zip(pictures.parts, [0, *ends], ends, strict=False)
    parts = [_relisted(part, names, start, end) for part, start, end in bounds]
    found = [part for part in parts if part is not None]
    return JoinedPictures(found, pictures.splits) if len(found) == len(parts) else None


def _relisted(pictures: Pictures, names: Names, start: int, end: int) -> Pictures | None:
    if isinstance(pictures, FilePictures):
        return FilePictures(pictures.root, (names[index] for index in range(start, end)))
    return pictures if len(pictures) == end - start else None


def with_splits_elsewhere(dataset: Dataset, others: Mapping[str, Dataset], split_seed: int) -> Dataset:
    """A data set with all pictures of others as its splits, their classes matched by name.

    others: by split, "val" or "test". What was drawn of the dataset's own pictures is drawn anew, of what is missing.
    Raises StriateError for a class that is not among the dataset's, and for a split that it has itself.
    """
    given = {split: indices for split, indices in dataset.splits.items() if split not in dataset.drawn}
    if dataset.drawn:
        given["train"] = np.sort(np.concatenate([dataset.splits[split] for split in dataset.drawn]))
    targets, start = [], len(dataset.pictures)
    for split, other in others.items():
        flag = f"--{split}"
        if split in given:
            raise StriateError(
                f"{dataset.source} has {counted(len(given[split]), 'picture')} of a {split} split itself; leave "
                f"{flag} out, or give the place of its pictures to train on alone"
            )
        targets.append(_targets_in(dataset, other, flag))
        given[split] = np.arange(start, start + len(other.pictures))
        start += len(other.pictures)
    own = dataset.pictures
    joined = split_targets(
        dataset.source,
        JoinedPictures([own, *(other.pictures for other in others.values())], list(others)),
        Names(own.listed_name(index) for index in range(len(own))),
        dataset.targets.joined(targets),
        {split: given[split] for split in SPLITS if split in given},
        split_seed,
    )
    places = "; ".join(f"{split} is all of {other.source}" for split, other in others.items())
    inventories = [each.inventory for each in (dataset, *others.values())]
    inventory = Inventory(
        tuple(one for each in inventories for one in each.left_out),
        tuple(dict.fromkeys(note for each in inventories for note in each.notes)),
        next((each.doubt for each in inventories if each.doubt), ""),
    )
    return replace(joined, split_rule=f"{joined.split_rule}; {places}", inventory=inventory)


def _targets_in(dataset: Dataset, other: Dataset, flag: str) -> Targets:
    """Another data set's targets in the numbers of the first's classes. Raises StriateError for unknown classes."""
    names = dataset.targets.names
    if other.targets.task != dataset.targets.task:
        raise StriateError(
            f"{flag} {other.source} is for {other.targets.task}, and {dataset.source} for {dataset.targets.task}; "
            f"give {flag} pictures with the same kind of answers"
        )
    numbers, unknown = numbers_among(other.targets.names, names)
    if unknown:
        raise StriateError(
            f"{flag} {other.source} has {counted(len(unknown), 'class')} ({', '.join(unknown[:3])}"
            f"{', ...' if len(unknown) > 3 else ''}) that {dataset.source} has no pictures of to train on; its classes "
            f"are {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
        )
    return other.targets.numbered(names, numbers)
