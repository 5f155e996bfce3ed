"""For every operator that is known, what its output sees, given what its inputs see.

An operator that is missing here mixes everything: its field may come out too large but not too small.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch

from striate.analysis import window_rules as windows
from striate.analysis.layout import Layout, united
from striate.analysis.trace import Operator
from striate.analysis.window_rules import Asked

Rule = Callable[[Asked], Layout]

PASSED_ON = {  # element by element, but not marked so by torch
    *("copy", "to_copy", "detach", "alias", "lift_fresh", "clone", "contiguous", "expand", "expand_as"),
    *("native_dropout", "bernoulli", "fill", "zero", "normal", "uniform", "hardswish", "log_sigmoid_forward"),
    *("prelu_kernel", "rrelu_with_noise", "rrelu_with_noise_functional", "real", "imag", "conj", "isclose"),
    *("hardtanh", "softplus", "hardshrink", "softshrink", "threshold", "masked_fill", "where", "nan_to_num"),
    *("conj_physical", "resolve_conj", "resolve_neg", "fake_quantize_per_tensor_affine_cachemask"),
}

CONSTANTS = {  # only the shape of what they are given matters
    *(f"new_{kind}" for kind in ("zeros", "ones", "full", "empty", "empty_strided")),
    *(f"{kind}_like" for kind in ("zeros", "ones", "full", "empty", "rand", "randn", "randint")),
}


def is_elementwise(name: str) -> bool:
    """Whether each element of the output is made of the elements at the same place in the inputs.

    >>> is_elementwise("relu"), is_elementwise("cumsum")
    (True, False)
    """
    packets = (getattr(torch.ops.aten, spelling, None) for spelling in (name, f"{name}_", f"_{name}"))
    overloads = (getattr(packet, each) for packet in packets if packet for each in packet.overloads())
    return name in PASSED_ON or any(torch.Tag.pointwise in overload.tags for overload in overloads)


@cache
def rule_of(name: str) -> Rule:
    """The rule of an operator."""
    return RULES.get(name) or (_elementwise if is_elementwise(name) else everything)


def everything(asked: Asked) -> Layout:
    """Nobody knows which element sees what: each may see all, and is said to."""
    layouts = [asked.known[value.tensor].everything(asked.shape) for value in asked.given]
    return united(layouts, asked.shape)._replace(is_lost=True)


def _elementwise(asked: Asked) -> Layout:
    if len(asked.given) == 1 and asked.given[0].shape == asked.shape:
        return asked.source()
    return united([asked.known[value.tensor] for value in asked.given], asked.shape)


def _copied(asked: Asked) -> Layout:
    """Into another tensor; a constant that is written leaves what was there, since it may be a part only."""
    source = asked.operator.inputs[-1]
    return united([asked.known[(source if source in asked.given else asked.given[0]).tensor]], asked.shape)


def _of_first(rule: Rule) -> Rule:
    """A rule for the first input; of others that depend on the picture, such as filters, each output sees all."""

    def of_first(asked: Asked) -> Layout:
        first, *others = asked.given
        if first is not asked.operator.inputs[0]:
            return everything(asked)
        layout = rule(asked)
        if not others:
            return layout
        others = [value for value in others if value.tensor != first.tensor or value in asked.operator.inputs[1:]]
        return united([layout, *(asked.known[v.tensor].everything(asked.shape) for v in others)], asked.shape)

    return of_first


def _slice(asked: Asked) -> Layout:
    dimension, first, step = slice_of(asked.operator)
    return windows.cut(asked.source(), dimension, asked.shape[dimension], first, step)


def slice_of(operator: Operator) -> tuple[int, int, int]:
    """The dimension of a slice, its first place and its step."""
    asked = operator.arguments[1:]
    dimension, first, step = (asked[place] if len(asked) > place else None for place in (0, 1, 3))
    dimension, first, step = (dimension or 0) % len(operator.inputs[0].shape), first or 0, step or 1
    length = operator.inputs[0].shape[dimension]
    return dimension, min(length, max(0, first + length if first < 0 else first)), step


def _narrow(asked: Asked) -> Layout:
    dimension, first = asked.operator.arguments[1:3]
    dimension %= len(asked.shape)
    return windows.cut(asked.source(), dimension, asked.shape[dimension], first, 1)


def _split(asked: Asked) -> Layout:
    dimension = asked.argument(2, 0)
    first = sum(output.shape[dimension] for output in asked.operator.outputs[: asked.place])
    return windows.cut(asked.source(), dimension, asked.shape[dimension], first, 1)


def _select(asked: Asked) -> Layout:
    dimension, index = (asked.argument(1, 0), asked.argument(2, 0))
    return _selected(asked, dimension, index % asked.given[0].shape[dimension])


def _unbind(asked: Asked) -> Layout:
    return _selected(asked, asked.argument(1, 0), asked.place)


def _selected(asked: Asked, dimension: int, index: int) -> Layout:
    return windows.cut(asked.source(), dimension, 1, index, 1).without(dimension)


def _index(asked: Asked) -> Layout:
    """Picking by a list of numbers along one dimension, such as channels, leaves the others."""
    if asked.operator.name == "index_select":
        picked = [asked.operator.arguments[1]]
    else:
        picked = [dimension for dimension, numbers in enumerate(asked.operator.arguments[1]) if numbers is not None]
    if len(picked) != 1 or len(asked.shape) != len(asked.given[0].shape) or len(asked.given) > 1:
        return everything(asked)
    return asked.source().with_length(picked[0], asked.shape[picked[0]])


def _view(asked: Asked) -> Layout:
    return asked.source().reshaped(asked.shape)


def _permute(asked: Asked) -> Layout:
    rank = len(asked.shape)
    order = list(range(rank))
    if asked.operator.name == "permute":
        order = [dimension % rank for dimension in asked.operator.arguments[1]]
    elif rank > 1:
        first, second = asked.operator.arguments[1:3] if asked.operator.name == "transpose" else (0, 1)
        order[first], order[second] = order[second], order[first]
    return asked.source().permuted(order)


def _squeeze(asked: Asked) -> Layout:
    old = asked.given[0].shape
    named = asked.argument(1, tuple(range(len(old))))
    named = named if isinstance(named, tuple) else (named,)
    return asked.source().without(*(dimension for dimension in named if old[dimension] == 1))


def _unsqueeze(asked: Asked) -> Layout:
    return asked.source().with_new(asked.operator.arguments[1] % len(asked.shape))


def _cat(asked: Asked) -> Layout:
    dimension = asked.argument(1, 0)
    parts = [asked.known[value.tensor].with_length(dimension, asked.shape[dimension]) for value in asked.given]
    return united(parts, asked.shape)


def _stack(asked: Asked) -> Layout:
    dimension = asked.argument(1, 0) % len(asked.shape)
    length = asked.shape[dimension]
    return united([asked.known[v.tensor].with_new(dimension, length) for v in asked.given], asked.shape)


def _reduced(at: int) -> Rule:
    """Sums, means, maxima over dimensions, named by argument number `at`; kept with length 1 or left out."""

    def rule(asked: Asked) -> Layout:
        layout, rank, dimensions = asked.source(), len(asked.given[0].shape), asked.argument(at)
        if isinstance(dimensions, int) and not isinstance(dimensions, bool):
            dimensions = (dimensions,)
        if not isinstance(dimensions, tuple) or not dimensions or not all(isinstance(d, int) for d in dimensions):
            return layout.everything(asked.shape)
        if len(asked.shape) < rank:
            return layout.without(*dimensions)
        for dimension in dimensions:
            layout = layout.with_length(dimension, 1)
        return layout

    return rule


def _halved(asked: Asked) -> Layout:
    """A gated linear unit: one half of the dimension times the other."""
    dimension = asked.argument(1, -1)
    return asked.source().with_length(dimension, asked.shape[dimension])


def _spread_along(asked: Asked) -> Layout:
    """Softmax, cumulative sums, sorting: along one dimension each element may depend on all."""
    dimension = asked.argument(1, -1)
    if isinstance(dimension, bool) or not isinstance(dimension, int) or asked.shape != asked.given[0].shape:
        return everything(asked)
    return asked.source().spread(dimension)


def _batch_norm(asked: Asked) -> Layout:
    """Constants in use; with statistics of the batch, as instance norm has them, of the whole picture."""
    if asked.place:
        return asked.source().everything(asked.shape)
    if not any(argument is True for argument in asked.operator.arguments[3:6]):
        return asked.source()
    return asked.source().spread(0, *range(2, len(asked.shape)))


def _norm(asked: Asked) -> Layout:
    """Group and layer norm: statistics over everything but the batch, or over the last dimensions."""
    if asked.place:
        return asked.source().everything(asked.shape)
    rank = len(asked.shape)
    last = rank - 1 if asked.operator.name == "native_group_norm" else len(asked.operator.arguments[1])
    return asked.source().spread(*range(rank - last, rank))


def _product(asked: Asked) -> Layout:
    """A matrix product sums over the columns of the left and the rows of the right."""
    biased = asked.operator.name in ("addmm", "baddbmm")
    left, right = asked.operator.arguments[1:3] if biased else asked.operator.arguments[:2]
    rank = len(asked.shape)
    if len(left.shape) != rank or (asked.operator.name != "linear" and len(right.shape) != rank):
        return everything(asked)
    layouts = []
    if left.tensor in asked.known:
        layouts.append(asked.known[left.tensor].with_length(-1, asked.shape[-1]))
    if right.tensor in asked.known:
        if asked.operator.name == "linear":
            return everything(asked)
        layouts.append(asked.known[right.tensor].with_length(-2, asked.shape[-2]))
    rest = [v for v in asked.given if v.tensor not in (left.tensor, right.tensor)]
    return united([*layouts, *(asked.known[v.tensor] for v in rest)], asked.shape)


def _attention(asked: Asked) -> Layout:
    """Each row of the queries sees itself and all keys and values."""
    if asked.place or len(asked.operator.inputs) != 3:
        return everything(asked)
    queries, *others = asked.operator.inputs
    layouts = [asked.known[queries.tensor].with_length(-1, asked.shape[-1])] if queries in asked.given else []
    for other in others:
        if other in asked.given:
            layout = asked.known[other.tensor].with_length(-1, asked.shape[-1])
            layouts.append(layout.with_length(-2, asked.shape[-2]))
    return united(layouts, asked.shape)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices"), windows.slide),
    **dict.fromkeys(("avg_pool2d", "avg_pool3d"), windows.slide),
    **{f"adaptive_{kind}_pool{axes}d": windows.adaptive for kind in ("avg", "max") for axes in (2, 3)},
    **{f"upsample_nearest{exact}{axes}d": windows.nearest for exact in ("", "_exact") for axes in (1, 2, 3)},
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"), windows.interpolated(1)),
    **dict.fromkeys(("upsample_bilinear2d_aa",), windows.interpolated(1)),
    **dict.fromkeys(("upsample_bicubic2d", "upsample_bicubic2d_aa"), windows.interpolated(2)),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), windows.shuffled),
    **{f"{kind}_pad{axes}d": windows.padded for kind in ("reflection", "replication") for axes in (1, 2, 3)},
    "constant_pad_nd": windows.padded,
    "im2col": windows.unfold,
    "col2im": windows.fold,
    "unfold": windows.sliding_view,
    "flip": windows.flipped,
    "roll": windows.rolled,
    "repeat": windows.tiled,
    "slice": _slice,
    "narrow": _narrow,
    "select": _select,
    "unbind": _unbind,
    **dict.fromkeys(("split", "split_with_sizes"), _split),
    **dict.fromkeys(("view", "unsafe_view", "reshape_alias", "unflatten"), _view),
    **dict.fromkeys(("permute", "transpose", "t"), _permute),
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "channel_shuffle": lambda asked: asked.source().with_length(1, asked.shape[1]),
    "glu": _halved,
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min", "var", "std", "prod", "logsumexp"), _reduced(1)),
    **dict.fromkeys(("argmax", "argmin", "any", "all", "nansum", "median", "var_mean", "std_mean"), _reduced(1)),
    **dict.fromkeys(("linalg_vector_norm", "norm"), _reduced(2)),
    **dict.fromkeys(("softmax", "log_softmax", "safe_softmax", "cumsum", "cumprod", "logcumsumexp"), _spread_along),
    **dict.fromkeys(("cummax", "cummin", "sort"), _spread_along),
    **dict.fromkeys(("native_batch_norm", "native_batch_norm_legit", "cudnn_batch_norm"), _batch_norm),
    **dict.fromkeys(("batch_norm_no_update", "native_batch_norm_legit_no_training"), _batch_norm),
    **dict.fromkeys(("native_layer_norm", "native_group_norm", "fused_rms_norm"), _norm),
}
RULES = {name: _of_first(rule) for name, rule in RULES.items()} | {
    "convolution": _of_first(windows.slide),
    "max_unpool2d": windows.unpool,
    "max_unpool3d": windows.unpool,
    **dict.fromkeys(("index", "index_select"), _index),
    "cat": _cat,
    "stack": _stack,
    "copy": _copied,
    **dict.fromkeys(("mm", "addmm", "bmm", "baddbmm", "linear"), _product),
    "scaled_dot_product_flash_attention_for_cpu": _attention,
    "scaled_dot_product_flash_attention": _attention,
    "scaled_dot_product_efficient_attention": _attention,
    "scaled_dot_product_fused_attention_overrideable": _attention,
}
