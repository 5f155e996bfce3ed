"""Which dimensions of a tensor are the picture's height and width, and what its elements see of the picture.

A network may flatten, permute or split its maps. So each dimension is kept as the factors that it is a product of, and
a factor knows which axis of the picture it runs along. Summing over a factor merges everything that was seen along it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from math import prod
from typing import NamedTuple

from striate.analysis.macs import Shape
from striate.ops.windows import PIXEL, Field


class Factor(NamedTuple):
    """A part of a dimension. axis: the picture's, 0 for height; None for channels, batch and whatever lost its axis."""

    length: int
    axis: int | None = None


Dimension = tuple[Factor, ...]


class Layout(NamedTuple):
    """dimensions: of the tensor, as factors. fields: what one element sees, one per axis of the picture."""

    dimensions: tuple[Dimension, ...]
    fields: tuple[Field, ...]

    def positions(self, axis: int) -> int:
        """Places along an axis of the picture; 1 where the tensor has lost it."""
        return prod(factor.length for dimension in self.dimensions for factor in dimension if factor.axis == axis)

    def shown(self) -> tuple[Field, ...]:
        """The fields, where an axis that no dimension of its own runs along counts as merged."""
        alone = {factors[0].axis for factors in self.dimensions if len(factors) == 1}
        return self.merged(axis for axis in range(len(self.fields)) if axis not in alone).fields

    def axis_of(self, dimension: int) -> int | None:
        """The axis that a dimension runs along, if it is that and nothing else."""
        factors = self.dimensions[dimension]
        return factors[0].axis if len(factors) == 1 else None

    def merged(self, axes: Iterable[int | None]) -> Layout:
        """After every element has come to see all that its neighbours along these axes see."""
        lost = {axis for axis in axes if axis is not None}
        if not lost:
            return self
        fields = (field.over(self.positions(a)) if a in lost else field for a, field in enumerate(self.fields))
        return Layout(tuple(_without(dimension, lost) for dimension in self.dimensions), tuple(fields))

    def merged_in(self, *dimensions: int) -> Layout:
        """After summing over these dimensions, which keep their place and length."""
        return self.merged(factor.axis for index in dimensions for factor in self.dimensions[index])

    def everything(self, shape: Shape) -> Layout:
        """When nobody can say which element sees what: each may see all."""
        return Layout(plain(shape), self.merged(range(len(self.fields))).fields)

    def with_field(self, dimension: int, length: int, field: Field) -> Layout:
        """With another length and field along the axis that a dimension runs along."""
        axis = self.axis_of(dimension)
        fields = tuple(field if index == axis else old for index, old in enumerate(self.fields))
        return Layout(replaced(self.dimensions, dimension, (Factor(length, axis),)), fields)

    def with_length(self, dimension: int, length: int) -> Layout:
        """With another number of channels, or whatever the dimension counts; an axis in it is merged."""
        layout = self.merged_in(dimension)
        return Layout(replaced(layout.dimensions, dimension, (Factor(length),)), layout.fields)

    def reshaped(self, shape: Shape) -> Layout:
        """The same elements in the same order in another shape.

        >>> picture(1, 3, 8, 8).reshaped((1, 3, 64)).axis_of(2) is None
        True
        >>> picture(1, 3, 8, 8).reshaped((1, 3, 64)).reshaped((1, 3, 8, 8)) == picture(1, 3, 8, 8)
        True
        """
        left, made, lost = deque(factor for dimension in self.dimensions for factor in dimension), [], set[int | None]()
        for length in shape:
            factors: list[Factor] = []
            while left and left[0].length <= (room := length // prod(f.length for f in factors)):
                if room == 1 and factors:
                    break
                factors.append(left.popleft())
            room, rest = divmod(length, prod(f.length for f in factors))
            if room > 1 or rest:
                if rest or not left or left[0].length % room:
                    return self.everything(shape)
                cut = left.popleft()
                lost.add(cut.axis)
                factors.append(Factor(room, cut.axis))
                left.appendleft(Factor(cut.length // room, cut.axis))
            made.append(tuple(factors))
        lost.update(factor.axis for factor in left)
        return Layout(tuple(made), self.fields).merged(lost)

    def permuted(self, order: Sequence[int]) -> Layout:
        """With its dimensions in another order."""
        return Layout(tuple(self.dimensions[index] for index in order), self.fields)


def picture(*shape: int) -> Layout:
    """Of the picture itself, (N, C, axes ...): each element sees its own pixel."""
    axes = len(shape) - 2
    dimensions = (*plain(shape[:2]), *((Factor(length, axis),) for axis, length in enumerate(shape[2:])))
    return Layout(dimensions, (PIXEL,) * max(axes, 0))


def plain(shape: Shape) -> tuple[Dimension, ...]:
    """Dimensions that run along no axis."""
    return tuple((Factor(length),) for length in shape)


def united(layouts: Sequence[Layout], shape: Shape) -> Layout:
    """Of the elements of `shape` that are made of the elements at the same place in several tensors, broadcast."""
    lengths = [
        tuple(prod(factor.length for factor in dimension) for dimension in layout.dimensions) for layout in layouts
    ]
    fitted = [
        layout if length == shape else _broadcast(layout, length, shape)
        for layout, length in zip(layouts, lengths, strict=True)
    ]
    if len({layout.dimensions for layout in fitted}) > 1:
        fitted = _agreed(fitted, shape)
    first, *rest = fitted
    fields = first.fields
    for other in (other for other in rest if other.fields != fields):
        fields = tuple(
            mine.union(theirs, first.positions(axis))
            for axis, (mine, theirs) in enumerate(zip(fields, other.fields, strict=True))
        )
    return Layout(first.dimensions, fields)


def replaced(dimensions: tuple[Dimension, ...], index: int, dimension: Dimension) -> tuple[Dimension, ...]:
    """The same dimensions but for one."""
    index %= len(dimensions)
    return (*dimensions[:index], dimension, *dimensions[index + 1 :])


def _without(dimension: Dimension, axes: set[int]) -> Dimension:
    return tuple(Factor(factor.length) if factor.axis in axes else factor for factor in dimension)


def _broadcast(layout: Layout, lengths: Shape, shape: Shape) -> Layout:
    """Aligned at the last dimension; an axis of another length than asked is merged."""
    missing = len(shape) - len(lengths)
    if missing < 0 or any(length not in (1, wanted) for length, wanted in zip(lengths, shape[missing:], strict=True)):
        return layout.everything(shape)
    stretched = [index for index, length in enumerate(lengths) if length != shape[missing + index]]
    layout = layout.merged_in(*stretched)
    kept = (
        plain((w,))[0] if i in stretched else d
        for i, (d, w) in enumerate(zip(layout.dimensions, shape[missing:], strict=True))
    )
    return Layout((*plain(shape[:missing]), *kept), layout.fields)


def _agreed(layouts: Sequence[Layout], shape: Shape) -> list[Layout]:
    """For each dimension the factors that run along most axes; who has it otherwise merges there what it has."""
    best = tuple(
        max(
            (layout.dimensions[index] for layout in layouts), key=lambda d: sum(factor.axis is not None for factor in d)
        )
        for index in range(len(shape))
    )
    agreed = []
    for layout in layouts:
        differing = [i for i, dimension in enumerate(layout.dimensions) if dimension != best[i]]
        agreed.append(Layout(best, layout.merged_in(*differing).fields))
    return agreed
