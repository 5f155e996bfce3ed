"""A convolution whose window may be larger than its maps, as that of a dense layer which has become one."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class WideConv2d(nn.Conv2d):
    """A convolution of stride 1 that, in training, leaves out what of its window meets only padding.

    They decide nothing, and their gradient is 0; but in bfloat16 that of torch 2.13 on processors is as large there as
    anywhere else: 7x7 with 3 cells around, 512 maps of 2x3 to 1,024 (`tests/layers/test_wide_convolution.py`).

    >>> import torch
    >>> conv = WideConv2d(1, 1, kernel_size=7, padding=3)
    >>> conv(torch.zeros(1, 1, 2, 3)).shape
    torch.Size([1, 1, 2, 3])
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, C, H, W) to (N, K, H, W) of a window with half its side around the maps."""
        if not self.training:
            return super().forward(maps)
        assert not isinstance(self.padding, str)  # noqa: S101 - our own invariant
        weight, padding = self.weight, list[int]()
        for axis, (side, around) in enumerate(zip(maps.shape[2:], self.padding, strict=True), start=2):
            idle = max(0, around - (side - 1))
            weight = weight.narrow(axis, idle, weight.shape[axis] - 2 * idle)
            padding.append(around - idle)
        return F.conv2d(maps, weight, self.bias, padding=padding)
