"""The head that says where: it keeps the places of the last maps, which averages for the class do not.

Regression on the last maps is Sermanet et al., "OverFeat", arXiv:1312.6229, section 4.2, and Simonyan and Zisserman,
arXiv:1409.1556, appendix A; both read maps of 512 and more channels by layers of 4,096 units. Here a 1x1 convolution
takes them to a few channels first, so that the head costs a hundredth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GRID = (5, 5)
"""Cells that maps of any size are averaged to, and what those of the packaged network have."""
CHANNELS, UNITS = 64, 256
BEGINS_AT = (0.1, 0.1, 0.9, 0.9)
"""The box that is answered before anything is learned."""


class BoxHead(nn.Module):
    """Maps (N, channels, H, W) to edges of boxes, (N, 4 * boxes): left, top, right, bottom of each, as shares.

    >>> BoxHead(8, boxes=1)(torch.zeros(2, 8, 7, 7)).shape
    torch.Size([2, 4])
    """

    def __init__(self, channels: int, boxes: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, CHANNELS, kernel_size=1)
        self.hidden = nn.Linear(CHANNELS * GRID[0] * GRID[1], UNITS)
        self.relu = nn.ReLU(inplace=True)
        self.draw_edges(boxes)

    def draw_edges(self, boxes: int) -> None:
        """A fresh last layer for a number of boxes, on the device of the others."""
        where = self.hidden.weight
        self.edges = nn.Linear(UNITS, 4 * boxes, device=where.device, dtype=where.dtype)
        nn.init.zeros_(self.edges.weight)
        with torch.no_grad():
            self.edges.bias.copy_(torch.tensor(BEGINS_AT).repeat(boxes))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels, H, W), or (N, channels) of a network without maps, to (N, 4 * boxes)."""
        x = self.relu(self.reduce(maps if maps.dim() == 4 else maps[:, :, None, None]))  # N, 64, H, W
        if x.shape[2:] != GRID:
            x = F.adaptive_avg_pool2d(x, GRID)  # N, 64, 5, 5
        return self.edges(self.relu(self.hidden(x.flatten(1))))  # type: ignore[no-any-return]
