"""Layers that read windows: convolutions, dense layers, pooling, upsampling."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from striate.core.errors import StriateError
from striate.visual.step.calls import Call
from striate.visual.step.worked import Place, Terms, Worked, grid, numbers_at, single, terms

CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")


def each(value: Any, axes: int, usual: int) -> list[int]:
    """A number, or one for each axis.

    >>> each(2, 2, 1), each(None, 2, 1), each((3,), 2, 1)
    ([2, 2], [1, 1], [3, 3])
    """
    if value is None or (isinstance(value, tuple | list) and not value):
        return [usual] * axes
    several = list(value) if isinstance(value, tuple | list) else [value]
    return several if len(several) == axes else several * axes


def convolution(call: Call, place: Place) -> Worked:
    """A window of every channel of the group, times the filter, plus the bias."""
    given = call.bound(*CONVOLUTION)
    x, weight = given["input"], given["weight"]
    axes, groups = weight.dim() - 2, given["groups"] or 1
    channel, *at = place[1:]
    stride, dilation = each(given["stride"], axes, 1), torch.tensor(each(given["dilation"], axes, 1))
    taps = grid(*(torch.arange(size) for size in weight.shape[1:]))
    first = channel // (len(weight) // groups) * weight.shape[1]
    start = torch.tensor(at) * torch.tensor(stride) - torch.tensor(_before(given["padding"], dilation, weight))
    read = start + taps[:, 1:] * dilation
    places = torch.cat([torch.full((len(taps), 1), place[0]), taps[:, :1] + first, read], 1)
    weights_at = torch.cat([torch.full((len(taps), 1), channel), taps], 1)
    return _weighed(call, (x, places), (weight, weights_at), (given["bias"], channel))


def _before(padding: Any, dilation: Tensor, weight: Tensor) -> list[int]:
    if padding == "same":
        return [int(d) * (k - 1) // 2 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    return each(0 if padding == "valid" else padding, weight.dim() - 2, 0)


def transposed_convolution(call: Call, place: Place) -> Worked:
    """The inputs whose windows reach this place, each times the weight that lies there."""
    given = call.bound(*TRANSPOSED)
    x, weight = given["input"], given["weight"]
    axes, groups = weight.dim() - 2, given["groups"] or 1
    channel, *at = place[1:]
    group, own = divmod(channel, weight.shape[1])
    per_group = len(weight) // groups
    stride, padding, dilation = (
        torch.tensor(each(given[name], axes, usual)) for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1))
    )
    taps = grid(torch.arange(per_group) + group * per_group, *(torch.arange(size) for size in weight.shape[2:]))
    reach = torch.tensor(at) + padding - taps[:, 1:] * dilation
    from_ = reach.div(stride, rounding_mode="floor")
    meets = ((reach % stride == 0) & (from_ >= 0) & (from_ < torch.tensor(x.shape[2:]))).all(1)
    taps, from_ = taps[meets], from_[meets]
    places = torch.cat([torch.full((len(taps), 1), place[0]), taps[:, :1], from_], 1)
    weights_at = torch.cat([taps[:, :1], torch.full((len(taps), 1), own), taps[:, 1:]], 1)
    return _weighed(call, (x, places), (weight, weights_at), (given["bias"], channel))


def linear(call: Call, place: Place) -> Worked:
    """All inputs, each times its weight, plus the bias."""
    given = call.bound("input", "weight", "bias")
    x, weight = given["input"], given["weight"]
    several = torch.arange(x.shape[-1])
    places = grid(*(torch.tensor([index]) for index in place[:-1]), several)
    return _weighed(call, (x, places), (weight, grid(torch.tensor([place[-1]]), several)), (given["bias"], place[-1]))


def matmul(call: Call, place: Place) -> Worked:
    """A row of the first times a column of the second."""
    left, right = call.tensors[:2]
    if min(left.dim(), right.dim()) < 2:
        raise StriateError("a product with a vector is not worked out; products of matrices are")
    inner = torch.arange(left.shape[-1])
    first = [torch.tensor([index]) for index in _aligned(place[:-2], left.shape[:-2])]
    second = [torch.tensor([index]) for index in _aligned(place[:-2], right.shape[:-2])]
    rows, columns = grid(*first, torch.tensor([place[-2]]), inner), grid(*second, inner, torch.tensor([place[-1]]))
    return _weighed(call, (left, rows), (right, columns), (None, 0))


def _aligned(place: Place, shape: torch.Size) -> list[int]:
    kept = place[len(place) - len(shape) :]
    return [0 if size == 1 else index for index, size in zip(kept, shape, strict=True)]


def _weighed(call: Call, read: tuple[Tensor, Tensor], by: tuple[Tensor, Tensor], bias: tuple[Any, int]) -> Worked:
    """The sum of products. read, by: a tensor and places in it. bias: a tensor or None, and the place in it."""
    (x, places), (weight, weights_at) = read, by
    inside = ((places >= 0) & (places < torch.tensor(x.shape))).all(1)
    values = x.new_zeros(len(places))
    values[inside] = numbers_at(x, places[inside])
    weights = numbers_at(weight, weights_at)
    total = float((values * weights).sum())
    found = [terms(call.number(x), places, values, weights, inside)]
    found += [terms(call.number(weight), weights_at, weights, values)]
    if bias[0] is None:
        return Worked(total, "sum of x · w", tuple(found), products=True)
    added = float(bias[0][bias[1]])
    found.append(single(call.number(bias[0]), (bias[1],), added, 1.0))
    steps = (("sum of x · w", total), ("b", added))
    return Worked(total + added, "sum of x · w, plus b", tuple(found), steps, products=True)


def max_pool(call: Call, place: Place) -> Worked:
    """The largest of a window; the first where several are."""
    given = call.bound("input", "kernel_size", "stride", "padding", "dilation")
    x = given["input"]
    axes = x.dim() - 2
    kernel = each(given["kernel_size"], axes, 1)
    stride, padding = each(given["stride"], axes, 1) if given["stride"] else kernel, each(given["padding"], axes, 0)
    spans = []
    for axis, dilation in enumerate(each(given["dilation"], axes, 1)):
        start = place[2 + axis] * stride[axis] - padding[axis]
        taps = torch.arange(start, start + kernel[axis] * dilation, dilation)
        spans.append(taps[(taps >= 0) & (taps < x.shape[2 + axis])])
    return _largest(call, x, place, spans)


def adaptive_max_pool(call: Call, place: Place) -> Worked:
    """The largest of a window that is as large as sizes ask for."""
    x = call.bound("input")["input"]
    return _largest(call, x, place, _adaptive(x, call.output, place))


def _largest(call: Call, x: Tensor, place: Place, spans: list[Tensor]) -> Worked:
    places = _window(place, spans)
    values = numbers_at(x, places)
    wins = torch.zeros_like(values)
    wins[int(values.argmax())] = 1.0
    return Worked(float(values.max()), "the largest x of the window", (terms(call.number(x), places, values, wins),))


def average_pool(call: Call, place: Place) -> Worked:
    """The sum of a window, over how many numbers it has; the padding counts where torch is told so."""
    given = call.bound(
        "input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"
    )
    x = given["input"]
    axes = x.dim() - 2
    kernel = each(given["kernel_size"], axes, 1)
    stride, padding = each(given["stride"], axes, 1) if given["stride"] else kernel, each(given["padding"], axes, 0)
    spans, counted = [], 1
    for axis, size in enumerate(x.shape[2:]):
        start = place[2 + axis] * stride[axis] - padding[axis]
        end = min(start + kernel[axis], size + padding[axis])
        spans.append(torch.arange(max(start, 0), min(end, size)))
        counted *= end - start
    if given["count_include_pad"] is False:
        counted = math.prod(map(len, spans))
    return mean_of(call, x, _window(place, spans), given["divisor_override"] or counted)


def adaptive_average_pool(call: Call, place: Place) -> Worked:
    """The mean of a window that is as large as sizes ask for."""
    x = call.bound("input")["input"]
    places = _window(place, _adaptive(x, call.output, place))
    return mean_of(call, x, places, len(places))


def mean_of(call: Call, x: Tensor, places: Tensor, divisor: float) -> Worked:
    """A sum over places, divided."""
    values = numbers_at(x, places)
    total = float(values.sum())
    found = terms(call.number(x), places, values, torch.full_like(values, 1 / divisor))
    formula = "sum of x" if divisor == 1 else f"sum of x, divided by {divisor:g}"
    return Worked(total / divisor, formula, (found,), (("sum of x", total), ("divided by", float(divisor))))


def _adaptive(x: Tensor, output: Tensor, place: Place) -> list[Tensor]:
    sizes = zip(x.shape[2:], output.shape[2:], place[2:], strict=True)
    return [torch.arange(at * size // out, -(-(at + 1) * size // out)) for size, out, at in sizes]


def _window(place: Place, spans: list[Tensor]) -> Tensor:
    return grid(torch.tensor([place[0]]), torch.tensor([place[1]]), *spans)


def upsample(call: Call, place: Place) -> Worked:
    """Nearest, or between the two nearest along each axis (linear, bilinear, trilinear)."""
    names = ("input", "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias")
    given = call.bound(*names)
    x, mode = given["input"], given["mode"] or "nearest"
    if given["antialias"] or mode not in ("nearest", "nearest-exact", "linear", "bilinear", "trilinear"):
        raise StriateError(f"upsampling by {mode!r} is not worked out; nearest, linear and bilinear are")
    axes = x.dim() - 2
    scales = [None] * axes if given["recompute_scale_factor"] else each_or_none(given["scale_factor"], axes)
    along = []
    for axis, at in enumerate(place[2:]):
        size, out = x.shape[2 + axis], call.output.shape[2 + axis]
        ratio = 1 / scale if (scale := scales[axis]) else size / out
        if mode.startswith("nearest"):
            found = math.floor((at + 0.5) * ratio) if mode == "nearest-exact" else math.floor(at * ratio)
            along.append(([min(found, size - 1)], [1.0]))
            continue
        corners = (size - 1) / (out - 1) * at if out > 1 else 0.0
        source = corners if given["align_corners"] else max(0.0, (at + 0.5) * ratio - 0.5)
        low = min(math.floor(source), size - 1)
        along.append(([low, min(low + 1, size - 1)], [1 - (source - low), source - low]))
    places = _window(place, [torch.tensor(pixels) for pixels, _ in along])
    shares = torch.ones(1, dtype=x.dtype)
    for _, parts in along:
        shares = (shares[:, None] * x.new_tensor(parts)).flatten()
    values = numbers_at(x, places)
    read: Terms = terms(call.number(x), places, values, shares)
    return Worked(float((values * shares).sum()), "sum of x, each by its share", (read,))


def each_or_none(value: Any, axes: int) -> list[Any]:
    """As `each`, of what need not be given."""
    return [None] * axes if value is None else list(value) if isinstance(value, tuple | list) else [value] * axes
