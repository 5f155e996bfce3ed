"""Sliding windows in whole numbers: how many positions there are, what they miss, what a chain of them sees.

One axis at a time. kernel: taps. stride: pixels from one window to the next. padding: pixels added at both ends.
dilation: pixels from one tap to the next; the window then spans dilation * (kernel - 1) + 1 pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from striate.core.errors import StriateError


def span(kernel: int, dilation: int = 1) -> int:
    """Pixels from the first to the last tap.

    >>> span(3), span(3, dilation=2)
    (3, 5)
    """
    return dilation * (kernel - 1) + 1


def output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """Positions of a convolution or pooling window over `size` pixels.

    ceil_mode: a last window that sticks out counts too, unless it would start in the far padding (torch's rule). So a
    window that is larger than all pixels, by less than the stride, has one position.
    Raises StriateError when a number is out of range or there is no position.

    >>> output_size(32, kernel=5, padding=2), output_size(7, kernel=3, stride=3)
    (32, 2)
    >>> output_size(6, kernel=3, stride=2), output_size(6, kernel=3, stride=2, ceil_mode=True)
    (2, 3)
    >>> output_size(2, kernel=3, stride=2, ceil_mode=True)
    1
    """
    _check(size=size, kernel=kernel, stride=stride, dilation=dilation)
    _check_at_least(0, padding=padding)
    room = size + 2 * padding - span(kernel, dilation)
    positions = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (positions - 1) * stride >= size + padding:
        positions -= 1
    if positions < 1:
        needed = max(1, span(kernel, dilation) - 2 * padding - (stride - 1 if ceil_mode else 0))
        rounded = f" even with the stride of {stride} rounded up" if ceil_mode else ""
        raise StriateError(
            f"a window of {span(kernel, dilation)} pixels does not fit into {size} pixels with {padding} of padding "
            f"at both ends{rounded}; it needs at least {needed} pixels"
        )
    return positions


def caffe_pool_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Positions of a pooling window in Caffe: rounded up, and cut at the far padding only where there is padding.

    Source: Caffe, pooling_layer.cpp, Reshape. It differs from torch's ceil_mode where the stride exceeds the kernel.
    Raises StriateError when a number is out of range or there is no position.

    >>> caffe_pool_size(112, kernel=3, stride=2), output_size(112, kernel=3, stride=2)
    (56, 55)
    """
    _check(size=size, kernel=kernel, stride=stride)
    _check_at_least(0, padding=padding)
    positions = -(-(size + 2 * padding - kernel) // stride) + 1
    if positions < 1:
        raise StriateError(
            f"a window of {kernel} pixels does not fit into {size} pixels with {padding} of padding at both ends, even "
            f"with the stride of {stride} rounded up; it needs at least {kernel - 2 * padding - stride + 1} pixels"
        )
    return positions - 1 if padding and (positions - 1) * stride >= size + padding else positions


def transposed_output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> int:
    """Pixels that a transposed convolution makes of `size`; padding is what it cuts off at both ends.

    output_padding: pixels added at the far end, below the stride or the dilation: which of the inputs of the forward
    convolution with the same output is meant.

    >>> transposed_output_size(4, kernel=2, stride=2), transposed_output_size(4, kernel=3, stride=2, padding=1)
    (8, 7)
    """
    _check(size=size, kernel=kernel, stride=stride, dilation=dilation)
    _check_at_least(0, padding=padding, output_padding=output_padding)
    if output_padding >= max(stride, dilation):
        raise StriateError(
            f"output_padding must be below the stride or the dilation, {max(stride, dilation)}, got {output_padding}"
        )
    made = (size - 1) * stride - 2 * padding + span(kernel, dilation) + output_padding
    if made < 1:
        raise StriateError(f"a padding of {padding} cuts off everything that {size} pixels give; use a smaller one")
    return made


def same_output_size(size: int, stride: int = 1) -> int:
    """Positions under TensorFlow's and Keras' SAME: size / stride, rounded up, whatever the kernel.

    >>> same_output_size(7, stride=2)
    4
    """
    _check(size=size, stride=stride)
    return -(-size // stride)


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Padding before and after that SAME takes; an odd pixel goes to the end.

    Source: TensorFlow guide, "Neural networks ops: convolution, notes on padding".

    >>> same_padding(224, kernel=7, stride=2), same_padding(224, kernel=3)
    ((2, 3), (1, 1))
    """
    _check(kernel=kernel, dilation=dilation)
    total = max(0, (same_output_size(size, stride) - 1) * stride + span(kernel, dilation) - size)
    return total // 2, total - total // 2


def valid_output_size(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> int:
    """Positions under VALID: no padding, whole windows only.

    >>> valid_output_size(28, kernel=5)
    24
    """
    return output_size(size, kernel, stride, dilation=dilation)


def transposed_same_output_size(size: int, stride: int = 1) -> int:
    """Pixels that Keras' transposed convolution makes under SAME.

    >>> transposed_same_output_size(7, stride=2)
    14
    """
    _check(size=size, stride=stride)
    return size * stride


def transposed_valid_output_size(size: int, kernel: int, stride: int = 1) -> int:
    """Pixels that Keras' transposed convolution makes under VALID: never fewer than size * stride.

    >>> transposed_valid_output_size(7, kernel=3, stride=2), transposed_valid_output_size(7, kernel=1, stride=2)
    (15, 14)
    """
    _check(size=size, kernel=kernel, stride=stride)
    return size * stride + max(kernel - stride, 0)


def dropped_pixels(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """Pixels at the far end that no window reaches: the layer never sees them.

    >>> dropped_pixels(7, kernel=3, stride=3), dropped_pixels(7, kernel=3, stride=2)
    (1, 0)
    """
    positions = output_size(size, kernel, stride, padding, dilation, ceil_mode)
    last = min(positions - 1, (size - 1 + padding) // stride)  # the windows after it lie in the padding
    return max(0, min(size, size + padding - last * stride - span(kernel, dilation)))


def window_starts(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> list[int]:
    """First pixel of each window; negative ones lie in the padding.

    >>> window_starts(7, kernel=3, stride=2, padding=1)
    [-1, 1, 3, 5]
    """
    positions = output_size(size, kernel, stride, padding, dilation, ceil_mode)
    return [position * stride - padding for position in range(positions)]


class Field(NamedTuple):
    """What the outputs of a layer see along one axis, in pixels of the picture.

    size_px: pixels seen by one output, padding included.
    jump_px: how far apart neighbouring outputs look; 0 where there is only one view, as after averaging a whole map.
    start_px: first pixel seen by output 0, negative inside the padding.
    After enlarging, the jump may be a fraction.
    """

    size_px: int
    jump_px: int | Fraction
    start_px: int


def receptive_field(windows: Iterable[tuple[int, ...]]) -> Field:
    """Field of one output of a chain of windows.

    windows: (kernel, stride, padding, dilation) of each, the one on the picture first; the last three may be left out
    and are then 1, 0 and 1. Raises StriateError when a number is out of range.
    Source: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill 2019.

    >>> receptive_field([(3, 1), (3, 1), (2, 2)])
    Field(size_px=6, jump_px=2, start_px=0)
    """
    size, jump, start = 1, 1, 0
    for window in windows:
        kernel, stride, padding, dilation = (*window, *(1, 0, 1)[len(window) - 1 :])
        _check(kernel=kernel, stride=stride, dilation=dilation)
        _check_at_least(0, padding=padding)
        size += (span(kernel, dilation) - 1) * jump
        start -= padding * jump
        jump *= stride
    return Field(size, jump, start)


def _check(**numbers: int) -> None:
    _check_at_least(1, **numbers)


def _check_at_least(least: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < least:
            raise StriateError(f"{name} must be at least {least}, got {number}")
