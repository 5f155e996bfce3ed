"""What each operator's output sees of the picture, read off a trace.

Windows enlarge what is seen, summing over a map merges it, branches that meet unite it; everything else passes it on
element by element. Normalisation is taken as element by element: its statistics are constants in use. Operators that
nobody knows and that change the shape are taken to mix everything: a field may come out too large but not too small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from striate.analysis.layout import Factor, Layout, picture, united
from striate.analysis.macs import Shape
from striate.analysis.trace import Operator, Trace, Value
from striate.ops.windows import dropped_pixels, whole

Known = dict[int, Layout]
"""Layouts by tensor number."""


class Window(NamedTuple):
    """A sliding window along one dimension."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    ceil_mode: bool


def layouts_of(run: Trace) -> Known:
    """The layout of every tensor that depends on the picture, by tensor number."""
    known: Known = {run.image.tensor: picture(*run.image.shape)}
    sharing: dict[int, dict[int, Value]] = {}
    for operator in run.operators:
        if not operator.computes:  # a view and what it looks at
            for value in (*operator.inputs, *operator.outputs):
                sharing.setdefault(value.memory, {})[value.tensor] = value
        given = [value for value in operator.inputs if value.tensor in known]
        if given:
            rule = RULES.get(operator.name, _elementwise)
            for output in (output for output in operator.outputs if 0 not in output.shape):
                known[output.tensor] = rule(operator, known, given, output.shape)
            if operator.outputs and operator.outputs[0].memory in sharing and operator.outputs[0] in operator.inputs:
                _write(operator.outputs[0], known, sharing[operator.outputs[0].memory])
    return known


def windows_of(operator: Operator) -> list[Window]:
    """The windows of a convolution or pooling, one for each of the last dimensions of its input; else none."""
    if operator.name == "convolution" and not operator.arguments[6]:
        kernel = operator.inputs[1].shape[2:]
        stride, padding, dilation = operator.arguments[3:6]
        return _windows(kernel, stride, padding, dilation, False)
    if operator.name in ("max_pool2d_with_indices", "max_pool3d_with_indices"):
        kernel, stride, padding, dilation, ceil_mode = _defaulted(operator, (), 0, 1, False)
        return _windows(kernel, stride or kernel, padding, dilation, ceil_mode)
    if operator.name in ("avg_pool2d", "avg_pool3d"):
        kernel, stride, padding, ceil_mode = _defaulted(operator, (), 0, False)
        return _windows(kernel, stride or kernel, padding, 1, ceil_mode)
    return []


def dropped_of(operator: Operator) -> tuple[int, ...]:
    """Pixels at the far end of each axis that the windows of this operator never reach."""
    windows = windows_of(operator)
    sides = operator.inputs[0].shape[-len(windows) :] if windows else ()
    return tuple(dropped_pixels(side, *window) for side, window in zip(sides, windows, strict=True))


def _defaulted(operator: Operator, *defaults: Any) -> tuple[Any, ...]:
    """Arguments after the input: the kernel, then those that have defaults."""
    rest = operator.arguments[1:]
    return (*rest[: 1 + len(defaults)], *defaults[max(0, len(rest) - 1) :])


