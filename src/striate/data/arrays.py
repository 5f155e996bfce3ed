"""Pictures and labels that are arrays in memory."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.core.values import shown
from striate.data.dataset import ArrayPictures, Dataset
from striate.data.splits import split_dataset
from striate.data.targets import Indices

ARRAYS = "arrays"
"""What runs call data that was never on the disk; a folder of that name is known by its whole path."""


class Arrays(NamedTuple):
    """Pictures, uint8 (N, H, W) or (N, H, W, 3), and the name of each one's class among `classes`."""

    pixels: npt.NDArray[np.uint8]
    labels: Indices
    classes: tuple[str, ...]


Data = str | Path | tuple[Any, Any] | Arrays
"""What a person may give as data: a name, a path, or arrays (pictures, labels)."""


def as_data(data: Any) -> str | Arrays:
    """A name or a path as a text, or pictures and labels as `Arrays`. Raises StriateError for anything else.

    >>> as_data((np.zeros((3, 8, 8), np.uint8), [0, 10, 2])).classes
    ('0', '2', '10')
    """
    if isinstance(data, Arrays):
        return data
    if isinstance(data, str | os.PathLike):
        return str(os.fspath(data))
    if isinstance(data, tuple | list) and len(data) == 2:
        pixels = _pixels(data[0])
        return Arrays(pixels, *_labels(data[1], len(pixels)))
    raise StriateError(
        "data must be digits, a path, or (pictures, labels): a uint8 array (N, H, W) or (N, H, W, 3) and N class names "
        f"or numbers; got {shown(data)}"
    )


def open_arrays(arrays: Arrays, split_seed: int | None = 0) -> Dataset:
    """Arrays as a dataset, their splits drawn by the seed; None: all of them are a test split."""
    pictures = ArrayPictures(arrays.pixels, ARRAYS)
    names = [pictures.name(index) for index in range(len(pictures))]
    given = {} if split_seed is not None else {"test": np.arange(len(pictures))}
    dataset = split_dataset(ARRAYS, pictures, names, arrays.labels, arrays.classes, given, split_seed or 0)
    return dataset if split_seed is not None else replace(dataset, split_rule="all pictures of the arrays")


def refuse_other_labels(now: Dataset, begun: Dataset) -> None:
    """Raise StriateError where arrays come with other labels than a run was begun with; both hold as many pictures."""
    ours, theirs = np.array(begun.classes)[begun.labels], np.array(now.classes)[now.labels]
    if len(others := np.flatnonzero(ours != theirs)):
        first = int(others[0])
        raise StriateError(
            f"the run was begun with other labels of {counted(len(others), 'picture')}, such as "
            f"{now.pictures.name(first)}: {theirs[first]} now, {ours[first]} then; give the same, or start a new run"
        )


def _pixels(given: Any) -> npt.NDArray[np.uint8]:
    try:
        pixels = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):  # pictures of several sizes, a tensor on a GPU
        pixels = np.empty(0)
    shape = pixels.shape
    if pixels.dtype == np.uint8 and len(pixels) and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))):
        return np.ascontiguousarray(pixels[..., 0] if shape[3:] == (1,) else pixels)
    told = f"{pixels.dtype} {shape}" if pixels.size else shown(given)
    raise StriateError(
        f"pictures in an array are uint8, 0 to 255, of shape (N, H, W) or (N, H, W, 3) with N at least 1, got {told}"
    )


def _labels(given: Any, pictures: int) -> tuple[Indices, tuple[str, ...]]:
    labels = np.asarray(given)
    if labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels.flat):
        labels = labels.astype(str)
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        raise StriateError(
            f"labels are one whole number or text per picture, got {labels.dtype} {labels.shape}; of one-hot rows take "
            "argmax(1)"
        )
    if len(labels) != pictures:
        raise StriateError(
            f"pictures and labels must be as many, got {counted(pictures, 'picture')} and "
            f"{counted(len(labels), 'label')}"
        )
    classes, numbers = np.unique(labels, return_inverse=True)
    return numbers.astype(np.int64), tuple(map(str, classes.tolist()))
