"""One layer by hand: output size, parameters, multiply-accumulates, memory, and which pixels it never sees.

Everything is told with the arithmetic written out, the way it is done on paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from striate.core.errors import StriateError, unknown_name
from striate.ops import windows

KINDS = ("conv", "pool", "deconv")
FLOAT_BYTES = 4
MOST_PIXELS = 20_000  # a side; windows are placed one by one
Pair = tuple[int, int]
Padding = Pair | Literal["same", "valid"]


@dataclass(frozen=True)
class Layer:
    """A question. Pairs are (height, width).

    kind: conv, pool or deconv (transposed convolution). filters: output channels; None for pool, which keeps them.
    stride: None for 1, for pool the kernel. padding: at both ends; "same" and "valid" are TensorFlow's and Keras'.
    rounding: of a pooling's output size: "down", "up" (torch's ceil_mode) or "caffe" (up, by Caffe's rule).
    """

    kind: str
    in_shape: tuple[int, int, int]
    kernel: Pair
    filters: int | None = None
    stride: Pair | None = None
    padding: Padding = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = True
    rounding: str = "down"
    output_padding: Pair = (0, 0)

    @property
    def strides(self) -> Pair:
        """The stride, where none was given the layer's usual one."""
        return self.stride or (self.kernel if self.kind == "pool" else (1, 1))


@dataclass(frozen=True)
class Axis:
    """The windows along one axis.

    out_px: size of the output. arithmetic: how it comes about. padding: before and after.
    row_px: size of what the windows lie on: the input, for a transposed convolution the output.
    starts: first pixel of each window in that row, negative in the padding; taps: where it touches, from there.
    left_over_px: what the last step of the stride leaves over; 0 where the windows fit.
    """

    out_px: int
    arithmetic: str
    padding: Pair
    row_px: int
    starts: range
    taps: range
    left_over_px: int

    @property
    def untouched(self) -> tuple[int, ...]:
        """Pixels of the row that no window touches."""
        touched = bytearray(self.row_px)
        for start in self.starts:
            pixels = range(start, start + self.taps.stop, self.taps.step)
            inside = pixels[max(0, -(start // self.taps.step)) :]
            window = slice(inside.start, inside.stop, inside.step)
            touched[window] = b"1" * len(range(*window.indices(self.row_px)))
        return tuple(pixel for pixel, mark in enumerate(touched) if not mark)


@dataclass(frozen=True)
class Answer:
    """What a layer makes of one picture and what it costs. height, width: its windows along these axes."""

    layer: Layer
    height: Axis
    width: Axis

    @property
    def out_shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return (self.layer.filters or self.layer.in_shape[0], self.height.out_px, self.width.out_px)

    @property
    def weights(self) -> int:
        """Parameters without biases."""
        if self.layer.filters is None:
            return 0
        return self.layer.filters * (self.layer.in_shape[0] // self.layer.groups) * prod(self.layer.kernel)

    @property
    def biases(self) -> int:
        """One per filter."""
        return self.layer.filters or 0 if self.layer.bias else 0

    @property
    def positions(self) -> int:
        """How often each weight is used: at every place of the output, of the input where it is transposed."""
        return prod(self.layer.in_shape[1:] if self.layer.kind == "deconv" else self.out_shape[1:])

    @property
    def macs(self) -> int:
        """Multiply-accumulates: weights x positions."""
        return self.weights * self.positions

    @property
    def output_bytes(self) -> int:
        """Of the output for one picture, in 32-bit floats."""
        return FLOAT_BYTES * prod(self.out_shape)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, for JSON."""
        return {
            "kind": self.layer.kind,
            "in_shape": list(self.layer.in_shape),
            "out_shape": list(self.out_shape),
            "weights": self.weights,
            "biases": self.biases,
            "params": self.weights + self.biases,
            "macs": self.macs,
            "output_bytes": self.output_bytes,
            **{name: _axis_dict(axis) for name, axis in (("height", self.height), ("width", self.width))},
        }


def work_out(layer: Layer) -> Answer:
    """Everything about one layer on one picture.

    Raises StriateError for a kind, number or combination that does not exist, and where no window fits.

    >>> answer = work_out(Layer("conv", (3, 32, 32), kernel=(5, 5), filters=10, padding=(2, 2)))
    >>> answer.out_shape, answer.weights + answer.biases, answer.width.arithmetic
    ((10, 32, 32), 760, '(32 + 2x2 - 5) / 1 + 1 = 32')
    """
    _check(layer)
    along = _transposed if layer.kind == "deconv" else _sliding
    return Answer(layer, along(layer, 0), along(layer, 1))


def _check(layer: Layer) -> None:
    if layer.kind not in KINDS:
        raise unknown_name("layer kind", layer.kind, KINDS)
    numbers: list[tuple[str, int | None]] = [("groups", layer.groups), ("filters", layer.filters)]
    for name, number in (*zip(("channels", "height", "width"), layer.in_shape, strict=True), *numbers):
        if number is not None and number < 1:
            raise StriateError(f"{name} must be at least 1, got {number}")
    for side in layer.in_shape[1:]:
        _check_pixels("the input", side)
    padding = (0, 0) if isinstance(layer.padding, str) else layer.padding
    pairs = (layer.kernel, layer.stride or (1, 1), padding, layer.dilation, layer.output_padding)
    for name, pair in zip(("kernel", "stride", "padding", "dilation", "output padding"), pairs, strict=True):
        for pixels in pair:
            _check_pixels(f"the {name}", pixels)
    channels = layer.in_shape[0]
    if layer.kind == "pool":
        if layer.filters is not None or layer.groups != 1:
            raise StriateError("pool works on each channel by itself: it takes neither filters nor groups")
    elif layer.filters is None:
        raise StriateError(f"{layer.kind} needs filters: how many channels come out")
    elif channels % layer.groups or layer.filters % layer.groups:
        raise StriateError(
            f"{layer.groups} groups must divide the channels, {channels}, and the filters, {layer.filters}"
        )
    if layer.kind != "pool" and layer.rounding != "down":
        raise StriateError(f"{layer.kind} has no rounding to choose; only pool rounds up")
    if layer.kind != "deconv" and layer.output_padding != (0, 0):
        raise StriateError(f"output padding belongs to deconv, not to {layer.kind}")
    if isinstance(layer.padding, str) and (layer.rounding != "down" or layer.output_padding != (0, 0)):
        raise StriateError(f"padding {layer.padding!r} decides the output size, without rounding or output padding")


def _check_pixels(what: str, side: int) -> None:
    if side > MOST_PIXELS:
        raise StriateError(f"{what} may have {MOST_PIXELS:,} pixels a side at most, got {side:,}")


def _sliding(layer: Layer, axis: int) -> Axis:
    size, kernel, stride = layer.in_shape[1 + axis], layer.kernel[axis], layer.strides[axis]
    dilation, reach = layer.dilation[axis], windows.span(kernel, layer.dilation[axis])
    if layer.padding == "same":
        positions = windows.same_output_size(size, stride)
        before, after = windows.same_padding(size, kernel, stride, dilation)
        arithmetic = f"{_quotient(size, stride)} = {positions}"
        left_over = max(0, size - (positions - 1) * stride - reach)
    else:
        before = after = 0 if isinstance(layer.padding, str) else layer.padding[axis]
        if layer.kind == "pool" and before > kernel // 2:  # torch's rule; dilation does not count
            raise StriateError(
                f"a padding of {before} is more than half of the pooling kernel of {kernel}, which torch refuses; "
                f"{kernel // 2} at most"
            )
        positions = _positions(layer, size, (kernel, stride, before, dilation))
        padded = size + 2 * before
        left_over = (padded - reach) % stride if padded >= reach else size
        arithmetic = _written(size, before, reach, stride, layer.rounding, positions)
    starts = range(-before, positions * stride - before, stride)
    return Axis(positions, arithmetic, (before, after), size, starts, range(0, reach, dilation), left_over)


def _positions(layer: Layer, size: int, window: tuple[int, int, int, int]) -> int:
    kernel, stride, padding, dilation = window
    if layer.rounding != "caffe":
        return windows.output_size(size, *window, ceil_mode=layer.rounding == "up")
    if dilation != 1:
        raise StriateError(f"Caffe's pooling has no dilation, got {dilation}")
    return windows.caffe_pool_size(size, kernel, stride, padding)


def _written(size: int, padding: int, reach: int, stride: int, rounding: str, positions: int) -> str:
    padded = f" + 2x{padding}" if padding else ""
    room = size + 2 * padding - reach
    text = f"({size}{padded} - {reach}) / {stride} + 1 = "
    if room % stride == 0:
        return f"{text}{positions}"
    rounded = f"{text}{room / stride + 1:.4g}, rounded {'down' if rounding == 'down' else 'up'} to "
    up = room // stride + 2
    if rounding == "down" or positions == up:
        return f"{rounded}{positions}"
    return f"{rounded}{up}, without the last window, which would start outside: {positions}"


def _transposed(layer: Layer, axis: int) -> Axis:
    size, kernel, stride = layer.in_shape[1 + axis], layer.kernel[axis], layer.strides[axis]
    dilation, reach = layer.dilation[axis], windows.span(kernel, layer.dilation[axis])
    extra = layer.output_padding[axis]
    if isinstance(layer.padding, str):
        if dilation != 1:
            raise StriateError(f"padding {layer.padding!r} is told for a dilation of 1, got {dilation}")
        rule: dict[str, Callable[[], int]] = {
            "same": lambda: windows.transposed_same_output_size(size, stride),
            "valid": lambda: windows.transposed_valid_output_size(size, kernel, stride),
        }
        made = rule[layer.padding]()
        cut = max(0, reach - stride) if layer.padding == "same" else 0  # of the convolution that it transposes
        before, after = cut // 2, cut - cut // 2
        more = f" + {kernel} - {stride}" if layer.padding == "valid" and kernel > stride else ""
        arithmetic = f"{size} x {stride}{more} = {made}"
    else:
        before = after = layer.padding[axis]
        made = windows.transposed_output_size(size, kernel, stride, before, dilation, extra)
        cut_text, extra_text = f" - 2x{before}" if before else "", f" + {extra}" if extra else ""
        arithmetic = f"({size} - 1) x {stride}{cut_text} + {reach}{extra_text} = {made}"
    _check_pixels("the output", made)
    starts = range(-before, size * stride - before, stride)
    return Axis(made, arithmetic, (before, after), made, starts, range(0, reach, dilation), 0)


def _quotient(size: int, stride: int) -> str:
    return f"{size} / {stride}" + (f" = {size / stride:.4g}, rounded up" if size % stride else "")


def _axis_dict(axis: Axis) -> dict[str, Any]:
    return {
        "out_px": axis.out_px,
        "arithmetic": axis.arithmetic,
        "padding": list(axis.padding),
        "left_over_px": axis.left_over_px,
        "fits": axis.left_over_px == 0,
        "untouched_px": list(axis.untouched),
        "starts_px": list(axis.starts),
    }
