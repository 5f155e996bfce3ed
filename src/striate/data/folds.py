"""Cross-validation: the pictures that are not test dealt into folds, each of which is judged once.

Within each class the pictures are put in the order of a hash of seed and name, as for splits, and dealt like cards,
from one class on to the next: so every class and the whole are as even over the folds as can be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.dataset import SPLITS, Dataset
from striate.data.manifest import UNREAD, rows_of
from striate.data.scan import Scan
from striate.data.splits import Shares, name_hash, split_by_name
from striate.data.targets import Indices
from striate.data.targets.classes import ClassTargets

FOLDS = (2, 1_000)


@dataclass(frozen=True)
class Fold:
    """One of several folds, counted from 1.

    >>> str(Fold(2, 5))
    'fold 2 of 5'
    """

    number: Annotated[int, Meta(ge=1)]
    of: Annotated[int, Meta(ge=FOLDS[0], le=FOLDS[1])]

    def __str__(self) -> str:
        return f"fold {self.number} of {self.of}"


def dealt(names: Iterable[str], strata: Indices, seed: int, folds: int) -> Indices:
    """The fold of every picture, from 0, int64 (N,). names, seed: as in `split_by_name`. strata: class numbers (N,).

    >>> dealt(["a", "b", "c", "d"], np.array([0, 0, 1, 1]), seed=0, folds=2).tolist()
    [0, 1, 1, 0]
    """
    hashes = np.fromiter((name_hash(name, seed) for name in names), np.uint64, len(strata))
    numbers = np.empty(len(strata), np.int64)
    numbers[np.lexsort((hashes, strata))] = np.arange(len(strata)) % folds
    return numbers


def in_fold(dataset: Dataset, fold: Fold, seed: int) -> Dataset:
    """The same with other splits: the fold tests, a share of the rest validates, what was test is in none of them.

    Raises StriateError where there are more folds than the smallest class has pictures.
    """
    pool = np.sort(np.concatenate([dataset.splits[name] for name in ("train", "val") if name in dataset.splits]))
    _require_enough(dataset, pool, fold.of)
    strata = dataset.targets.strata
    strata = np.zeros(len(pool), np.int64) if strata is None else strata[pool]
    tested = dealt(_names(dataset, pool), strata, seed, fold.of) == fold.number - 1
    rest, shares = pool[~tested], Shares(test=0)
    parts = split_by_name(_names(dataset, rest), strata[~tested], seed, shares)
    rule = (
        f"{fold} tests, of {counted(len(pool), 'picture')} that are not test, dealt by class, by name and split seed "
        f"{seed}; val is {shares.val} % of the rest"
    )
    splits = {"train": rest[parts["train"]], "val": rest[parts["val"]], "test": pool[tested]}
    return replace(dataset, splits=splits, split_rule=rule, drawn=SPLITS)


def _names(dataset: Dataset, indices: Indices) -> Iterable[str]:
    return (dataset.pictures.listed_name(index) for index in indices.tolist())


def _require_enough(dataset: Dataset, pool: Indices, folds: int) -> None:
    """Raise StriateError where a fold would lack pictures, or pictures of a class."""
    sizes = {"all classes together": len(pool)}
    if isinstance(targets := dataset.targets, ClassTargets):
        counts = np.bincount(targets.labels[pool], minlength=len(targets.names)).tolist()
        sizes = dict(zip(targets.names, counts, strict=True))
    name, least = min(sizes.items(), key=lambda pair: pair[1])
    if least < folds:
        then = f"ask for at most {least}, or give it more" if least >= FOLDS[0] else "give it more"
        raise StriateError(
            f"--folds {folds} needs a picture of every class for each fold, and {name} has {counted(least, 'picture')} "
            f"that {'is' if least == 1 else 'are'} not test; {then}"
        )


def refuse_other_pictures(first: Path, dataset: Dataset, scan: Scan) -> None:
    """Raise StriateError where the pictures are not those that the first fold was begun with, so were dealt otherwise.

    first: its list. dataset: of a later fold, as it is to be begun.
    """
    of_a_split = np.zeros(len(dataset.pictures), np.bool_)
    for indices in dataset.splits.values():
        of_a_split[indices] = True
    here = (
        (bool(used), scan.digests[index].tobytes().hex(), dataset.pictures.listed_name(index))
        for index, used in enumerate(of_a_split)
    )
    begun = ((row.split != UNREAD, row.digest, row.name) for row in rows_of(first))
    if list(here) != list(begun):
        raise StriateError(
            f"the pictures in {dataset.source} have changed since {first.parent} was begun, so that its folds would be "
            "others; bring them back, or begin anew with another --run"
        )
