"""The parameter-free shortcut of the CIFAR ResNets."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ZeroPadShortcut(nn.Module):
    """Identity shortcut that takes every `stride`-th pixel and fills the new channels with zeros.

    Input (N, C, H, W), output (N, channels, ceil(H / stride), ceil(W / stride)).
    Source: He et al., arXiv:1512.03385, section 3.3, option A.

    >>> import torch
    >>> ZeroPadShortcut(channels=32, stride=2)(torch.zeros(1, 16, 8, 8)).shape
    torch.Size([1, 32, 4, 4])
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.channels, self.stride = channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H / stride, W / stride)."""
        missing = self.channels - x.shape[1]
        kept = x[:, :, :: self.stride, :: self.stride]
        return F.pad(kept, (0, 0, 0, 0, missing // 2, missing - missing // 2))

    def extra_repr(self) -> str:
        """Channels and stride."""
        return f"channels={self.channels}, stride={self.stride}"
