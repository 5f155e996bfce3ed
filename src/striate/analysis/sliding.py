"""The sliding windows of an operator: where they lie, what they read and what they never reach."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from striate.analysis.trace import Operator
from striate.ops.windows import dropped_pixels


class Window(NamedTuple):
    """A sliding window along one dimension."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    ceil_mode: bool

    def taps(self, place: int) -> range:
        """Places of the input that a place of the output reads."""
        first = place * self.stride - self.padding
        return range(first, first + self.dilation * (self.kernel - 1) + 1, self.dilation)

    def transposed_taps(self, place: int) -> list[int]:
        """The same for the transposed window: places of the input that write there."""
        origins = (place + self.padding - self.dilation * tap for tap in reversed(range(self.kernel)))
        return [origin // self.stride for origin in origins if origin % self.stride == 0]


def windows_of(operator: Operator) -> tuple[Window, ...]:
    """The windows of a convolution or pooling, one for each of the last dimensions of its input; else none."""
    if operator.name == "convolution" and not operator.arguments[6]:
        return convolved(operator)
    if operator.name in ("max_pool2d_with_indices", "max_pool3d_with_indices"):
        kernel, stride, padding, dilation, ceil_mode = _defaulted(operator, (), 0, 1, False)
        return windows_along(kernel, stride or kernel, padding, dilation, ceil_mode)
    if operator.name in ("avg_pool2d", "avg_pool3d"):
        kernel, stride, padding, ceil_mode = _defaulted(operator, (), 0, False)
        return windows_along(kernel, stride or kernel, padding, 1, ceil_mode)
    return ()


def dropped_of(operator: Operator) -> tuple[int, ...]:
    """Pixels at the far end of each axis that the windows of this operator never reach."""
    windows = windows_of(operator)
    sides = operator.inputs[0].shape[-len(windows) :] if windows else ()
    return tuple(dropped_pixels(side, *window) for side, window in zip(sides, windows, strict=True))


def convolved(operator: Operator) -> tuple[Window, ...]:
    """The windows of a convolution, transposed or not."""
    stride, padding, dilation = operator.arguments[3:6]
    return windows_along(operator.inputs[1].shape[2:], stride, padding, dilation, False)


def _defaulted(operator: Operator, *defaults: Any) -> tuple[Any, ...]:
    """Arguments after the input: the kernel, then those that have defaults."""
    rest = operator.arguments[1:]
    return (*rest[: 1 + len(defaults)], *defaults[max(0, len(rest) - 1) :])


@lru_cache(maxsize=256)
def windows_along(kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> tuple[Window, ...]:
    """One window per length of the kernel; remembered, since networks repeat theirs."""
    axes = len(kernel)
    numbers = zip(kernel, each(stride, axes), each(padding, axes), each(dilation, axes), strict=True)
    return tuple(Window(taps, jump, pad, step, ceil_mode) for taps, jump, pad, step in numbers)


def each(argument: Any, axes: int) -> Sequence[Any]:
    """One number per axis; torch lets one stand for all."""
    given = argument if isinstance(argument, tuple) else (argument,)
    return given if len(given) == axes else given * axes
