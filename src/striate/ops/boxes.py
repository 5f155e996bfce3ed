"""Upright boxes: left, top, right, bottom. N, M boxes.

Coordinates are x to the right and y downwards; right and bottom are edges, so a box of one pixel is (0, 0, 1, 1). Any
unit will do, the same for all. A box whose right is not beyond its left, or bottom not beyond its top, is empty.
"""

from __future__ import annotations

import torch
from torch import Tensor


def box_area(boxes: Tensor) -> Tensor:
    """Areas (...) of boxes (..., 4); 0 of empty ones, also where both sides are negative.

    >>> box_area(torch.tensor([[0.0, 0, 2, 3], [5, 5, 4, 4]])).tolist()
    [6.0, 0.0]
    """
    width, height = (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).unbind(-1)
    return width * height


def box_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of each box with its partner, (...), of boxes (..., 4) that broadcast; 0 with empty ones.

    >>> box_iou(torch.tensor([0.0, 0, 2, 2]), torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 3, 3]])).tolist()
    [1.0, 0.3333333432674408, 0.0]
    """
    shared = box_area(intersection(boxes, others))
    united = box_area(boxes) + box_area(others) - shared
    return shared / united.clamp_min(torch.finfo(united.dtype).tiny)


def pairwise_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """The same of every box with every other one: (N, M) of (N, 4) and (M, 4).

    >>> pairwise_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 2, 2], [0, 0, 1, 2]])).tolist()
    [[1.0, 0.5]]
    """
    return box_iou(boxes[:, None], others[None])


def intersection(boxes: Tensor, others: Tensor) -> Tensor:
    """What each box shares with its partner, a box (..., 4), empty where they are apart."""
    corner = torch.maximum(boxes[..., :2], others[..., :2])
    return torch.cat([corner, torch.minimum(boxes[..., 2:], others[..., 2:])], -1)


def clipped(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (..., 4) cut at the edges of a picture; what lies beyond becomes empty. size: height and width, in pixels.

    >>> clipped(torch.tensor([[-1.0, 2, 9, 3], [8, 0, 9, 1]]), (4, 6)).tolist()
    [[0.0, 2.0, 6.0, 3.0], [6.0, 0.0, 6.0, 1.0]]
    """
    height, width = size
    return boxes.clamp_min(0).minimum(boxes.new_tensor([width, height, width, height]))


def mirrored(boxes: Tensor, width: float) -> Tensor:
    """Boxes (..., 4) where left and right of a picture of a width change places.

    >>> mirrored(torch.tensor([1.0, 0, 3, 2]), 10).tolist()
    [7.0, 0.0, 9.0, 2.0]
    """
    left, top, right, bottom = boxes.unbind(-1)
    return torch.stack([width - right, top, width - left, bottom], -1)
