"""What a network is evaluated on: the split of a dataset, its classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.dataset import Dataset
from striate.data.from_memory import open_in_memory
from striate.data.in_memory import Data, as_data
from striate.data.sources import open_to_evaluate
from striate.data.targets import Indices, Targets
from striate.data.targets.classes import numbers_among
from striate.data.targets.masks import MaskTargets
from striate.data.tiled import tiled
from striate.tasks.task import Task


class Reader(Protocol):
    """What decides how data is read: a run."""

    @property
    def split_seed(self) -> int:
        """What decides splits where the data has none."""

    @property
    def ignored(self) -> str | None:
        """The class of whose pixels nothing is asked."""

    @property
    def on_tiles(self) -> bool:
        """Whether pictures are seen in tiles."""

    @property
    def preprocess(self) -> Preprocess:
        """Of the network."""

    @property
    def task(self) -> Task:
        """What the data is for."""


def open_for(run: Reader, data: Data) -> Dataset:
    """Data as a run reads it: named, or in memory, of which all is evaluated."""
    given = as_data(data)
    if not isinstance(given, str):
        return open_in_memory(given, None)
    dataset = open_to_evaluate(given, run.split_seed, ignored=run.ignored, task=run.task.needs)
    return tiled(dataset, run.preprocess) if run.on_tiles else dataset


def split_to_evaluate(dataset: Dataset, split: str | None) -> str:
    """The split that a person named, or "all"; None takes "test", or "val" where there is no test.

    Raises StriateError for a split that the dataset does not have.
    """
    if split is None:
        return "test" if len(dataset.splits.get("test", ())) else "val"
    if split not in (*dataset.splits, "all"):
        raise StriateError(f"{dataset.source} has no split {split!r}; it has {', '.join(dataset.splits)} and all")
    return split


def members(dataset: Dataset, split: str) -> Indices:
    """The picture numbers of a split, or of all of them."""
    return np.concatenate(list(dataset.splits.values())) if split == "all" else dataset.splits[split]


def targets_for(dataset: Dataset, network: Path, classes: tuple[str, ...], *, named: bool) -> Targets:
    """What is known of every picture, in the numbers of a network's classes.

    network: where it lies, for messages. named: whether its classes have names; those without, as of a weight file, are
    taken in the order of the data's where there are as many.
    Raises StriateError for classes that the network was not trained on.
    """
    targets = dataset.targets
    if not named:
        if len(targets.names) != len(classes):
            raise StriateError(
                f"{network} has {counted(len(classes), 'class')} without names, {dataset.source} has "
                f"{len(targets.names)}, so nothing says which is which"
            )
        return targets.numbered(classes, np.arange(len(classes)))
    numbers, unknown = numbers_among(targets.names, classes)
    if unknown and isinstance(targets, MaskTargets) and (other := targets.without_numbers(unknown)):
        return targets_for(replace(dataset, targets=other), network, classes, named=named)
    if unknown:
        raise StriateError(
            f"{dataset.source} has classes that {network} was not trained on: {', '.join(unknown[:5])}"
            f"{' ...' if len(unknown) > 5 else ''}; it knows {', '.join(classes[:5])}"
            f"{' ...' if len(classes) > 5 else ''}"
        )
    return targets.numbered(classes, numbers)
