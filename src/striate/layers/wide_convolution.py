"""A convolution whose window may be larger than its maps, as that of a dense layer which has become one."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class WideConv2d(nn.Conv2d):
    """A convolution of stride 1 that, in training, leaves out what of its window meets only padding.

    That decides nothing, and its gradient is 0; but in bfloat16 that of torch 2.13 on processors is as large there as
    anywhere else: 7x7 with 3 cells around, 512 maps of 2x3 to 1,024. Of one that is dilated by 4, on maps of 8x12, it
    takes a hundred times as long (benchmarks/segmentation.md). The padding is half of the window, all around.

    >>> import torch
    >>> conv = WideConv2d(1, 1, kernel_size=7, padding=3)
    >>> conv(torch.zeros(1, 1, 2, 3)).shape
    torch.Size([1, 1, 2, 3])
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, C, H, W) to (N, K, H, W)."""
        if not self.training:
            return super().forward(maps)
        weight, padding = self.weight, list[int]()
        for axis, (side, dilation) in enumerate(zip(maps.shape[2:], self.dilation, strict=True), start=2):
            half = weight.shape[axis] // 2
            met = min(half, (side - 1) // dilation)  # cells of the window on either side of its middle
            weight = weight.narrow(axis, half - met, 2 * met + 1)
            padding.append(met * dilation)
        return F.conv2d(maps, weight, self.bias, padding=padding, dilation=self.dilation)
