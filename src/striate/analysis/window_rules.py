"""What operators that run along the axes of a picture let their outputs see: windows, enlarging, padding, shifting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any, NamedTuple

from striate.analysis.layout import Layout
from striate.analysis.sight import Sight, Taps
from striate.analysis.sliding import Window, convolved, each, windows_along, windows_of
from striate.analysis.trace import Operator, Value
from striate.meta.shapes import Shape


class Asked(NamedTuple):
    """One output of one operator. given: inputs that depend on the picture. place: of the output among the others.

    makers: the pooling that made a tensor, by tensor number. sides: of the picture, in pixels.
    """

    operator: Operator
    known: dict[int, Layout]
    given: list[Value]
    shape: Shape
    place: int
    makers: dict[int, Operator]
    sides: Shape

    def argument(self, index: int, default: Any = None) -> Any:
        """An argument of the operator, or its default where it was not given."""
        return self.operator.arguments[index] if len(self.operator.arguments) > index else default

    def source(self) -> Layout:
        """Of the first input."""
        return self.known[self.given[0].tensor]


def along(layout: Layout, dimension: int, length: int, taps: Taps, outputs: int = 0, inputs: int = 1) -> Layout:
    """After an operator along one dimension, as `Sight.resampled` has it."""
    axis = layout.axis_of(dimension)
    if axis is None:
        layout = layout.alone(dimension)
        axis = layout.axis_of(dimension)
    if axis is None:
        return layout.with_length(dimension, length)
    return layout.with_sight(dimension, length, layout.sights[axis].resampled(taps, length, outputs, inputs))


def slide(asked: Asked) -> Layout:
    """Convolution and pooling."""
    operator, layout = asked.operator, asked.source()
    mixes_channels = operator.name == "convolution"
    if mixes_channels:
        layout = layout.with_length(1, asked.shape[1])
        if operator.arguments[6]:
            return _transposed(layout, asked.shape, convolved(operator))
    windows = windows_of(operator)
    for index, window in enumerate(windows, start=-len(windows)):
        length, made = operator.inputs[0].shape[index], asked.shape[index]
        if operator.name.startswith("avg") and made == 1 < length <= window.kernel:  # averages all
            layout = layout.with_length(index, made)
        elif (axis := layout.axis_of(index)) is not None:
            layout = layout.with_sight(index, made, _slid(layout.sights[axis], window, made))
        else:
            layout = along(layout, index, made, window.taps, 1, window.stride)
    return layout


@lru_cache(maxsize=64)
def _slid(sight: Sight, window: Window, length: int) -> Sight:
    """After one window; remembered, since height and width mostly meet the same."""
    return sight.resampled(window.taps, length, 1, window.stride)


def _transposed(layout: Layout, shape: Shape, windows: Sequence[Window]) -> Layout:
    for index, window in enumerate(windows, start=-len(windows)):
        layout = along(layout, index, shape[index], window.transposed_taps, window.stride)
    return layout


def unpool(asked: Asked) -> Layout:
    """Max unpooling writes to where the pooling that gave the places has read; from elsewhere they may be anywhere."""
    places = asked.operator.inputs[1]
    maker = asked.makers.get(places.tensor)
    if maker is None or not (windows := windows_of(maker)) or maker.inputs[0].shape[2:] != asked.shape[2:]:
        return asked.source().everything(asked.shape)._replace(is_lost=True)
    return _transposed(asked.source(), asked.shape, windows)


def unfold(asked: Asked) -> Layout:
    """Windows side by side as columns: (N, C, H, W) to (N, C windows, places)."""
    kernel, dilation, padding, stride = asked.operator.arguments[1:5]
    layout, sides = asked.source(), asked.operator.inputs[0].shape[-2:]
    windows = windows_along(each(kernel, 2), stride, padding, dilation, False)
    made = [
        (s + 2 * w.padding - w.taps(0)[-1] - w.padding - 1) // w.stride + 1 for s, w in zip(sides, windows, strict=True)
    ]
    for index, window in enumerate(windows, start=-2):
        layout = along(layout, index, made[index], window.taps, 1, window.stride)
    layout = layout.with_length(-3, asked.shape[-2])
    *others, rows, columns = layout.dimensions
    return layout._replace(dimensions=(*others, (*rows, *columns)))


def fold(asked: Asked) -> Layout:
    """Columns put back where `unfold` reads them, sums where they meet."""
    size, kernel, dilation, padding, stride = asked.operator.arguments[1:6]
    windows = windows_along(each(kernel, 2), stride, padding, dilation, False)
    made = [(s + w.padding - w.taps(0)[-1] - 1) // w.stride + 1 for s, w in zip(each(size, 2), windows, strict=True)]
    layout = asked.source().with_length(-2, asked.shape[-3])
    return _transposed(layout.reshaped((*layout.shape()[:-1], *made)), asked.shape, windows)


def sliding_view(asked: Asked) -> Layout:
    """`Tensor.unfold`: windows along one dimension, their taps in a new last one."""
    dimension, size, step = asked.operator.arguments[1:4]
    window = Window(size, step, 0, 1, False)
    dimension %= len(asked.shape) - 1
    layout = along(asked.source(), dimension, asked.shape[dimension], window.taps, 1, step)
    return layout.with_new(len(asked.shape) - 1, size)


def adaptive(asked: Asked) -> Layout:
    """Adaptive pooling: the window is the share of the map, rounded outwards; to one position it averages all."""
    layout, old = asked.source(), asked.given[0].shape
    for index in range(-len(each(asked.argument(1), 1)), 0):
        length, made = old[index], asked.shape[index]
        if made == 1 < length:
            layout = layout.with_length(index, made)
        elif made != length:
            share = Fraction(length, made)
            layout = along(
                layout,
                index,
                made,
                lambda place, share=share: range(floor(place * share), ceil((place + 1) * share)),  # type: ignore[misc]
                share.denominator,
                share.numerator,
            )
    return layout


def nearest(asked: Asked) -> Layout:
    """Each place is a copy of one."""
    half = Fraction(1, 2) if "exact" in asked.operator.name else 0
    return _resized(asked, lambda ratio: lambda place: (floor((place + half) * ratio),))


def interpolated(reach: int) -> Callable[[Asked], Layout]:
    """Interpolation between `reach` places on either side; a place that is met exactly is copied."""

    def rule(asked: Asked) -> Layout:
        corners = bool(asked.argument(2))
        smooth = asked.operator.name.endswith("_aa")

        def taps_of(ratio: Fraction) -> Taps:
            def taps(place: int) -> Sequence[int]:
                at = place * ratio if corners else (place + Fraction(1, 2)) * ratio - Fraction(1, 2)
                if smooth:
                    support = reach * max(ratio, Fraction(1))
                    return range(ceil(at - support), floor(at + support) + 1)
                first = floor(at)
                return (first,) if at == first else range(first - reach + 1, first + reach + 1)

            return taps

        return _resized(asked, taps_of, corners)

    return rule


def _resized(asked: Asked, taps_of: Callable[[Fraction], Taps], corners: bool = False) -> Layout:
    layout, old = asked.source(), asked.given[0].shape
    axes = len(asked.shape) - 2
    tail = asked.operator.arguments[2:]
    scales = next((part for part in tail if isinstance(part, tuple)), tuple(s for s in tail if isinstance(s, float)))
    for index in range(-axes, 0):
        length, made = old[index], asked.shape[index]
        if corners:
            ratio = Fraction(length - 1, made - 1) if made > 1 else Fraction(0)
        elif len(scales) == axes:
            ratio = 1 / Fraction(scales[index]).limit_denominator(1000)
        else:
            ratio = Fraction(length, made)
        if ratio == 0:
            layout = along(layout, index, made, taps_of(ratio))
        elif ratio != 1 or length != made:
            layout = along(layout, index, made, taps_of(ratio), ratio.denominator, ratio.numerator)
    return layout


def shuffled(asked: Asked) -> Layout:
    """Pixels made of channels, and channels made of pixels."""
    factor, layout = asked.operator.arguments[1], asked.source()
    layout = layout.with_length(-3, asked.shape[-3])
    for index in (-2, -1):
        if asked.operator.name == "pixel_shuffle":
            layout = along(layout, index, asked.shape[index], lambda place: (place // factor,), factor)
        else:
            window = Window(factor, factor, 0, 1, False)
            layout = along(layout, index, asked.shape[index], window.taps, 1, factor)
    return layout


def padded(asked: Asked) -> Layout:
    """Zeros are seen as pixels beyond the edge, as a window's own padding is; reflections as what they show."""
    layout, old, name = asked.source(), asked.given[0].shape, asked.operator.name
    for index, before in enumerate(asked.operator.arguments[1][::2]):
        dimension = -1 - index
        length, made = old[dimension], asked.shape[dimension]
        if made == length and not before:
            continue
        if name.startswith("constant"):
            layout = cut(layout, dimension, made, -before, 1)
        elif name.startswith("replication"):
            layout = along(layout, dimension, made, lambda p, b=before, n=length: (min(max(p - b, 0), n - 1),))  # type: ignore[misc]
        else:
            layout = along(
                layout,
                dimension,
                made,
                lambda p, b=before, n=length: (n - 1 - abs(n - 1 - abs(p - b)),),  # type: ignore[misc]
            )
    return layout