def _windows(kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> list[Window]:
    axes = len(kernel)
    numbers = zip(kernel, _each(stride, axes), _each(padding, axes), _each(dilation, axes), strict=True)
    return [Window(taps, jump, pad, step, ceil_mode) for taps, jump, pad, step in numbers]


def _each(argument: Any, axes: int) -> Sequence[int]:
    """One number per axis; torch lets one stand for all."""
    given = argument if isinstance(argument, tuple) else (argument,)
    return given if len(given) == axes else given * axes


# rules: the operator, what is known, its inputs that depend on the picture, the shape it makes -> the layout it makes

Rule = Callable[[Operator, Known, list[Value], Shape], Layout]


def _elementwise(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    if len(given) == 1 and given[0].shape == shape:
        return known[given[0].tensor]
    return united([known[value.tensor] for value in given], shape)


def _everything(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    return united([known[value.tensor].everything(shape) for value in given], shape)


def _slide(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    """Convolution and pooling."""
    windows = windows_of(operator)
    source = operator.inputs[0]
    if source.tensor not in known:
        return _everything(operator, known, given, shape)
    if not windows:
        return _transposed(operator, known, given, shape)
    layout = known[source.tensor]
    for index, window in enumerate(windows, start=-len(windows)):
        length, made, axis = source.shape[index], shape[index], layout.axis_of(index)
        averages_all = operator.name.startswith("avg") and made == 1 < length <= window.kernel
        if axis is None or averages_all:
            layout = layout.with_length(index, made)
        else:
            field = layout.fields[axis].through(*window[:4])
            layout = layout.with_field(index, made, field)
    return layout.with_length(1, shape[1]) if operator.name == "convolution" else layout


def _transposed(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    source, weight = operator.inputs[:2]
    layout, axes = known[source.tensor], len(weight.shape) - 2
    stride, padding, dilation = operator.arguments[3:6]
    windows = _windows(weight.shape[2:], stride, padding, dilation, False)
    for index, window in enumerate(windows, start=-axes):
        axis = layout.axis_of(index)
        if axis is None:
            layout = layout.with_length(index, shape[index])
        else:
            field = layout.fields[axis].through_transposed(*window[:4])
            layout = layout.with_field(index, shape[index], field)
    return layout.with_length(1, shape[1])


def _adaptive(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    """Adaptive pooling: the window is the share of the map, rounded outwards; to one position it averages all."""
    layout, old = known[given[0].tensor], given[0].shape
    for index in range(-len(_each(operator.arguments[1], 1)), 0):
        length, made, axis = old[index], shape[index], layout.axis_of(index)
        if axis is None or (made == 1 and length > 1):
            layout = layout.with_length(index, made)
        elif made != length:
            kernel = max(ceil((i + 1) * length / made) - i * length // made for i in range(made))
            field = layout.fields[axis].through(kernel, whole(Fraction(length, made)))
            layout = layout.with_field(index, made, field)
    return layout


def _resized(taps: int) -> Rule:
    """Enlarging, unpooling and their inverses; each output reads `taps` neighbours of the input."""

    def rule(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
        layout, old = known[given[0].tensor], given[0].shape
        for index in range(2 - len(shape), 0):
            length, made, axis = old[index], shape[index], layout.axis_of(index)
            if axis is None or length == made:
                layout = layout if length == made else layout.with_length(index, made)
                continue
            field = layout.fields[axis].through(max(1, length // made)).through(taps, padding=taps // 2)
            field = field._replace(jump_px=whole(Fraction(layout.fields[axis].jump_px) * length / made))
            layout = layout.with_field(index, made, field)
        return layout.with_length(1, shape[1])

    return rule


def _padded(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    layout = known[given[0].tensor]
    for index in range(len(operator.arguments[1]) // 2):
        before, dimension = operator.arguments[1][2 * index], -1 - index
        layout = _cut(layout, dimension, shape[dimension], -before, 1)
    return layout


def _cut(layout: Layout, dimension: int, length: int, first: int, step: int) -> Layout:
    """Every `step`-th place from `first` on."""
    axis = layout.axis_of(dimension)
    if axis is None:
        return layout.with_length(dimension, length)
    field = layout.fields[axis]
    start = field.start_px + first * field.jump_px
    return layout.with_field(dimension, length, field._replace(jump_px=field.jump_px * step, start_px=start))


def _slice(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    asked = operator.arguments[1:]
    dimension, first, step = (asked[place] if len(asked) > place else None for place in (0, 1, 3))
    dimension, first, step = dimension or 0, first or 0, step or 1
    length = given[0].shape[dimension]
    first = min(length, max(0, first + length if first < 0 else first))
    return _cut(known[given[0].tensor], dimension, shape[dimension], first, step)


def _split(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    dimension = operator.arguments[2] if len(operator.arguments) > 2 else 0
    return known[given[0].tensor].with_length(dimension, shape[dimension])


def _select(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    dimension = operator.arguments[1] if len(operator.arguments) > 1 else 0
    layout = known[given[0].tensor].merged_in(dimension)
    kept = [d for index, d in enumerate(layout.dimensions) if index != dimension % len(layout.dimensions)]
    return Layout(tuple(kept), layout.fields)


def _index(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    """Picking by a list of numbers along one dimension, such as channels, leaves the others."""
    if operator.name == "index_select":
        picked = [operator.arguments[1]]
    else:
        picked = [dimension for dimension, numbers in enumerate(operator.arguments[1]) if numbers is not None]
    if len(picked) != 1 or len(shape) != len(given[0].shape):
        return _everything(operator, known, given, shape)
    return known[given[0].tensor].with_length(picked[0], shape[picked[0]])


def _view(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    return known[given[0].tensor].reshaped(shape)


def _permute(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    rank = len(shape)
    order = list(range(rank))
    if operator.name == "permute":
        order = [dimension % rank for dimension in operator.arguments[1]]
    elif rank > 1:
        first, second = operator.arguments[1:3] if operator.name == "transpose" else (0, 1)
        order[first], order[second] = order[second], order[first]
    return known[given[0].tensor].permuted(order)


def _unsqueeze(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    layout = known[given[0].tensor]
    place = operator.arguments[1] % len(shape)
    dimensions = (*layout.dimensions[:place], (Factor(1),), *layout.dimensions[place:])
    return Layout(dimensions, layout.fields)


def _cat(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    dimension = operator.arguments[1] if len(operator.arguments) > 1 else 0
    parts = [known[value.tensor].with_length(dimension, shape[dimension]) for value in given]
    return united(parts, shape)


def _reduce(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    """Sums, means, maxima over dimensions; kept with length 1 or left out."""
    layout, rank = known[given[0].tensor], len(given[0].shape)
    asked = operator.arguments[1] if len(operator.arguments) > 1 else None
    if isinstance(asked, int) and not isinstance(asked, bool):
        asked = (asked,)
    if not isinstance(asked, tuple) or not asked or not all(isinstance(d, int) for d in asked):
        return _everything(operator, known, given, shape)
    gone = {dimension % rank for dimension in asked}
    layout = layout.merged_in(*gone)
    if len(shape) < rank:
        return Layout(tuple(d for index, d in enumerate(layout.dimensions) if index not in gone), layout.fields)
    for dimension in gone:
        layout = layout.with_length(dimension, 1)
    return layout


def _product(operator: Operator, known: Known, given: list[Value], shape: Shape) -> Layout:
    """A matrix product with weights keeps the rows; one of two activations mixes everything, as attention does."""
    biased = operator.name in ("addmm", "baddbmm", "addbmm", "addmv")
    left, right = operator.arguments[1:3] if biased else operator.arguments[:2]
    if left.tensor not in known or right.tensor in known or not shape or len(left.shape) != len(shape):
        return _everything(operator, known, given, shape)
    return known[left.tensor].with_length(-1, shape[-1])


RULES: dict[str, Rule] = {
    **dict.fromkeys(("convolution", "max_pool2d_with_indices", "max_pool3d_with_indices"), _slide),
    **dict.fromkeys(("avg_pool2d", "avg_pool3d"), _slide),
    **{f"adaptive_{kind}_pool{axes}d": _adaptive for kind in ("avg", "max") for axes in (2, 3)},
    **{f"upsample_nearest{axes}d": _resized(1) for axes in (1, 2, 3)},
    **{f"upsample_nearest_exact{axes}d": _resized(1) for axes in (1, 2, 3)},
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"), _resized(2)),
    **dict.fromkeys(("upsample_bicubic2d",), _resized(4)),
    **dict.fromkeys(("max_unpool2d", "max_unpool3d", "pixel_shuffle", "pixel_unshuffle"), _resized(1)),
    **{f"{kind}_pad{axes}d": _padded for kind in ("reflection", "replication") for axes in (1, 2, 3)},
    "constant_pad_nd": _padded,
    "slice": _slice,
    "select": _select,
    **dict.fromkeys(("split", "split_with_sizes"), _split),
    **dict.fromkeys(("view", "unsafe_view", "reshape_alias", "squeeze", "unflatten"), _view),
    **dict.fromkeys(("permute", "transpose", "t"), _permute),
    "unsqueeze": _unsqueeze,
    **dict.fromkeys(("index", "index_select"), _index),
    "cat": _cat,
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min", "var", "std", "prod", "logsumexp"), _reduce),
    **dict.fromkeys(("mm", "addmm", "bmm", "baddbmm", "linear", "mv", "addmv", "dot"), _product),
    **dict.fromkeys(("roll", "flip", "sort", "topk", "cumsum", "as_strided", "gather", "scatter"), _everything),
}


def _write(written: Value, known: Known, sharing: dict[int, Value]) -> None:
    """After writing into a tensor: others that share its memory have changed too, and may now hold anything from it."""
    for value in sharing.values():
        if value.tensor != written.tensor:
            mixed = known[written.tensor].everything(value.shape)
            before = known.get(value.tensor)
            known[value.tensor] = united([mixed, before], value.shape) if before else mixed
