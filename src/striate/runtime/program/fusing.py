"""Operators joined to what oneDNN does in one go: a convolution with the sum and the activation that follow it.

A map then goes through memory once instead of three times. The weights are laid out as oneDNN reads them once, not at
every call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.runtime.program.recording import Call, Recording

ATEN, ONEDNN = torch.ops.aten, torch.ops.mkldnn
ACTIVATIONS: dict[Callable[..., Any], str] = {  # what oneDNN calls them, without and in place
    **dict.fromkeys((ATEN.relu.default, ATEN.relu_.default), "relu"),
    **dict.fromkeys((ATEN.silu.default, ATEN.silu_.default), "swish"),
    **dict.fromkeys((ATEN.hardswish.default, ATEN.hardswish_.default), "hardswish"),
    **dict.fromkeys((ATEN.sigmoid.default, ATEN.sigmoid_.default), "sigmoid"),
    **dict.fromkeys((ATEN.tanh.default, ATEN.tanh_.default), "tanh"),
}
SUMS = (ATEN.add.Tensor, ATEN.add_.Tensor)
CONV_DEFAULTS = (None, [1, 1], [0, 0], [1, 1], 1)  # bias, stride, padding, dilation, groups of aten.conv2d
LEAST_ROWS = 4

Readers = dict[int, list[int]]
"""Places of the calls that take each tensor, by its identity; the answer is read behind the last one."""


def fused(recording: Recording, batch: int) -> list[Call]:
    """The calls of a pass, every convolution joined with the sum and the activation that alone read what it gives.

    batch: pictures in most batches, for which the weights are laid out.
    """
    calls: list[Call | None] = list(recording.calls)
    readers = _readers(recording)
    for place, call in enumerate(recording.calls):
        if call.operator is ATEN.conv2d.default and calls[place] is call:
            _join(calls, place, readers, batch)
        elif call.operator is ATEN.linear.default and call.arguments[0].dtype is torch.bfloat16:
            calls[place] = _linear(call, batch)
        elif call.operator is ATEN.linear.default and call.arguments[0].ndim == 2:
            calls[place] = replace(call, operator=of_rows)
        elif call.operator is ATEN.adaptive_avg_pool2d.default and list(call.arguments[1]) == [1, 1]:
            maps = call.arguments[0]  # the plain pooling has the faster kernel where channels lie last
            calls[place] = Call(ATEN.avg_pool2d.default, (maps, list(maps.shape[2:])), {}, call.result)
    return [call for call in calls if call is not None]


def _readers(recording: Recording) -> Readers:
    readers: Readers = defaultdict(list)
    for place, call in enumerate(recording.calls):
        for tensor in call.taken:
            readers[id(tensor)].append(place)
    readers[id(recording.answer)].append(len(recording.calls))
    return readers


def _join(calls: list[Call | None], place: int, readers: Readers, batch: int) -> None:
    """Put one call in the place of a convolution, or of the last one of those that it is joined with."""
    conv = _at(calls, place)
    images, weight, bias, stride, padding, dilation, groups = _settings(conv)
    window = (padding, stride, dilation, groups)
    packed = ONEDNN._reorder_convolution_weight(weight, *window, [batch, *images.shape[1:]])
    last, other, activation = place, None, "none"
    if (summing := _next(calls, place, readers, (images,))) is not None:
        other = _other_summand(_at(calls, summing), conv.result)
        last = summing if other is not None else last
    reads = (images,) if other is None else (images, other)
    if (activating := _next(calls, last, readers, reads)) is not None:
        known = ACTIVATIONS.get(_at(calls, activating).operator, "none")
        activation = known if other is None or known == "relu" else "none"  # oneDNN knows no other behind a sum
        last = activating if activation != "none" else last
    result = _at(calls, last).result
    calls[place] = None
    if other is not None and summing is not None:
        calls[summing] = None
    if other is None:
        arguments: tuple[Any, ...] = (images, packed, bias, *window, activation, [], "")
        calls[last] = Call(ONEDNN._convolution_pointwise.default, arguments, {}, result)
    else:
        rectified = None if activation == "none" else activation
        arguments = (images, other, packed, bias, *window, "add", 1.0, rectified, [], "")
        calls[last] = Call(ONEDNN._convolution_pointwise.binary, arguments, {}, result)


def _at(calls: list[Call | None], place: int) -> Call:
    call = calls[place]
    assert call is not None  # noqa: S101 - nothing that is joined already is asked for
    return call


def _settings(conv: Call) -> tuple[Any, ...]:
    """Images, weights, bias, stride, padding, dilation, groups, given or as they are by default."""
    given = conv.arguments
    return (*given, *CONV_DEFAULTS[len(given) - 2 :])


def _next(calls: list[Call | None], last: int, readers: Readers, reads: tuple[Tensor, ...]) -> int | None:
    """The place of the call that a convolution, joined up to that at `last`, may be joined with; None: there is none.

    It has to be the first to read what came, and the only one if it makes a tensor of its own; and what the joined call
    reads, images and summand, has to be the same until then.
    """
    result = _at(calls, last).result
    later = [place for place in readers[id(result)] if place > last]
    if not later or later[0] >= len(calls) or (following := calls[later[0]]) is None:
        return None
    if following.result is not result and len(later) > 1:
        return None
    between = [changed for call in calls[last + 1 : later[0]] if call is not None for changed in call.changed]
    if any(_share_memory(changed, read) for changed in between for read in reads):
        return None
    return later[0]


def _share_memory(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def _other_summand(call: Call, result: Tensor) -> Tensor | None:
    """What is added to a convolution's result, a map of the same shape and type; None where the call is no such sum."""
    if call.operator not in SUMS or call.keywords or len(call.arguments) != 2:
        return None
    first, second = call.arguments
    if first is not result and (second is not result or call.operator is ATEN.add_.Tensor):
        return None
    other = second if first is result else first
    alike = isinstance(other, Tensor) and other is not result and other.shape == result.shape
    return other if alike and other.dtype is result.dtype else None


def of_rows(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer (N, inputs) -> (N, outputs) that gives a row the same bits whatever N is.

    MKL adds in another order where a matrix has fewer than LEAST_ROWS rows.
    """
    if len(rows) >= LEAST_ROWS:
        return F.linear(rows, weight, bias)
    return F.linear(F.pad(rows, (0, 0, 0, LEAST_ROWS - len(rows))), weight, bias)[: len(rows)]


def _linear(call: Call, batch: int) -> Call:
    """A linear layer in 16 bits, its weights laid out once."""
    rows, weight, bias = (*call.arguments, None)[:3]
    packed = ONEDNN._reorder_linear_weight(weight, batch)
    return Call(ONEDNN._linear_pointwise.default, (rows, packed, bias, "none", [], ""), {}, call.result)
