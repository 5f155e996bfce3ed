"""Window arithmetic against torch itself, on tensors without memory, and against brute force."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate.core.errors import StriateError
from striate.ops.windows import (
    caffe_pool_size,
    dropped_pixels,
    output_size,
    receptive_field,
    same_output_size,
    same_padding,
    span,
    transposed_output_size,
    transposed_same_output_size,
    transposed_valid_output_size,
    valid_output_size,
    window_starts,
)

sizes = st.integers(1, 60)
kernels, strides, dilations = st.integers(1, 9), st.integers(1, 7), st.integers(1, 4)
paddings = st.integers(0, 6)
few = settings(max_examples=200, deadline=None)


def weight(kernel: int) -> torch.Tensor:
    return torch.empty(1, 1, kernel, device="meta")


def line(size: int) -> torch.Tensor:
    return torch.empty(1, 1, size, device="meta")


@few
@given(sizes, kernels, strides, paddings, dilations)
def test_output_size_is_torch_s(size: int, kernel: int, stride: int, padding: int, dilation: int) -> None:
    if size + 2 * padding < span(kernel, dilation):
        with pytest.raises(StriateError, match="does not fit into"):
            output_size(size, kernel, stride, padding, dilation)
        return
    made = F.conv1d(line(size), weight(kernel), stride=stride, padding=padding, dilation=dilation)
    assert output_size(size, kernel, stride, padding, dilation) == made.shape[-1]


@few
@given(sizes, kernels, strides, paddings, dilations, st.booleans())
def test_pooling_size_is_torch_s(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> None:
    assume(padding <= kernel // 2)
    try:
        made = F.max_pool1d(torch.zeros(1, size), kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    except RuntimeError:
        with pytest.raises(StriateError, match="does not fit into"):
            output_size(size, kernel, stride, padding, dilation, ceil_mode)
        return
    assert output_size(size, kernel, stride, padding, dilation, ceil_mode) == made.shape[-1]
    assert 0 <= dropped_pixels(size, kernel, stride, padding, dilation, ceil_mode) < size


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pooling_of_small_maps_is_torch_s_for_every_window(ceil_mode: bool) -> None:
    """All of them up to 6 pixels: there a window may be larger than the map, or begin behind it."""
    windows = itertools.product(range(1, 7), range(1, 6), range(1, 5), range(3), range(1, 4))
    for size, kernel, stride, padding, dilation in windows:
        if padding > kernel // 2:
            continue
        try:
            made = F.max_pool2d(torch.zeros(1, size, size), kernel, stride, padding, dilation, ceil_mode).shape[-1]
        except RuntimeError:
            made = 0
        try:
            said = output_size(size, kernel, stride, padding, dilation, ceil_mode)
        except StriateError:
            said = 0
        assert said == made, (size, kernel, stride, padding, dilation)


@few
@given(sizes, kernels, strides, paddings, dilations, st.integers(0, 6))
def test_transposed_size_is_torch_s(
    size: int, kernel: int, stride: int, padding: int, dilation: int, output_padding: int
) -> None:
    assume(output_padding < max(stride, dilation))
    assume((size - 1) * stride - 2 * padding + span(kernel, dilation) + output_padding >= 1)
    made = F.conv_transpose1d(
        line(size), weight(kernel), stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
    )
    assert transposed_output_size(size, kernel, stride, padding, dilation, output_padding) == made.shape[-1]


@few
@given(sizes, kernels, strides, paddings, dilations)
def test_transposed_convolution_undoes_the_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    assume(size + 2 * padding >= span(kernel, dilation))
    made = output_size(size, kernel, stride, padding, dilation)
    lost = (size + 2 * padding - span(kernel, dilation)) % stride
    assert transposed_output_size(made, kernel, stride, padding, dilation, output_padding=lost) == size


@few
@given(sizes, kernels, strides, paddings)
def test_dropped_pixels_are_those_without_gradient(size: int, kernel: int, stride: int, padding: int) -> None:
    assume(size + 2 * padding >= kernel)
    pixels = torch.zeros(1, 1, size, requires_grad=True)
    F.conv1d(pixels, torch.ones(1, 1, kernel), stride=stride, padding=padding).sum().backward()
    assert pixels.grad is not None
    seen = pixels.grad.flatten().nonzero()
    behind = size - 1 - int(seen.max()) if len(seen) else size
    assert dropped_pixels(size, kernel, stride, padding) == behind


@few
@given(sizes, kernels, strides, paddings, dilations)
def test_window_starts_are_where_the_windows_lie(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    assume(size + 2 * padding >= span(kernel, dilation))
    numbered = F.pad(torch.arange(size, dtype=torch.float32) + 1, (padding, padding))
    first_tap = torch.zeros(1, 1, kernel)
    first_tap[..., 0] = 1
    read = F.conv1d(numbered[None, None], first_tap, stride=stride, dilation=dilation).flatten().tolist()
    starts = window_starts(size, kernel, stride, padding, dilation)
    assert [start + 1 if 0 <= start < size else 0 for start in starts] == read


@few
@given(sizes, kernels, strides, dilations)
def test_same_padding_gives_the_same_size(size: int, kernel: int, stride: int, dilation: int) -> None:
    before, after = same_padding(size, kernel, stride, dilation)
    padded = F.pad(line(size), (before, after))
    assume(padded.shape[-1] >= span(kernel, dilation))
    made = F.conv1d(padded, weight(kernel), stride=stride, dilation=dilation)
    assert made.shape[-1] == same_output_size(size, stride)
    assert after - before in (0, 1)


def test_same_is_torch_s_same_at_stride_one() -> None:
    made = F.conv1d(line(9), weight(5), padding="same")
    assert made.shape[-1] == same_output_size(9) == 9
    assert same_padding(9, kernel=5) == (2, 2)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "positions"),
    [
        (112, 3, 2, 0, 56),  # GoogLeNet's pooling after conv1
        (14, 3, 2, 0, 7),
        (4, 1, 4, 0, 2),  # here torch's rule gives 1
        (6, 2, 2, 1, 4),
    ],
)
def test_caffe_pooling(size: int, kernel: int, stride: int, padding: int, positions: int) -> None:
    assert caffe_pool_size(size, kernel, stride, padding) == positions


@few
@given(sizes, kernels, st.integers(0, 4))
def test_caffe_is_torch_s_ceil_mode_up_to_stride_kernel(size: int, kernel: int, padding: int) -> None:
    assume(padding <= kernel // 2)
    for stride in range(1, kernel + 1):
        if size + 2 * padding <= kernel - stride:  # refused by both
            with pytest.raises(StriateError, match="does not fit into"):
                output_size(size, kernel, stride, padding, ceil_mode=True)
            with pytest.raises(StriateError, match="does not fit into"):
                caffe_pool_size(size, kernel, stride, padding)
            continue
        assert caffe_pool_size(size, kernel, stride, padding) == output_size(
            size, kernel, stride, padding, ceil_mode=True
        )


def test_valid_and_keras_transposed() -> None:
    assert valid_output_size(28, kernel=5, stride=2) == (28 - 5) // 2 + 1
    assert transposed_same_output_size(7, stride=2) == 7 * 2
    assert transposed_valid_output_size(7, kernel=5, stride=2) == 7 * 2 + 5 - 2


def test_a_stride_that_does_not_fit() -> None:
    assert output_size(7, kernel=3, stride=3) == 2  # windows at 0 and 3 end at pixel 5
    assert dropped_pixels(7, kernel=3, stride=3) == 1
    assert window_starts(7, kernel=3, stride=3) == [0, 3]


@few
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)), max_size=4))
def test_receptive_field_is_what_has_a_gradient(windows: list[tuple[int, int, int, int]]) -> None:
    field = receptive_field(windows)
    size = 40 + 2 * int(field.size_px) + 2 * int(field.jump_px)
    pixels = torch.zeros(1, 1, size, requires_grad=True, dtype=torch.float64)
    x: torch.Tensor = pixels
    for kernel, stride, padding, dilation in windows:
        ones = torch.ones(1, 1, kernel, dtype=torch.float64)
        x = F.conv1d(x, ones, stride=stride, padding=padding, dilation=dilation)
    index = x.shape[-1] // 2
    x[0, 0, index].backward()
    assert pixels.grad is not None
    seen = pixels.grad.flatten().nonzero().flatten().tolist()
    assert (seen[0], seen[-1] - seen[0] + 1) == (field.start_px + index * field.jump_px, field.size_px)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: output_size(3, kernel=5), "a window of 5 pixels does not fit into 3 pixels with 0 of padding"),
        (lambda: output_size(3, kernel=3, dilation=2, padding=0), "it needs at least 5 pixels"),
        (
            lambda: output_size(1, kernel=3, stride=2, ceil_mode=True),
            "with 0 of padding at both ends even with the stride of 2 rounded up; it needs at least 2 pixels",
        ),
        (lambda: caffe_pool_size(1, kernel=3, stride=2), "a window of 3 pixels does not fit into 1 pixels .* least 2"),
        (lambda: output_size(8, kernel=0), "kernel must be at least 1, got 0"),
        (lambda: output_size(8, kernel=3, stride=0), "stride must be at least 1, got 0"),
        (lambda: output_size(8, kernel=3, padding=-1), "padding must be at least 0, got -1"),
        (lambda: transposed_output_size(4, 3, stride=2, output_padding=2), "output_padding must be below the stride"),
        (lambda: transposed_output_size(1, 1, padding=3), "a padding of 3 cuts off everything that 1 pixels give"),
        (lambda: receptive_field([(3, 0)]), "stride must be at least 1, got 0"),
    ],
)
def test_impossible_windows(call: object, text: str) -> None:
    with pytest.raises(StriateError, match=text):
        call()  # type: ignore[operator]
