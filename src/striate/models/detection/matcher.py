"""Which box each anchor (or proposal) is to learn, and which of them are learned from. M boxes, A anchors, N pictures.

Matches are whole numbers: that of a box, or `NEGATIVE` where there is nothing, or `BETWEEN` of what is neither.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from striate.models.detection.detector import Truth
from striate.ops.boxes import box_area, intersection, pairwise_iou

NEGATIVE, BETWEEN = -1, -2
IN_IGNORED = 0.5
"""The share of an anchor inside a box that is ignored from which on it is no negative; every anchor that such a box
would have made a positive by an IoU of this has it."""

Rule = Callable[[Tensor], Tensor]
"""IoU of the boxes of a picture with its anchors, (M, A), M above 0, to a match for each anchor, int64 (A,)."""


def match(iou: Tensor, low: float, high: float) -> Tensor:
    """The box that each anchor overlaps most, if by `high`; none below `low`: of IoU (M, A), M above 0, int64 (A,).

    >>> match(torch.tensor([[0.8, 0.1, 0.4], [0.2, 0.3, 0.1]]), 0.4, 0.5).tolist()
    [0, -1, -2]
    """
    most, box = iou.max(0)
    return box.where(most >= high, BETWEEN).where(most >= low, NEGATIVE)


def match_low_quality(iou: Tensor, low: float, high: float) -> Tensor:
    """The same; besides, anchors that no other overlaps a box more than are matched, however little, ties included.

    They are matched with the box that they themselves overlap most. Source: Ren et al., "Faster R-CNN",
    arXiv:1506.01497, section 3.1.2, as Detectron and all since have it.

    >>> match_low_quality(torch.tensor([[0.8, 0.1, 0.4], [0.2, 0.3, 0.1]]), 0.4, 0.5).tolist()
    [0, 1, -2]
    """
    best = ((iou == iou.max(1, keepdim=True).values) & (iou > 0)).any(0)  # a box that no anchor touches has no best one
    return iou.max(0).indices.where(best, match(iou, low, high))


def match_best_per_box(iou: Tensor, threshold: float) -> Tensor:
    """The box that each anchor overlaps most, if by `threshold`; but the best anchor of each box has that box.

    Where two boxes have one best anchor the later has it. Source: Liu et al., "SSD", arXiv:1512.02325, section 2.2.

    >>> match_best_per_box(torch.tensor([[0.8, 0.1, 0.4], [0.7, 0.3, 0.1]]), 0.5).tolist()
    [1, -1, -1]
    """
    numbers = torch.arange(len(iou), device=iou.device)
    return match(iou, threshold, threshold).scatter_reduce(0, iou.max(1).indices, numbers, "amax", include_self=False)


@torch.no_grad()
def match_pictures(truth: Truth, anchors: Tensor, rule: Rule) -> Tensor:
    """Matches int64 (N, A) with rows of `truth.boxes`, by a rule, of the anchors (N, A, 4) of each picture.

    What is ignored is matched with nothing; anchors that lie in it are `BETWEEN`, unless another box has them.
    """
    matches = torch.full(anchors.shape[:2], NEGATIVE, device=anchors.device)
    for number in range(truth.pictures):
        here = (truth.picture == number).nonzero()[:, 0]
        ignored = truth.ignored[here]
        counted, left_out = here[~ignored], here[ignored]
        if len(counted):
            found = rule(pairwise_iou(truth.boxes[counted], anchors[number]))
            matches[number] = counted[found.clamp_min(0)].where(found >= 0, found)
        if len(left_out):
            inside = box_area(intersection(truth.boxes[left_out][:, None], anchors[number][None]))
            touched = (inside >= IN_IGNORED * box_area(anchors[number])).any(0)
            matches[number].masked_fill_(touched & (matches[number] < 0), BETWEEN)
    return matches


def sample(matches: Tensor, size: int, positive_share: float) -> tuple[Tensor, Tensor]:
    """`size` anchors of each picture, drawn from torch's generator: bool (N, A) of positives and of negatives.

    At most `positive_share` of them are positives; negatives take the other places, as far as there are so many.
    """
    positive = _drawn(matches >= 0, torch.full_like(matches[:, :1], int(size * positive_share)))
    return positive, _drawn(matches == NEGATIVE, size - positive.sum(1, keepdim=True))


def _drawn(candidates: Tensor, count: Tensor) -> Tensor:
    """As many of the candidates, bool (N, A), as `count` (N, 1) says for each row, or all of them."""
    chance = torch.rand(candidates.shape, device=candidates.device).masked_fill(~candidates, -1)
    return candidates & (_rank(chance) < count)


def hardest_negatives(loss: Tensor, matches: Tensor, per_positive: int = 3) -> Tensor:
    """The negatives of the greatest loss (N, A), `per_positive` for each positive of the picture: bool (N, A).

    Source: Liu et al., "SSD", arXiv:1512.02325, section 2.2, "Hard negative mining".

    >>> hardest_negatives(torch.tensor([[9.0, 1, 3, 2]]), torch.tensor([[0, -1, -1, -1]]), 2).tolist()
    [[False, False, True, True]]
    """
    negative = matches == NEGATIVE
    rank = _rank(loss.detach().masked_fill(~negative, -torch.inf))
    return negative & (rank < per_positive * (matches >= 0).sum(1, keepdim=True))


def _rank(values: Tensor) -> Tensor:
    """The place of each number of a row, the greatest first; equal ones as they stand."""
    return values.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
