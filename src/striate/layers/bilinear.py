"""Bilinear interpolation as a transposed convolution, and as what it is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def bilinear_kernel(factor: int) -> Tensor:
    """The window by which a transposed convolution of stride `factor` and padding factor // 2 interpolates.

    Its side is 2 factor - factor % 2. Source: Long, Shelhamer and Darrell, "Fully
    convolutional networks for semantic segmentation", arXiv:1411.4038, section 3.3.

    >>> (16 * bilinear_kernel(2)).int().tolist()
    [[1, 3, 3, 1], [3, 9, 9, 3], [3, 9, 9, 3], [1, 3, 3, 1]]
    """
    side = 2 * factor - factor % 2
    row = 1 - (torch.arange(side) - (side - 1) / 2).abs() / factor
    return torch.outer(row, row)


@torch.no_grad()
def bilinear_(layer: nn.ConvTranspose2d) -> None:
    """Fill a transposed convolution so that it enlarges every map by itself, bilinearly.

    Its kernel must be that of its stride, as `bilinear_kernel` has it.

    >>> layer = nn.ConvTranspose2d(3, 3, kernel_size=4, stride=2, padding=1, bias=False)
    >>> bilinear_(layer)
    >>> layer(torch.ones(1, 3, 3, 3))[0, 2, 2].tolist()
    [0.75, 1.0, 1.0, 1.0, 1.0, 0.75]
    """
    layer.weight.zero_()
    diagonal = torch.arange(layer.in_channels)
    layer.weight[diagonal, diagonal] = bilinear_kernel(layer.stride[0]).to(layer.weight)


class BilinearUpsample(nn.Module):
    """Maps (N, C, H, W) to (N, C, factor H, factor W) by fixed bilinear interpolation.

    Half a cell within the border it is the transposed convolution of `bilinear_kernel`; beyond, where that one fades to
    0, it goes on with the outermost numbers.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, factor H, factor W)."""
        size = (x.shape[2] * self.factor, x.shape[3] * self.factor)
        return F.interpolate(x, size, mode="bilinear", align_corners=False)

    def extra_repr(self) -> str:
        """The factor."""
        return f"factor={self.factor}"
