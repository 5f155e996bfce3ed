"""Data that a person has in the program's memory: how it is told from a name, and how it becomes a dataset."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data import Dataset as MapStyle

from striate.core.errors import StriateError
from striate.core.one_screen import few
from striate.core.units import counted
from striate.core.values import shown
from striate.data.arrays import Arrays, as_arrays
from striate.data.dataset import ArrayPictures, Dataset, FilePictures, Pictures
from striate.data.item_labels import class_names
from striate.data.item_pictures import ItemPictures
from striate.data.joined import parts_of
from striate.data.scan import Progress
from striate.data.splits import split_dataset
from striate.data.targets import Indices
from striate.data.tiled import TiledPictures

ARRAYS, LIST, DATASET = "arrays", "list", "dataset"
KINDS = {ARRAYS: "({}pictures, {}labels)", LIST: "{}pairs", DATASET: "{}dataset"}
"""What runs call data that was never on the disk, a folder of such a name being known by its whole path; and what a
call of Python's calls it."""


@dataclass(frozen=True, eq=False)
class Items:
    """A list of (picture or path, class), or a Dataset that gives them by number. kind: LIST or DATASET."""

    items: Any
    kind: str


InMemory = Arrays | Items
Given = str | InMemory
"""Data that was named, by its name or path, or is in memory."""
Data = str | Path | tuple[Any, Any] | list[tuple[Any, Any]] | MapStyle[Any] | InMemory
"""What a person may give as data: a name, a path, arrays (pictures, labels), a list of (picture, class), a Dataset."""


def kind_of(data: InMemory) -> str:
    """What runs call data in memory."""
    return ARRAYS if isinstance(data, Arrays) else data.kind


def source_of(data: Given) -> str:
    """What runs call data: its name or path, or one of KINDS."""
    return data if isinstance(data, str) else kind_of(data)


def is_same(one: Given, other: Given) -> bool:
    """Whether both are the same place, or the same objects in memory."""
    if isinstance(one, str) and isinstance(other, str):
        return Path(one).expanduser().resolve() == Path(other).expanduser().resolve()
    if isinstance(one, Items) and isinstance(other, Items):
        return one.items is other.items
    return isinstance(one, Arrays) and isinstance(other, Arrays) and one.pixels is other.pixels


def in_a_call(kind: str, split: str | None = None) -> str:
    """Data in memory as an argument in Python. kind: of KINDS. split: that it is, where that lies elsewhere.

    >>> in_a_call("arrays", "val"), in_a_call("dataset")
    ('(val_pictures, val_labels)', 'dataset')
    """
    return KINDS[kind].replace("{}", f"{split}_" if split else "")


def elsewhere(val: Any, test: Any) -> dict[str, Given]:
    """The splits that a person named or gave, by name. Raises StriateError for what is no data."""
    return {split: as_data(data) for split, data in (("val", val), ("test", test)) if data is not None}


def as_data(data: Any) -> str | InMemory:
    """A name or a path as a text, or what is in memory as such. Raises StriateError for anything else.

    A list of two is (pictures, labels) unless both are tuples.

    >>> as_data((np.zeros((3, 8, 8), np.uint8), [0, 10, 2])).classes
    ('0', '2', '10')
    >>> as_data([(np.zeros((8, 8), np.uint8), "cat"), (np.zeros((9, 7), np.uint8), "dog")]).kind
    'list'
    """
    if isinstance(data, Arrays | Items):
        return data
    if isinstance(data, str | os.PathLike):
        return str(os.fspath(data))
    if isinstance(data, tuple | list) and len(data) == 2 and not (isinstance(data, list) and _all_tuples(data)):
        return as_arrays(data[0], data[1])
    if isinstance(data, list):
        return Items(data, LIST)
    if isinstance(data, Mapping):
        raise StriateError(
            f"data is a dictionary of {few(tuple(map(str, data)))}; give its pictures and labels as a pair, and other "
            "splits so too: train((x_train, y_train), val=(x_val, y_val), test=(x_test, y_test))"
        )
    if isinstance(data, IterableDataset | DataLoader | Iterator):
        instead = "give the Dataset that it reads" if isinstance(data, DataLoader) else "give a list, or a Dataset"
        raise StriateError(
            f"data must be read by number, more than once, and {shown(data)} only gives one picture after the other; "
            f"{instead} with __len__ and __getitem__"
        )
    if isinstance(data, MapStyle) and not hasattr(data, "__len__"):
        raise StriateError(f"a Dataset must say how many pictures it has by __len__, and {shown(data)} does not")
    if isinstance(data, MapStyle) or _is_map_style(data):
        return Items(data, DATASET)
    raise StriateError(
        "data must be digits, a path, (pictures, labels): a uint8 array (N, H, W) or (N, H, W, 3) and N class names "
        f"or numbers, a list of (picture, class), or a Dataset that gives them by number; got {shown(data)}"
    )


def open_in_memory(data: InMemory, split_seed: int | None = 0, progress: Progress | None = None) -> Dataset:
    """What is in memory as a dataset, its splits drawn by the seed; None: all of it is a test split.

    A list or Dataset is read once from end to end, to hash its pictures. Raises StriateError, with the number of the
    item, for what is no (picture, class), and for a Dataset that gives another picture when it is asked again.
    """
    kind = kind_of(data)
    pictures: Pictures
    labels: Indices
    if isinstance(data, Arrays):
        pictures, labels, classes = ArrayPictures(data.pixels, kind), data.labels, data.classes
    else:
        pictures = ItemPictures(data.items, kind, progress)
        labels, classes = pictures.labels.numbered(class_names(data.items))
    names = [pictures.listed_name(index) for index in range(len(pictures))]
    given = {} if split_seed is not None else {"test": np.arange(len(pictures))}
    dataset = split_dataset(kind, pictures, names, labels, classes, given, split_seed or 0)
    return dataset if split_seed is not None else replace(dataset, split_rule=f"all pictures of the {kind}")


def refuse_other_labels(now: Dataset, begun: Dataset) -> None:
    """Raise StriateError where pictures in memory come with other labels than a run was begun with."""
    for (start_now, there), (start, part) in zip(parts_of(now.pictures), parts_of(begun.pictures), strict=True):
        if isinstance(part, FilePictures | TiledPictures):
            continue
        ours = np.array(begun.classes)[begun.labels[start : start + len(part)]]
        theirs = np.array(now.classes)[now.labels[start_now : start_now + len(there)]]
        if len(others := np.flatnonzero(ours != theirs)):
            first = int(others[0])
            raise StriateError(
                f"the run was begun with other labels of {counted(len(others), 'picture')}, such as "
                f"{there.name(first)}: {theirs[first]} now, {ours[first]} then; give the same, or start a new run"
            )


def _all_tuples(data: list[Any]) -> bool:
    return all(isinstance(one, tuple) and len(one) == 2 for one in data)


def _is_map_style(data: Any) -> bool:
    """Whether something that torch does not know gives items by number; arrays and dictionaries are no such thing."""
    if isinstance(data, tuple | dict | bytes) or hasattr(data, "__array__"):
        return False
    return hasattr(data, "__len__") and hasattr(data, "__getitem__")
