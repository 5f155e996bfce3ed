"""Bilinear interpolation: as a transposed convolution, by hand, and as torch has it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from striate.layers import BilinearUpsample, bilinear_, bilinear_kernel


def test_the_kernel_of_stride_2_by_hand() -> None:
    row = torch.tensor([0.25, 0.75, 0.75, 0.25])  # 1 - |i - 1.5| / 2
    torch.testing.assert_close(bilinear_kernel(2), row[:, None] * row[None])


def test_the_kernel_of_stride_3_by_hand() -> None:
    row = torch.tensor([1, 2, 3, 2, 1]) / 3  # 1 - |i - 2| / 3
    torch.testing.assert_close(bilinear_kernel(3), row[:, None] * row[None])


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_transposed_convolution_and_interpolation_agree_within_the_border(factor: int) -> None:
    side = 2 * factor - factor % 2
    layer = nn.ConvTranspose2d(3, 3, kernel_size=side, stride=factor, padding=factor // 2, bias=False)
    bilinear_(layer)
    x = torch.randn(2, 3, 5, 6)
    spread, between = layer(x), BilinearUpsample(factor)(x)
    assert spread.shape == between.shape == (2, 3, 5 * factor, 6 * factor)
    inner = (..., *[slice(factor // 2, -(factor // 2))] * 2)
    torch.testing.assert_close(spread[inner], between[inner])
    beside = F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=factor, mode="bilinear", align_corners=False)
    torch.testing.assert_close(spread, beside[:, :, factor:-factor, factor:-factor])  # zeros lie around, nothing else
