"""Which pictures train, validate and test: stratified, stable, and the same on every machine.

Within each class the pictures are put in the order of a hash of seed and name; the first of them test, the next
validate, the rest train. So the order of listing does not matter, and a picture that is added moves few others.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from striate.data.dataset import SPLITS, Dataset, Names, Pictures
from striate.data.targets import Indices, Targets
from striate.data.targets.classes import ClassTargets

TRAIN, VAL, TEST = range(3)


class Shares(NamedTuple):
    """Per cent of every class that validate and test; the rest trains."""

    val: int = 15
    test: int = 15


def name_hash(name: str, seed: int) -> int:
    """64 bits of BLAKE2b over seed and name; the name in Unicode's form NFC, since macOS may store another.

    >>> name_hash("ü.png", 0) == name_hash("u\\u0308.png", 0)
    True
    """
    text = f"{seed}/{unicodedata.normalize('NFC', name)}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def split_by_name(names: Iterable[str], labels: Indices, seed: int, shares: Shares | None = None) -> dict[str, Indices]:
    """Split every class by the hashes of its names.

    names: one per picture, the same on every machine, such as the path below the folder. labels: class numbers (N,).
    shares: per cent, by default 15 and 15, each rounded half up. A share that is not 0 gives at least one
    picture where the class is large enough: the first picture trains, the second validates, the third tests.
    Returns ascending picture numbers of "train", "val" and "test".

    >>> split_by_name(["a", "b", "c"], np.zeros(3, np.int64), seed=0)
    {'train': array([1]), 'val': array([0]), 'test': array([2])}
    """
    shares = shares or Shares()
    hashes = np.fromiter((name_hash(name, seed) for name in names), np.uint64, len(labels))
    by_class = np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1])
    split_of = np.full(len(labels), TRAIN, np.int8)
    for members in by_class:
        ranked = members[np.argsort(hashes[members], kind="stable")]
        test = _share(len(ranked), shares.test, 3)
        val = test + _share(len(ranked), shares.val, 2)
        split_of[ranked[:test]] = TEST
        split_of[ranked[test:val]] = VAL
    return {split: np.flatnonzero(split_of == number) for number, split in enumerate(SPLITS)}


def _share(class_size: int, per_cent: int, one_from: int) -> int:
    """Pictures of a class: per cent, rounded half up in whole numbers; at least 1 in a class of `one_from`."""
    if class_size < one_from or per_cent == 0:
        return 0
    return max(1, (class_size * per_cent + 50) // 100)


def split_number(split: str) -> int:
    """0, 1, 2 for "train", "val", "test", and -1 for "": how a list of many pictures says the split of each."""
    return SPLITS.index(split) if split else -1


def given_splits(split_of: npt.NDArray[np.int8]) -> dict[str, Indices]:
    """Picture numbers of the splits that occur in one split number per picture.

    >>> given_splits(np.array([2, 0, 0], np.int8))
    {'train': array([1, 2]), 'test': array([0])}
    """
    return {split: np.flatnonzero(split_of == n) for n, split in enumerate(SPLITS) if n in split_of}


def split_dataset(
    source: str,
    pictures: Pictures,
    names: Sequence[str] | Names,
    labels: Indices,
    classes: Sequence[str],
    given: dict[str, Indices],
    seed: int,
    shares: Shares | None = None,
) -> Dataset:
    """The dataset of pictures with one class each, split as `split_targets` says. labels: class numbers (N,)."""
    return split_targets(source, pictures, names, ClassTargets(labels, tuple(classes)), given, seed, shares)


def split_targets(
    source: str,
    pictures: Pictures,
    names: Sequence[str] | Names,
    targets: Targets,
    given: dict[str, Indices],
    seed: int,
    shares: Shares | None = None,
) -> Dataset:
    """Make the dataset: keep the splits that came with the pictures, and take the missing ones from train.

    names: as in `split_by_name`. given: picture numbers of "train", "val", "test"; {} or only "train" to have all
    three made; without "val" it is taken from train, if there is that; without "test" there is none.
    """
    shares = shares or Shares()
    given = given or {"train": np.arange(len(targets))}
    made = [split for split in ("val", "test") if split not in given and (split == "val" or len(given) == 1)]
    if "train" not in given:
        made = []
    splits = given
    if made:
        train = given["train"]
        taken = Shares(shares.val, shares.test if "test" in made else 0)
        strata = np.zeros(len(targets), np.int64) if targets.strata is None else targets.strata
        parts = split_by_name((names[int(i)] for i in train), strata[train], seed, taken)
        splits = given | {split: train[parts[split]] for split in ("train", *made)}
    how = f"{'' if targets.strata is None else 'stratified by class, '}by name and split seed {seed}"
    rule, drawn = _split_rule(given, made, shares, how), ("train", *made) if made else ()
    return Dataset(source, pictures, targets, splits, rule, drawn=drawn)


def _split_rule(given: dict[str, Indices], made: list[str], shares: Shares, how: str) -> str:
    """One sentence on where the splits come from."""
    if made == ["val", "test"]:
        return f"{100 - sum(shares)} % train, {shares.val} % val, {shares.test} % test, {how}"
    rule = f"{', '.join(given)} as given"
    if made:
        rule += f"; val is {shares.val} % of the given train, {how}"
    return rule if "test" in given else rule + "; no test split"
