"""From working pictures to the network's input: the geometry and the numbers that a `Preprocess` record stands for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.core.records import Preprocess
from striate.data.geometry import Geometry, whole_pictures
from striate.data.working_size import fitted


def working_geometry(size: tuple[int, int], preprocess: Preprocess) -> Geometry:
    """Which part of a picture its working size shows, which moves its boxes, points and masks there, and back.

    size: height and width of the upright picture, one. The part is of broken pixels, so pixels are `to_working_size`'s;
    where that has bars, it reaches beyond the picture.

    >>> geometry = working_geometry((30, 40), Preprocess((60, 60), (60, 60)))
    >>> geometry.points(torch.tensor([[5.0, 0.0], [35.0, 30.0]]), torch.tensor([0, 0])).tolist()
    [[0.0, 0.0], [60.0, 60.0]]
    """
    whole_size, corner = fitted(size, preprocess)
    rows = zip(size, whole_size, corner, preprocess.resize, strict=True)
    # Per axis, y before x: from the picture's middle to that of the part, and the length of the part.
    spans = [((first + side / 2 - whole / 2) * came / whole, side * came / whole) for came, whole, first, side in rows]
    offsets, extents = torch.tensor(spans[::-1], dtype=torch.float64).T[:, None]
    return Geometry(size, preprocess.resize, offsets, extents, torch.tensor([False]))


def to_batch(pictures: np.ndarray) -> Tensor:
    """Pictures uint8 (N, H, W, channels) as the tensor (N, channels, H, W), channels last in memory, no copy."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)


def to_network_size(batch: Tensor, preprocess: Preprocess) -> Tensor:
    """Cut a batch (N, C, H, W) of the working size to the network's size about the centre, a view, or enlarge it.

    >>> to_network_size(torch.zeros(1, 3, 256, 256), Preprocess((224, 224))).shape
    torch.Size([1, 3, 224, 224])
    >>> to_network_size(torch.zeros(1, 3, 64, 64), Preprocess((80, 80), (64, 64))).shape
    torch.Size([1, 3, 80, 80])
    """
    if preprocess.enlarges:
        return scaled(batch, preprocess.size)
    height, width = preprocess.size
    top, left = (batch.shape[2] - height) // 2, (batch.shape[3] - width) // 2
    return batch[:, :, top : top + height, left : left + width]


def network_geometry(count: int, preprocess: Preprocess) -> Geometry:
    """Which part of each of `count` working pictures `to_network_size` shows.

    >>> network_geometry(2, Preprocess((224, 224))).points(torch.tensor([[16.0, 16.0]]), torch.tensor([1])).tolist()
    [[0.0, 0.0]]
    """
    geometry = whole_pictures(count, preprocess.resize)
    if preprocess.enlarges:
        return geometry.scaled(preprocess.size)
    (height, width), sides = preprocess.size, torch.tensor(preprocess.size[::-1], dtype=torch.float64)
    top, left = (preprocess.resize[0] - height) // 2, (preprocess.resize[1] - width) // 2
    offsets = torch.tensor([left, top]) + (sides - geometry.extents) / 2
    return replace(geometry, size=preprocess.size, offsets=offsets, extents=sides.expand(count, 2))


def scaled(batch: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale a batch (N, C, H, W) of pixels 0..255 to a height and width: float32, bicubic, no pixel skipped.

    >>> scaled(torch.zeros(1, 3, 64, 64), (32, 32)).shape
    torch.Size([1, 3, 32, 32])
    """
    if batch.shape[2:] == size:
        return batch
    return F.interpolate(batch.float(), size, mode="bicubic", antialias=True).clamp_(0, 255)


def normalise(batch: Tensor, preprocess: Preprocess) -> Tensor:
    """uint8 (N, C, H, W) to float32: scaled to 0..1, mean taken off, divided by std.

    >>> white = torch.full((1, 1, 1, 1), 255, dtype=torch.uint8)
    >>> normalise(white, Preprocess((1, 1)).for_channels(1)).item()
    1.0
    """
    mean = torch.tensor(preprocess.mean, device=batch.device).view(1, -1, 1, 1) * 255
    scale = 1 / (torch.tensor(preprocess.std, device=batch.device).view(1, -1, 1, 1) * 255)
    return batch.float().sub_(mean).mul_(scale)
