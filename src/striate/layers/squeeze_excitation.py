"""Squeeze-and-excitation: a network's channels, each weighed by what the whole picture shows."""

from __future__ import annotations

from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Every channel times a number between 0 and 1 that two 1x1 convolutions make of all channels' averages.

    Input and output (N, channels, H, W). squeezed: channels between the two convolutions.
    Source: Hu, Shen, Albanie, Sun and Wu, arXiv:1709.01507, section 3 and figure 3.

    >>> import torch
    >>> SqueezeExcitation(channels=16, squeezed=4)(torch.zeros(1, 16, 8, 8)).shape
    torch.Size([1, 16, 8, 8])
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the same shape."""
        squeezed = self.relu(self.fc1(self.avgpool(x)))  # N, squeezed, 1, 1
        return x * self.sigmoid(self.fc2(squeezed))  # type: ignore[no-any-return]
