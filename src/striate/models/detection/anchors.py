"""Boxes that stand at every place of a map, which a network moves, sizes and scores. A boxes at a place, H W places.

Two formulas: anchors of sizes in pixels, those of the region proposal network and of RetinaNet, and SSD's default
boxes, whose sizes are shares of the picture. In both, boxes go row by row, place by place, the A of a place together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

RATIOS = (0.5, 1.0, 2.0)
"""Height to width. Ren et al., "Faster R-CNN", arXiv:1506.01497, section 3.1.1; RetinaNet has the same."""
OCTAVE = 3
"""Sizes from one map to the next. Lin et al., "Focal loss for dense object detection", arXiv:1708.02002, section 4."""


def sizes_of_octave(size: float) -> tuple[int, ...]:
    """RetinaNet's sizes at a map, 2 ** (0, 1/3, 2/3) times the first, in whole pixels, as weight files have them.

    >>> sizes_of_octave(32)
    (32, 40, 50)
    """
    return tuple(int(size * 2 ** (step / OCTAVE)) for step in range(OCTAVE))


def cell_anchors(sizes: Sequence[float], ratios: Sequence[float] = RATIOS) -> Tensor:
    """Boxes about the origin, (A, 4): for each ratio, height to width, all sizes, roots of the area, in pixels.

    Edges are rounded to whole pixels, as published weights have learned them.

    >>> cell_anchors([32], [1.0, 0.5]).tolist()
    [[-16.0, -16.0, 16.0, 16.0], [-23.0, -11.0, 23.0, 11.0]]
    """
    root = torch.tensor(ratios, dtype=torch.float32).sqrt()[:, None]
    side = torch.tensor(sizes, dtype=torch.float32)[None]
    width, height = (side / root).flatten(), (side * root).flatten()
    return (torch.stack([-width, -height, width, height], 1) / 2).round()


def anchors_of_maps(cells: Sequence[Tensor], maps: Sequence[Tensor], images: Tensor) -> list[Tensor]:
    """Anchors of each of several maps (N, C, H, W) of images, (H * W * A, 4) each, in pixels of the images.

    cells: for each map the boxes about the origin, (A, 4). The first place's are about the picture's corner, those of
    the others whole strides on, as published weights have learned them.
    """
    found = []
    for cell, map_ in zip(cells, maps, strict=True):
        stride = tuple(whole // part for whole, part in zip(images.shape[2:], map_.shape[2:], strict=True))
        corners = _centres(map_.shape[2], map_.shape[3], (stride[0], stride[1]), 0.0, map_.device)
        found.append((corners.repeat(1, 2)[:, None] + cell.to(map_.device)).flatten(0, 1))
    return found


def linear_scales(maps: int, least: float = 0.2, most: float = 0.9) -> tuple[float, ...]:
    """SSD's scales, shares of the picture's sides, at each of several maps, and 1 for one beyond the last.

    Source: Liu et al., "SSD: Single shot multibox detector", arXiv:1512.02325, equation 4.

    >>> linear_scales(3)
    (0.2, 0.55, 0.9, 1.0)
    """
    step = (most - least) / max(maps - 1, 1)
    return (*(round(least + step * number, 10) for number in range(maps)), 1.0)


def default_shapes(scale: float, next_scale: float, ratios: Sequence[float]) -> Tensor:
    """Widths and heights of the default boxes of a place, (A, 2), as shares: A is 2 and 2 for each ratio beside 1.

    Two squares, of `scale` and of its geometric mean with the next map's; of each ratio one lying and one standing.
    None is larger than the picture. Source: the same, section 2.2.

    >>> default_shapes(0.25, 1.0, [4]).tolist()
    [[0.25, 0.25], [0.5, 0.5], [0.5, 0.125], [0.125, 0.5]]
    """
    between = math.sqrt(scale * next_scale)
    shapes = [(scale, scale), (between, between)]
    for root in map(math.sqrt, ratios):
        shapes += [(scale * root, scale / root), (scale / root, scale * root)]
    return torch.tensor(shapes).clamp(max=1)


def default_boxes(
    shapes: Sequence[Tensor], maps: Sequence[Tensor], images: Tensor, steps: Sequence[float]
) -> list[Tensor]:
    """Default boxes of each of several maps (N, C, H, W) of images, (H * W * A, 4) each, in pixels of the images.

    shapes: of each map, as `default_shapes` has them. steps: pixels from one place to the next, for each map; centres
    are half a step from the picture's edge on.
    """
    found = []
    for shape, map_, step in zip(shapes, maps, steps, strict=True):
        half = shape.to(map_.device) * shape.new_tensor([images.shape[3], images.shape[2]]).to(map_.device) / 2
        centres = _centres(map_.shape[2], map_.shape[3], (step, step), 0.5, map_.device)[:, None]
        found.append(torch.cat([centres - half, centres + half], 2).flatten(0, 1))
    return found


def _centres(height: int, width: int, stride: tuple[float, float], first: float, device: torch.device) -> Tensor:
    """x and y of the places of a map, row by row, (H * W, 2), in pixels; the first is `first` strides in."""
    rows = (torch.arange(height, device=device, dtype=torch.float32) + first) * stride[0]
    columns = (torch.arange(width, device=device, dtype=torch.float32) + first) * stride[1]
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)
