"""How data in the program's memory becomes a dataset."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.arrays import Arrays
from striate.data.dataset import ArrayPictures, Dataset, FilePictures, Pictures
from striate.data.in_memory import InMemory, kind_of
from striate.data.item_labels import class_names
from striate.data.item_pictures import ItemPictures
from striate.data.joined import parts_of
from striate.data.scan import Progress
from striate.data.splits import split_targets
from striate.data.targets import Targets
from striate.data.tiled import TiledPictures


def open_in_memory(data: InMemory, split_seed: int | None = 0, progress: Progress | None = None) -> Dataset:
    """What is in memory as a dataset, its splits drawn by the seed; None: all of it is a test split.

    A list or Dataset is read once from end to end, to hash its pictures. Raises StriateError, with the number of the
    item, for what is no (picture, class), and for a Dataset that gives another picture when it is asked again.
    """
    kind = kind_of(data)
    pictures: Pictures
    targets: Targets
    if isinstance(data, Arrays):
        pictures, targets = ArrayPictures(data.pixels, kind), data.targets
    else:
        pictures = ItemPictures(data.items, kind, progress)
        targets = pictures.labels.targets(class_names(data.items))
    names = [pictures.listed_name(index) for index in range(len(pictures))]
    given = {} if split_seed is not None else {"test": np.arange(len(pictures))}
    dataset = split_targets(kind, pictures, names, targets, given, split_seed or 0)
    return dataset if split_seed is not None else replace(dataset, split_rule=f"all pictures of the {kind}")


def refuse_other_labels(now: Dataset, begun: Dataset) -> None:
    """Raise StriateError where pictures in memory come with other labels than a run was begun with."""
    for (start_now, there), (start, part) in zip(parts_of(now.pictures), parts_of(begun.pictures), strict=True):
        if isinstance(part, FilePictures | TiledPictures):
            continue
        ours = np.array([begun.targets.text(start + place) for place in range(len(part))])
        theirs = np.array([now.targets.text(start_now + place) for place in range(len(there))])
        if len(others := np.flatnonzero(ours != theirs)):
            first = int(others[0])
            raise StriateError(
                f"the run was begun with other labels of {counted(len(others), 'picture')}, such as "
                f"{there.name(first)}: {theirs[first]} now, {ours[first]} then; give the same, or start a new run"
            )
