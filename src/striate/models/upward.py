"""The way up from coarse maps to fine ones that our own networks for pixels and boxes take.

Sums, as in Lin et al., "Feature pyramid networks for object detection", arXiv:1612.03144, section 3, with a 3x3
convolution behind every one.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 96
"""Maps of every sum on the way up."""


class Merge(nn.Module):
    """A sum on the way up: a stage's maps, projected, and what came from below, enlarged; then a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.across = nn.Conv2d(channels, WIDTH, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.conv = nn.Conv2d(WIDTH, WIDTH, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(WIDTH)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor, below: Tensor) -> Tensor:
        """(N, channels, H, W) and (N, WIDTH, h, w) to (N, WIDTH, H, W)."""
        x = self.relu(self.bn1(self.across(maps)) + enlarged(below, maps))
        return self.relu(self.bn2(self.conv(x)))  # type: ignore[no-any-return]


def enlarged(scores: Tensor, images: Tensor) -> Tensor:
    """Scores (N, classes, h, w) by bilinear interpolation to the height and width of images (N, C, H, W)."""
    return F.interpolate(scores, (images.shape[2], images.shape[3]), mode="bilinear", align_corners=False)
