"""Pictures and labels that are arrays in memory: how they come, of which shapes and numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.core.values import shown
from striate.data.targets import Indices, Targets
from striate.data.targets.classes import ClassTargets
from striate.data.targets.labels import LabelTargets, labels_in

SEVERAL = (list, tuple, set, frozenset)
"""What the labels of a picture may be given in."""


class Arrays(NamedTuple):
    """Pictures, uint8 (N, H, W) or (N, H, W, 3), and what is known of them: one class each, or several labels.

    labels: the number of each picture's class among `classes`; none where there are `several` labels a picture.
    """

    pixels: npt.NDArray[np.uint8]
    labels: Indices
    classes: tuple[str, ...]
    several: LabelTargets | None = None

    @property
    def targets(self) -> Targets:
        """What is known of them."""
        return ClassTargets(self.labels, self.classes) if self.several is None else self.several


def as_arrays(pictures: Any, labels: Any) -> Arrays:
    """Pictures and labels as `Arrays`. Raises StriateError for other shapes and numbers.

    >>> as_arrays(np.zeros((3, 8, 8), np.uint8), [0, 10, 2]).classes
    ('0', '2', '10')
    """
    pixels = _pixels(pictures)
    if is_several(labels):
        several = LabelTargets.of([several_of(each, f"labels[{place}]") for place, each in enumerate(labels)])
        _require_as_many(len(pixels), len(several))
        return Arrays(pixels, np.zeros(0, np.int64), several.names, several)
    return Arrays(pixels, *_labels(labels, len(pixels)))


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
        "pictures in an array are uint8, 0 to 255, of shape (N, H, W) or (N, H, W, 3) with N at least 1, got "
        f"{told}{_to_uint8(pixels)}"
    )


def _to_uint8(pixels: npt.NDArray[Any]) -> str:
    """What makes them uint8, after a semicolon; nothing of what is no number or uint8 already."""
    if pixels.dtype.kind not in "fiu" or pixels.dtype == np.uint8 or not pixels.size:
        return ""
    low, high = float(pixels.min()), float(pixels.max())
    numbers = f"; numbers from {low:.4g} to {high:.4g}"
    if not 0 <= low <= high <= 255:  # a NaN fails too
        return f"{numbers} were normalised, it seems: give the pictures as they were before"
    return f"{numbers} become that by {'(255 * x)' if high <= 1 else 'x'}.round().astype('uint8')"


def is_several(labels: Any) -> bool:
    """Whether labels are lists, one for each picture."""
    return isinstance(labels, list | tuple) and any(isinstance(each, SEVERAL) for each in labels)


def several_of(labels: Any, name: str) -> tuple[str, ...]:
    """The labels of one picture, texts or whole numbers. name: of it. Raises StriateError for anything else.

    >>> several_of(["cat", 3], "labels[0]"), several_of([], "labels[1]")
    (('cat', '3'), ())
    """
    plain = (
        [each.item() if isinstance(each, np.generic) else each for each in labels]
        if isinstance(labels, SEVERAL)
        else None
    )
    if plain is None or any(isinstance(each, bool) or not isinstance(each, int | str) for each in plain):
        raise StriateError(f"the labels of {name} must be a list of texts or whole numbers, got {shown(labels)}")
    return labels_in(list(map(str, plain)), f"{name} {shown(labels)}") if plain else ()


def _require_as_many(pictures: int, labels: int) -> None:
    if labels != pictures:
        raise StriateError(
            f"pictures and labels must be as many, got {counted(pictures, 'picture')} and {counted(labels, 'label')}"
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
    _require_as_many(pictures, len(labels))
    classes, numbers = np.unique(labels, return_inverse=True)
    return numbers.astype(np.int64), tuple(map(str, classes.tolist()))
