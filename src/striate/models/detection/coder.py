"""Boxes as what a network says of them: how far from an anchor, and how much larger.

Girshick et al., "Rich feature hierarchies for accurate object detection and semantic segmentation", arXiv:1311.2524,
appendix C; the weights make numbers of size 1 of them, as in Fast R-CNN (arXiv:1504.08083) and in SSD.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

Weights = tuple[float, float, float, float]
"""What shifts to the right and down, and logarithms of widths and heights, are multiplied by."""
PLAIN: Weights = (1.0, 1.0, 1.0, 1.0)
LARGEST = math.log(1000 / 16)
"""A logarithm of a width beyond this was never learned, and its exponential might overflow: as Detectron has it."""


def encode(boxes: Tensor, anchors: Tensor, weights: Weights = PLAIN) -> Tensor:
    """Boxes, as their anchors see them: (..., 4) of (..., 4) and (..., 4) that broadcast.

    Both have a width and a height above 0.

    >>> encode(torch.tensor([2.0, 0, 6, 4]), torch.tensor([0.0, 0, 4, 4])).tolist()
    [0.5, 0.0, 0.0, 0.0]
    """
    centre, size = _centre_and_size(boxes)
    from_centre, from_size = _centre_and_size(anchors)
    codes = torch.cat([(centre - from_centre) / from_size, (size / from_size).log()], -1)
    return codes * codes.new_tensor(weights)


def decode(codes: Tensor, anchors: Tensor, weights: Weights = PLAIN) -> Tensor:
    """The inverse of `encode`: boxes (..., 4) of codes (..., 4) and anchors (..., 4) that broadcast.

    None is more than 62.5 times as wide or high as its anchor. They are not clipped to the picture.

    >>> decode(torch.tensor([0.5, 0.0, 0.0, 99.0]), torch.tensor([0.0, 0, 4, 4])).round().tolist()
    [2.0, -123.0, 6.0, 127.0]
    """
    codes = codes / codes.new_tensor(weights)
    shift, growth = codes[..., :2], codes[..., 2:]
    from_centre, from_size = _centre_and_size(anchors.to(codes.dtype))
    centre, half = shift * from_size + from_centre, growth.clamp(max=LARGEST).exp() * from_size / 2
    return torch.cat([centre - half, centre + half], -1)


def _centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    corner, size = boxes[..., :2], boxes[..., 2:] - boxes[..., :2]
    return corner + size / 2, size
