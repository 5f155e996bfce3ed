"""Data that a person has in the program's memory: what it may be, and how it is told from a name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data import Dataset as MapStyle

from striate.core.errors import StriateError
from striate.core.one_screen import few
from striate.core.values import shown
from striate.data.arrays import SEVERAL, Arrays, as_arrays

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

    >>> import numpy as np
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


def several_labels(data: InMemory) -> bool:
    """Whether pictures in memory have any number of labels each, as far as the first one says."""
    if isinstance(data, Arrays):
        return data.several is not None
    try:
        first = data.items[0]
        return isinstance(first, tuple | list) and len(first) == 2 and isinstance(first[1], SEVERAL)
    except Exception:  # whatever a Dataset of somebody's own raises; it is said when it is read
        return False


def _all_tuples(data: list[Any]) -> bool:
    return all(isinstance(one, tuple) and len(one) == 2 for one in data)


def _is_map_style(data: Any) -> bool:
    """Whether something that torch does not know gives items by number; arrays and dictionaries are no such thing."""
    if isinstance(data, tuple | dict | bytes) or hasattr(data, "__array__"):
        return False
    return hasattr(data, "__len__") and hasattr(data, "__getitem__")
