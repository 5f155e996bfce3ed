"""Which dimensions of a tensor are the picture's height and width, and what its elements see of the picture.

A network may flatten, permute, split or tile its maps. So each dimension is kept as the factors that it is a product
of, and a factor knows which axis of the picture it runs along, and how many places one step in it is. Summing over a
factor merges what was seen along it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

from striate.analysis.factors import Dimension, Factor, joined, place_of, plain, without_axes
from striate.analysis.sight import PIXEL_SIGHT, Sight
from striate.meta.shapes import Shape
from striate.ops.windows import Field


class Layout(NamedTuple):
    """dimensions: of the tensor, as factors. sights: what its places see, one per axis of the picture.

    is_lost: nobody knows any longer which element looks where; each is then said to see everything.
    """

    dimensions: tuple[Dimension, ...]
    sights: tuple[Sight, ...]
    is_lost: bool = False

    def shape(self) -> Shape:
        """Of the tensor."""
        return tuple(prod(factor.length for factor in dimension) for dimension in self.dimensions)

    def positions(self, axis: int) -> int:
        """Places along an axis of the picture; 1 where the tensor has lost it."""
        places = 1
        for dimension in self.dimensions:
            for factor in dimension:
                if factor.axis == axis:
                    places *= factor.length
        return places

    def fields(self) -> tuple[Field, ...]:
        """What one element sees at most, one field per axis; a vector of features is told as a whole."""
        layout = self.merged_in(-1) if len(self.dimensions) == 2 else self
        return tuple(sight.field() for sight in layout.sights)

    def is_map(self) -> bool:
        """Whether its places look at the picture from different points, or may do; a vector of features does not.

        A map that was made of a vector counts: each of its places sees what the vector saw.
        """
        places = self.dimensions[:-1] if len(self.dimensions) == 2 else self.dimensions
        if any(factor.axis is not None for dimension in places for factor in dimension):
            return True
        axes, lengths = len(self.sights), self.shape()
        return self.is_lost or (axes > 0 and len(lengths) == 2 + axes and min(lengths[2:]) > 1)

    def axis_of(self, dimension: int) -> int | None:
        """The axis that a dimension runs along, if it is that, all of it, and nothing else."""
        factors = self.dimensions[dimension]
        axis = factors[0].axis
        if len(factors) > 1 or axis is None or factors[0].length != self.positions(axis):
            return None
        return axis

    def alone(self, dimension: int) -> Layout:
        """With the dimension running along its axis and nothing else, where it runs along one axis.

        Copies beside each other, as repeating makes them, are places of their own then; parts of the axis that other
        dimensions run along are merged.
        """
        dimension %= len(self.dimensions)
        factors = self.dimensions[dimension]
        axes = {factor.axis for factor in factors if factor.axis is not None}
        if len(axes) != 1 or (len(factors) == 1 and self.axis_of(dimension) is not None):
            return self
        (axis,) = axes
        layout = self
        for index in (index for index in range(len(self.dimensions)) if index != dimension):
            for part in range(len(self.dimensions[index])):
                if layout.dimensions[index][part].axis == axis:
                    layout = layout._merged_factor(index, part)
        factors = layout.dimensions[dimension]
        if len(factors) == 1:
            return layout
        length = prod(factor.length for factor in factors)
        inner = prod(factor.length for factor in factors[1:])
        repeats = factors[0].axis == axis and all(factor.axis is None for factor in factors[1:])
        sight = layout.sights[axis].resampled(
            lambda index: (place_of(index, factors),), length, outputs=inner if repeats else 0
        )
        dimensions = replaced(layout.dimensions, dimension, (Factor(length, axis),))
        return Layout(dimensions, replaced(layout.sights, axis, sight), self.is_lost)

    def merged(self, axes: Iterable[int | None]) -> Layout:
        """After every element has come to see all that its neighbours along these axes see."""
        gone = {axis for axis in axes if axis is not None}
        if not gone:
            return self
        sights = (sight.over(self.positions(a)) if a in gone else sight for a, sight in enumerate(self.sights))
        return Layout(
            tuple(without_axes(dimension, gone) for dimension in self.dimensions), tuple(sights), self.is_lost
        )

    def merged_in(self, *dimensions: int) -> Layout:
        """After summing over these dimensions, which keep their place and length."""
        layout = self
        for index in dimensions:
            for part in range(len(self.dimensions[index])):
                if layout.dimensions[index][part].axis is not None:
                    layout = layout._merged_factor(index, part)
        return layout

    def _merged_factor(self, dimension: int, part: int) -> Layout:
        length, axis, step = self.dimensions[dimension][part]
        assert axis is not None  # noqa: S101 - our own invariant: only parts of an axis are merged
        left = self.positions(axis) // length
        if left == 1:
            return self.merged([axis])
        sight = self.sights[axis].resampled(
            lambda place: range(
                place // step * step * length + place % step, step * length * (place // step + 1), step
            ),
            left,
            outputs=step,
            inputs=step * length,
        )
        dimensions = [
            tuple(Factor(f.length, axis, f.step // length) if f.axis == axis and f.step > step else f for f in factors)
            for factors in self.dimensions
        ]
        factors = dimensions[dimension]
        dimensions[dimension] = replaced(factors, part, Factor(length))
        return Layout(tuple(dimensions), replaced(self.sights, axis, sight), self.is_lost)

    def spread(self, *dimensions: int) -> Layout:
        """After every element has come to see what all see along these dimensions, whose places stay apart."""
        merged = self.merged_in(*(dimension % len(self.dimensions) for dimension in dimensions))
        fitted = _fitted(merged, self)
        sights = (
            sight if jump == sight.jump_px else sight._replace(jump_px=jump)
            for sight, jump in zip(fitted.sights, (old.jump_px for old in self.sights), strict=True)
        )
        return Layout(self.dimensions, tuple(sights), self.is_lost)

    def everything(self, shape: Shape) -> Layout:
        """Of elements each of which sees all."""
        return Layout(plain(shape), self.merged(range(len(self.sights))).sights, self.is_lost)

    def with_sight(self, dimension: int, length: int, sight: Sight) -> Layout:
        """With another length and sight along the axis that a dimension runs along, and nothing else."""
        axis = self.dimensions[dimension][0].axis
        assert axis is not None  # noqa: S101 - our own invariant: the caller has asked
        dimensions, sights = list(self.dimensions), list(self.sights)
        dimensions[dimension], sights[axis] = (Factor(length, axis),), sight
        return Layout(tuple(dimensions), tuple(sights), self.is_lost)

    def with_length(self, dimension: int, length: int) -> Layout:
        """With another number of channels, or whatever the dimension counts; an axis in it is merged."""
        layout = self.merged_in(dimension)
        return layout._replace(dimensions=replaced(layout.dimensions, dimension, (Factor(length),)))

    def without(self, *dimensions: int) -> Layout:
        """After summing over these dimensions, which are gone then."""
        gone = {dimension % len(self.dimensions) for dimension in dimensions}
        layout = self.merged_in(*gone)
        return layout._replace(dimensions=tuple(d for index, d in enumerate(layout.dimensions) if index not in gone))

    def with_new(self, place: int, length: int = 1) -> Layout:
        """With one dimension more."""
        return self._replace(dimensions=(*self.dimensions[:place], (Factor(length),), *self.dimensions[place:]))

    def reshaped(self, shape: Shape) -> Layout:
        """The same elements in the same order in another shape.

        >>> picture(1, 3, 8, 8).reshaped((1, 3, 64)).axis_of(2) is None
        True
        >>> picture(1, 3, 8, 8).reshaped((1, 3, 64)).reshaped((1, 3, 8, 8)) == picture(1, 3, 8, 8)
        True
        >>> picture(1, 3, 8).reshaped((1, 3, 1, 8)).axis_of(3)
        0
        """
        if shape == self.shape():
            return self
        left = deque(f for dimension in self.dimensions for f in dimension if f.length > 1 or f.axis is not None)
        made: list[Dimension] = []
        gone: set[int | None] = set()
        for length in shape:
            factors = [left.popleft()] if length == 1 and left and left[0].length == 1 else []
            room = length
            while room > 1:
                while left and left[0].length == 1:
                    gone.add(left.popleft().axis)
                if not left or (room % left[0].length and left[0].length % room):
                    return self.everything(shape)._replace(is_lost=True)
                whole_length, axis, step = left.popleft()
                taken = min(room, whole_length)
                rest = whole_length // taken
                factors.append(Factor(taken, axis, step * rest if axis is not None else 1))
                if rest > 1:
                    left.appendleft(Factor(rest, axis, step))
                room //= taken
            made.append(joined(factors) or (Factor(1),))
        gone.update(factor.axis for factor in left)
        return self._replace(dimensions=tuple(made)).merged(gone)

    def permuted(self, order: Sequence[int]) -> Layout:
        """With its dimensions in another order."""
        return self._replace(dimensions=tuple(self.dimensions[index] for index in order))


def picture(*shape: int) -> Layout:
    """Of the picture itself, (N, C, axes ...): each element sees its own pixel."""
    axes = len(shape) - 2
    dimensions = (*plain(shape[:2]), *((Factor(length, axis),) for axis, length in enumerate(shape[2:])))
    return Layout(dimensions, (PIXEL_SIGHT,) * max(axes, 0))


def united(layouts: Sequence[Layout], shape: Shape) -> Layout:
    """Of the elements of `shape` that are made of the elements at the same place in several tensors, broadcast."""
    fitted, dimensions = list(layouts), layouts[0].dimensions
    if layouts[0].shape() != shape or any(layout.dimensions != dimensions for layout in layouts):
        fitted = [layout if layout.shape() == shape else _broadcast(layout, shape) for layout in layouts]
    if any(layout.dimensions != fitted[0].dimensions for layout in fitted):
        axes = range(len(fitted[0].sights))
        model = max(fitted, key=lambda layout: prod(map(layout.positions, axes)))
        fitted = [_fitted(layout, model) for layout in fitted]
    first, *rest = fitted
    sights = first.sights
    for other in (other for other in rest if other.sights != sights):
        sights = tuple(
            mine if mine == theirs else mine.union(theirs, first.positions(axis))
            for axis, (mine, theirs) in enumerate(zip(sights, other.sights, strict=True))
        )
    return Layout(first.dimensions, sights, any(layout.is_lost for layout in layouts))


def replaced(whole_tuple: tuple[Any, ...], index: int, part: Any) -> tuple[Any, ...]:
    """The same but for one part."""
    index %= len(whole_tuple)
    return (*whole_tuple[:index], part, *whole_tuple[index + 1 :])


def _broadcast(layout: Layout, shape: Shape) -> Layout:
    """Aligned at the last dimension; an axis of another length than asked is merged."""
    lengths = layout.shape()
    missing = len(shape) - len(lengths)
    if missing < 0 or any(length not in (1, wanted) for length, wanted in zip(lengths, shape[missing:], strict=True)):
        return layout.everything(shape)._replace(is_lost=True)
    stretched = [index for index, length in enumerate(lengths) if length != shape[missing + index]]
    layout = layout.merged_in(*stretched)
    kept = (
        (Factor(w),) if i in stretched else d
        for i, (d, w) in enumerate(zip(layout.dimensions, shape[missing:], strict=True))
    )
    return layout._replace(dimensions=(*plain(shape[:missing]), *kept))


def _fitted(layout: Layout, model: Layout) -> Layout:
    """The layout of the same elements with the factors of `model`; what runs otherwise is merged first."""
    if layout.dimensions == model.dimensions:
        return layout
    differing = [
        index
        for index, (mine, theirs) in enumerate(zip(layout.dimensions, model.dimensions, strict=True))
        if [factor[:2] for factor in mine] != [factor[:2] for factor in theirs]
    ]
    layout = layout.merged_in(*differing)
    sights = list(layout.sights)
    for axis in range(len(sights)):
        steps: list[tuple[Factor, int | None]] = []  # of the model's parts of the axis, and of this layout's same part
        for index, dimension in enumerate(model.dimensions):
            own = [None] * len(dimension) if index in differing else [f.step for f in layout.dimensions[index]]
            steps += [(factor, step) for factor, step in zip(dimension, own, strict=True) if factor.axis == axis]
        sights[axis] = _opened(layout, axis, sorted(steps, key=lambda pair: pair[0].step))
    return Layout(model.dimensions, tuple(sights), layout.is_lost)


def _opened(layout: Layout, axis: int, parts: Sequence[tuple[Factor, int | None]]) -> Sight:
    """The sight along an axis that has more parts now, inmost first; those without a step of old are copies."""
    sight, places, below = layout.sights[axis], layout.positions(axis), 1
    for factor, step in parts:
        if step is not None and step != below:  # the parts are in another order
            return sight.over(places)
        below *= factor.length if step is not None else 1
    if below == 1:
        return sight
    for (length, _, step), own in parts:
        if own is None:
            places *= length
            sight = sight.resampled(
                lambda place, length=length, step=step: (place // (step * length) * step + place % step,),  # type: ignore[misc]
                places,
                outputs=step * length,
                inputs=step,
            )
    return sight
