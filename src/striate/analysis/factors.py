"""A dimension of a tensor as the factors that it is a product of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from striate.meta.shapes import Shape


class Factor(NamedTuple):
    """A part of a dimension. axis: the picture's, 0 for height; None for channels, batch and whatever lost its axis.

    step: places along the axis from one index to the next; above 1 where an axis was split.
    """

    length: int
    axis: int | None = None
    step: int = 1


Dimension = tuple[Factor, ...]


def plain(shape: Shape) -> tuple[Dimension, ...]:
    """Dimensions that run along no axis."""
    return tuple((Factor(length),) for length in shape)


def place_of(index: int, factors: Dimension) -> int:
    """Place along the axis of one index into a dimension."""
    place = 0
    for length, axis, step in reversed(factors):
        index, digit = divmod(index, length)
        place += digit * step if axis is not None else 0
    return place


def joined(factors: Sequence[Factor]) -> Dimension:
    """Neighbours that are the outer and the inner part of one axis are one factor again."""
    made: list[Factor] = []
    for factor in factors:
        last = made[-1] if made else None
        if last and last.axis == factor.axis is not None and last.step == factor.length * factor.step:
            made[-1] = Factor(last.length * factor.length, factor.axis, factor.step)
        else:
            made.append(factor)
    return tuple(made)


def without_axes(dimension: Dimension, axes: set[int]) -> Dimension:
    """The same length, along none of these axes."""
    return tuple(Factor(factor.length) if factor.axis in axes else factor for factor in dimension)
