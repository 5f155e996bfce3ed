"""Small motions of pictures: shifts, smooth warps, scale and rotation. Beyond the edges a picture is mirrored."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

KNOTS = 4  # of a warp, to a side: displacements are smooth between them


def shifted(images: Tensor, down_px: int, right_px: int) -> Tensor:
    """Images (N, C, H, W) moved by whole pixels.

    >>> shifted(torch.arange(4.0).view(1, 1, 1, 4), 0, 1).flatten().tolist()
    [1.0, 0.0, 1.0, 2.0]
    """
    rows, columns = (
        _mirrored(torch.arange(side) - by, side) for side, by in zip(images.shape[2:], (down_px, right_px), strict=True)
    )
    return images[:, :, rows][:, :, :, columns]


def _mirrored(places: Tensor, side: int) -> Tensor:
    """Places beyond the ends as those within, the end pixel once."""
    round_trip = max(1, 2 * side - 2)
    places = places % round_trip
    return torch.minimum(places, round_trip - places)


def rotated(images: Tensor, degrees: float) -> Tensor:
    """Images turned about their centre, clockwise, bilinear.

    >>> rotated(torch.tensor([[1.0, 2], [3, 4]]).view(1, 1, 2, 2), 90).flatten().round().tolist()
    [3.0, 1.0, 4.0, 2.0]
    """
    angle = math.radians(degrees)
    return _drawn_from(images, [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


def scaled_about_centre(images: Tensor, factor: float) -> Tensor:
    """Images enlarged by a factor about their centre, cut to their size, bilinear.

    >>> scaled_about_centre(torch.ones(1, 1, 4, 4), 1.5).shape
    torch.Size([1, 1, 4, 4])
    """
    return _drawn_from(images, [[1 / factor, 0.0], [0.0, 1 / factor]])


def _drawn_from(images: Tensor, rows: list[list[float]]) -> Tensor:
    """Each pixel from where a 2x2 matrix puts it, x before y, in pixels from the centre."""
    height, width = images.shape[2:]
    (a, b), (c, d) = rows
    matrix = torch.tensor([[[a, b * height / width, 0.0], [c * width / height, d, 0.0]]])
    grid = F.affine_grid(matrix.expand(len(images), 2, 3), list(images.shape), align_corners=False)
    return _sampled(images, grid)


def warped(images: Tensor, px: float, seed: int = 0) -> Tensor:
    """Images whose pixels are moved by a smooth random field, by at most so many pixels down and right; bilinear.

    >>> bool(torch.allclose(warped(torch.ones(1, 1, 8, 8), 2), torch.ones(1, 1, 8, 8)))
    True
    """
    height, width = images.shape[2:]
    drawn = torch.rand((1, 2, KNOTS, KNOTS), generator=torch.Generator().manual_seed(seed)) * 2 - 1
    field = F.interpolate(drawn, (height, width), mode="bilinear", align_corners=True)
    still = F.affine_grid(torch.eye(2, 3)[None], [1, 1, height, width], align_corners=False)
    sides = torch.tensor([width, height])
    return _sampled(images, (still + 2 * px * field.permute(0, 2, 3, 1) / sides).expand(len(images), -1, -1, -1))


def _sampled(images: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(images, grid.to(images), padding_mode="reflection", align_corners=False)
