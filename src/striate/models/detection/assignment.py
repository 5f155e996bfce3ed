"""Which places of a one-stage network answer for which object: those that do it best already.

Feng et al., "TOOD: task-aligned one-stage object detection", arXiv:2108.07755, section 3.2: of the points inside a box,
those learn it whose score and overlap are highest together.

N pictures, A points, K classes, B boxes of a picture, filled up with empty ones.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from striate.models.detection.detector import Truth
from striate.ops.boxes import box_area, box_iou

POINTS = 13
"""Points that learn a box, at most. Source: section 4.1 of the paper; so are the powers."""
SCORE_POWER, OVERLAP_POWER = 1.0, 6.0
TINY = 1e-9


class Padded(NamedTuple):
    """The boxes of every picture: boxes (N, B, 4), labels (N, B), and which are there, and which ignored, bool."""

    boxes: Tensor
    labels: Tensor
    real: Tensor
    ignored: Tensor


class Assigned(NamedTuple):
    """What points are to answer.

    scores: of each class, 0 to 1, (N, A, K). boxes: (N, A, 4). weights: how much a point's box counts, the score of its
    class, 0 for background, (N, A). judged: whether a point's scores count at all, bool (N, A).
    """

    scores: Tensor
    boxes: Tensor
    weights: Tensor
    judged: Tensor


def padded(truth: Truth) -> Padded:
    """The boxes of a batch, picture by picture; empty ones are as if they were not there."""
    there = box_area(truth.boxes) > 0
    picture, device = truth.picture[there], truth.boxes.device
    counts = torch.bincount(picture, minlength=truth.pictures)
    most = max(1, int(counts.max())) if truth.pictures else 1
    place = torch.arange(len(picture), device=device) - (counts.cumsum(0) - counts)[picture]
    boxes = truth.boxes.new_zeros(truth.pictures, most, 4)
    labels = torch.zeros(truth.pictures, most, dtype=torch.int64, device=device)
    real, ignored = (torch.zeros_like(labels, dtype=torch.bool) for _ in range(2))
    boxes[picture, place], labels[picture, place] = truth.boxes[there], truth.labels[there]
    real[picture, place], ignored[picture, place] = ~truth.ignored[there], truth.ignored[there]
    return Padded(boxes, labels, real, ignored)


@torch.no_grad()
def assigned(scores: Tensor, boxes: Tensor, points: Tensor, truth: Padded) -> Assigned:
    """What every point is to answer, by what it answers now.

    scores: 0 to 1, (N, A, K). boxes: (N, A, 4). points: x and y, (A, 2). All in pixels of the images.
    """
    inside = _inside(points, truth.boxes)  # N, B, A
    overlap = box_iou(truth.boxes[:, :, None], boxes[:, None])  # N, B, A
    own = scores.transpose(1, 2).gather(1, truth.labels[:, :, None].expand(-1, -1, scores.shape[1]))  # N, B, A
    fit = own**SCORE_POWER * overlap**OVERLAP_POWER * (inside & truth.real[:, :, None])
    best = (fit + TINY * inside).topk(min(POINTS, len(points)), dim=2).indices
    taken = torch.zeros_like(inside).scatter(2, best, 1) & inside & truth.real[:, :, None]
    closest = torch.where(taken, overlap, -1.0).argmax(1, keepdim=True)  # of several boxes, that which overlaps most
    taken &= torch.zeros_like(taken).scatter(1, closest, 1)
    fit, overlap = fit * taken, overlap * taken
    share = fit / fit.amax(2, keepdim=True).clamp_min(TINY) * overlap.amax(2, keepdim=True)
    weights, which = share.max(1)  # N, A
    labels = truth.labels.gather(1, which)
    soft = torch.zeros_like(scores).scatter(2, labels[:, :, None], weights[:, :, None])
    truth_of = truth.boxes.gather(1, which[:, :, None].expand(-1, -1, 4))
    unjudged = (inside & truth.ignored[:, :, None]).any(1) & ~taken.any(1)
    return Assigned(soft, truth_of, weights, ~unjudged)


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """Whether points (A, 2) lie in boxes (N, B, 4), bool (N, B, A); the one closest to a box's middle always does."""
    x, y = points.unbind(1)
    left, top, right, bottom = boxes[..., None].unbind(2)  # each N, B, 1
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    away = (x - (left + right) / 2).square() + (y - (top + bottom) / 2).square()
    return inside.scatter(2, away.argmin(2, keepdim=True), 1)