def cut(layout: Layout, dimension: int, length: int, first: int, step: int) -> Layout:
    """Every `step`-th place from `first` on."""
    return along(layout, dimension, length, lambda place: (first + place * step,), 1, step)


def flipped(asked: Asked) -> Layout:
    """From the far end to the near one."""
    layout = asked.source()
    for dimension in asked.operator.arguments[1]:
        layout = layout.alone(dimension)
        if layout.axis_of(dimension) is None:
            layout = layout.spread(dimension)
        else:
            last = asked.shape[dimension] - 1
            layout = along(layout, dimension, last + 1, lambda place, last=last: (last - place,), 1, -1)  # type: ignore[misc]
    return layout


def rolled(asked: Asked) -> Layout:
    """Shifted; what leaves at one end comes back at the other: the picture goes round, that lies beyond its edge."""
    layout, shifts, dimensions = asked.source(), asked.argument(1), asked.argument(2, ())
    if not dimensions:
        return layout.everything(asked.shape)._replace(is_lost=True)
    for shift, dimension in zip(each(shifts, len(dimensions)), dimensions, strict=True):
        layout = layout.alone(dimension)
        axis, length = layout.axis_of(dimension), asked.shape[dimension]
        if axis is None:
            layout = layout.spread(dimension)
            continue
        layout = layout.with_sight(dimension, length, layout.sights[axis].rolled(shift, length, asked.sides[axis]))
    return layout


def tiled(asked: Asked) -> Layout:
    """`Tensor.repeat`: copies side by side."""
    layout, repeats = asked.source(), asked.operator.arguments[1]
    for _ in range(len(repeats) - len(asked.given[0].shape)):
        layout = layout.with_new(0)
    for dimension, count in enumerate(repeats):
        if count > 1:
            length = asked.shape[dimension] // count
            layout = along(layout, dimension, length * count, lambda place, length=length: (place % length,))  # type: ignore[misc]
    return layout
