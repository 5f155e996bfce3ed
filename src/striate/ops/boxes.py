"""Upright boxes: left, top, right, bottom. N, M boxes.

Coordinates are x to the right and y downwards; right and bottom are edges, so a box of one pixel is (0, 0, 1, 1). Any
unit will do, the same for all. A box whose right is not beyond its left, or bottom not beyond its top, is empty.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

PAIRS_AT_ONCE = 1 << 16
"""Of all pairs so many are measured at once, which is fastest on a processor (benchmarks/boxes.py)."""


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
    return iou_of(measured(boxes), measured(others))


def pairwise_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """The same of every box with every other one: (N, M) of (N, 4) and (M, 4).

    >>> pairwise_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 2, 2], [0, 0, 1, 2]])).tolist()
    [[1.0, 0.5]]
    """
    return _of_all_pairs(box_iou, boxes, others)


def box_giou(boxes: Tensor, others: Tensor) -> Tensor:
    """Generalised IoU of each box with its partner, (...), of boxes (..., 4) that broadcast: -1 to 1.

    IoU less the share of the smallest box around both that neither covers, so that it says of boxes that are apart how
    far; 1 less it is the loss. Source: Rezatofighi et al., arXiv:1902.09630, algorithm 1.

    >>> box_giou(torch.tensor([0.0, 0, 1, 1]), torch.tensor([[0.0, 0, 1, 1], [1, 0, 2, 1], [3, 0, 4, 1]])).tolist()
    [1.0, 0.0, -0.5]
    """
    one, two = measured(boxes), measured(others)
    shared = _shared(one, two)
    union = one[4] + two[4] - shared
    around = (torch.maximum(one[2], two[2]) - torch.minimum(one[0], two[0])) * (
        torch.maximum(one[3], two[3]) - torch.minimum(one[1], two[1])
    )
    around = torch.maximum(around, union)  # rounding, and reversed boxes, would leave it smaller
    return shared / union - (around - union) / around


def pairwise_giou(boxes: Tensor, others: Tensor) -> Tensor:
    """The same of every box with every other one: (N, M) of (N, 4) and (M, 4).

    >>> pairwise_giou(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[0.0, 0, 1, 1], [3, 0, 4, 1]])).tolist()
    [[1.0, -0.5]]
    """
    return _of_all_pairs(box_giou, boxes, others)


def measured(boxes: Tensor) -> Tensor:
    """Boxes (..., 4) as `iou_of` takes them: left, top, right, bottom and area, (5, ...); the area is above 0."""
    area = box_area(boxes).clamp_min(torch.finfo(boxes.dtype).tiny)  # so that no union is 0
    return torch.cat([boxes.movedim(-1, 0), area[None]])


def iou_of(some: Tensor, others: Tensor) -> Tensor:
    """IoU of `measured` boxes that broadcast, (5, ...): each row by itself, which processors read fastest."""
    shared = _shared(some, others)
    return shared.div_((some[4] + others[4]).sub_(shared))


def _of_all_pairs(overlap: Callable[[Tensor, Tensor], Tensor], boxes: Tensor, others: Tensor) -> Tensor:
    """(N, M) in steps that stay in a processor's cache, along the longer side."""
    if len(boxes) > len(others):
        return _of_all_pairs(overlap, others, boxes).T
    at_once = PAIRS_AT_ONCE // max(1, len(others)) if boxes.device.type == "cpu" else len(boxes)
    parts = torch.split(boxes, max(1, at_once))
    return torch.cat([overlap(part[:, None], others[None]) for part in parts])


def _shared(some: Tensor, others: Tensor) -> Tensor:
    """Area of the intersections, in few passes: of all pairs these are large."""
    width = torch.minimum(some[2], others[2]).sub_(torch.maximum(some[0], others[0])).clamp_min_(0)
    height = torch.minimum(some[3], others[3]).sub_(torch.maximum(some[1], others[1])).clamp_min_(0)
    return height.mul_(width)


def intersection(boxes: Tensor, others: Tensor) -> Tensor:
    """What each box shares with its partner, a box (..., 4), empty where they are apart."""
    corner = torch.maximum(boxes[..., :2], others[..., :2])
    return torch.cat([corner, torch.minimum(boxes[..., 2:], others[..., 2:])], -1)


def clipped(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (..., 4) cut at the edges of a picture; what lies beyond becomes empty. size: height and width, in pixels.

    >>> clipped(torch.tensor([[-1.0, 2, 9, 3], [8, 0, 9, 1]]), (4, 6)).tolist()
    [[0.0, 2.0, 6.0, 3.0], [6.0, 0.0, 6.0, 1.0]]
    """
    height, width = size  # axis by axis: so exported files can hold them of any size
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack([x, y], -1).flatten(-2)


def mirrored(boxes: Tensor, width: float) -> Tensor:
    """Boxes (..., 4) where left and right of a picture of a width change places.

    >>> mirrored(torch.tensor([1.0, 0, 3, 2]), 10).tolist()
    [7.0, 0.0, 9.0, 2.0]
    """
    left, top, right, bottom = boxes.unbind(-1)
    return torch.stack([width - right, top, width - left, bottom], -1)
