"""A convolution whose filters are not shared: every output position has its own."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.errors import StriateError


class LocallyConnected2d(nn.Module):
    """Like `nn.Conv2d`, with separate weights and biases at each output position; so it has one input size.

    Input (N, in_channels, *size), output (N, out_channels, H', W') with H' = (H + 2 padding - kernel) //
    stride + 1.
    `weight` is (out_channels, in_channels * kernel * kernel, H' * W'), `bias` (out_channels, H' * W').
    Raises StriateError for another input size.
    Source: LeCun, "Generalization and network design strategies", 1989 (there Net-3); the locally connected
    layers of Taigman et al., "DeepFace", CVPR 2014, section 3.

    >>> layer = LocallyConnected2d(1, 2, size=(4, 4), kernel=3)
    >>> layer(torch.zeros(5, 1, 4, 4)).shape
    torch.Size([5, 2, 2, 2])
    >>> sum(p.numel() for p in layer.parameters()) == 2 * 2 * 2 * (9 + 1)
    True
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: tuple[int, int],
        kernel: int,
        stride: int = 1,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.size, self.kernel, self.stride, self.padding = size, kernel, stride, padding
        height, width = ((side + 2 * padding - kernel) // stride + 1 for side in size)
        if min(height, width) < 1:
            raise StriateError(f"a {kernel}x{kernel} window with padding {padding} does not fit into {size}")
        self.out_size = (height, width)
        fan_in = in_channels * kernel * kernel
        limit = 1 / math.sqrt(fan_in)
        self.weight = nn.Parameter(torch.empty(out_channels, fan_in, height * width).uniform_(-limit, limit))
        self.bias = nn.Parameter(torch.zeros(out_channels, height * width))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, out_channels, H', W')."""
        if tuple(x.shape[-2:]) != self.size:
            raise StriateError(
                f"a locally connected layer has weights for one size, {self.size}, got {tuple(x.shape[-2:])}"
            )
        windows = F.unfold(x, self.kernel, padding=self.padding, stride=self.stride)  # N, C k k, H'W'
        y = torch.einsum("ncp,kcp->nkp", windows, self.weight) + self.bias
        return y.reshape(*y.shape[:2], *self.out_size)
