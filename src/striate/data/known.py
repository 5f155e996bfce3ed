"""The pictures that a run knows: which it was trained on, which chose its weights, which it has never had."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from striate.data.dataset import SPLITS, Dataset
from striate.data.found_again import Hashing
from striate.data.manifest import UNREAD, rows_of
from striate.data.scan import decode_to_scan, pixel_digest
from striate.data.splits import name_hash

NEW = -1
"""In place of a split's number: the run does not list the picture."""


@dataclass(frozen=True)
class Known:
    """The list of a run, data.tsv, to look pictures up in by name or by hash, in 64 bits of each.

    names, digests: (N,), each sorted. name_digests, name_splits: of the picture of that name. digest_splits: of the
    picture of that hash; of equal pictures the one that says most: train before val before test.
    """

    hashing: Hashing
    names: npt.NDArray[np.uint64]
    name_digests: npt.NDArray[np.uint64]
    name_splits: npt.NDArray[np.int8]
    digests: npt.NDArray[np.uint64]
    digest_splits: npt.NDArray[np.int8]

    def recorded(self, dataset: Dataset) -> Dataset:
        """The dataset with the splits that the run had, where they were drawn: of pictures that it lists by name.

        Splits that come with the data stay as they are; pictures of other names stay where they were drawn.
        """
        split_of = np.full(len(dataset.pictures), NEW, np.int8)
        for split, indices in dataset.splits.items():
            split_of[indices] = SPLITS.index(split)
        drawn = [SPLITS.index(split) for split in dataset.drawn]
        for index in np.flatnonzero(np.isin(split_of, drawn)).tolist():
            place = _place(self.names, name_hash(dataset.pictures.listed_name(index), 0))
            if place is not None and self.name_splits[place] in drawn:
                split_of[index] = self.name_splits[place]
        return replace(
            dataset, splits={split: np.flatnonzero(split_of == SPLITS.index(split)) for split in dataset.splits}
        )

    def split_of(self, dataset: Dataset, index: int, digest: bytes) -> int:
        """The number of the split in which the run had a picture, or NEW; the hash decides, the name among equal ones.

        digest: of its pixels as they are decoded for the run's network.
        """
        found = self._split_of(dataset, index, digest)
        if found == NEW and self.hashing.earlier:
            digest = pixel_digest(decode_to_scan(dataset.pictures, index, None))
            return self._split_of(dataset, index, digest)
        return found

    def _split_of(self, dataset: Dataset, index: int, digest: bytes) -> int:
        number = int.from_bytes(digest[:8], "big")
        place = _place(self.digests, number)
        if place is None:
            return NEW
        own = _place(self.names, name_hash(dataset.pictures.listed_name(index), 0))
        if own is not None and self.name_digests[own] == number:
            return int(self.name_splits[own])
        return int(self.digest_splits[place])


def known_pictures(file: Path, hashing: Hashing) -> Known:
    """Read the list of a run. Raises StriateError when it is missing or damaged."""
    names, digests, splits = array("Q"), array("Q"), array("b")
    for row in rows_of(file):
        if row.split != UNREAD:
            names.append(name_hash(row.name, 0))
            digests.append(int(row.digest[:16] or "0", 16))
            splits.append(SPLITS.index(row.split))
    by_name, by_digest = np.frombuffer(names, np.uint64), np.frombuffer(digests, np.uint64)
    split_of = np.frombuffer(splits, np.int8)
    order, likeliest = np.argsort(by_name, kind="stable"), np.lexsort((split_of, by_digest))
    return Known(hashing, by_name[order], by_digest[order], split_of[order], by_digest[likeliest], split_of[likeliest])


def _place(numbers: npt.NDArray[np.uint64], number: int) -> int | None:
    """Where a number first stands in sorted ones; None where it does not."""
    place = int(np.searchsorted(numbers, np.uint64(number)))
    return place if place < len(numbers) and numbers[place] == number else None
