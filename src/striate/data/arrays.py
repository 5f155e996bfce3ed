"""Pictures and labels that are arrays in memory: how they come, of which shapes and numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.core.values import shown
from striate.data.targets import Indices


class Arrays(NamedTuple):
    """Pictures, uint8 (N, H, W) or (N, H, W, 3), and the name of each one's class among `classes`."""

    pixels: npt.NDArray[np.uint8]
    labels: Indices
    classes: tuple[str, ...]


def as_arrays(pictures: Any, labels: Any) -> Arrays:
    """Pictures and labels as `Arrays`. Raises StriateError for other shapes and numbers.

    >>> as_arrays(np.zeros((3, 8, 8), np.uint8), [0, 10, 2]).classes
    ('0', '2', '10')
    """
    pixels = _pixels(pictures)
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
