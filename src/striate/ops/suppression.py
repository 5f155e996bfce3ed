"""Of boxes that lie on one another, the best: non-maximum suppression, hard and soft. M boxes, K classes.

boxes: left, top, right, bottom, floating point (M, 4). scores: (M,). Of equal scores the earlier box is the better one.
Another box is suppressed where IoU with a better one that is kept is above the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.ops.boxes import PAIRS_AT_ONCE, box_iou, iou_of, measured

AT_ONCE = 128
"""Boxes, the best that are left, that are settled among themselves before they meet all others."""


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, most: int | None = None) -> Tensor:
    """Places of the boxes that are kept, best first, int64; most: of how many, all by default.

    Greedy: the best box is kept and suppresses others, then the best of those that are left, and so on.

    >>> nms(torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 3], [5, 5, 6, 6]]), torch.tensor([0.8, 0.9, 0.7]), 0.5).tolist()
    [1, 2]
    """
    order = scores.argsort(descending=True, stable=True)
    return order[greedy(boxes[order], None, iou_threshold, most)]


def classwise_nms(
    boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float, most: int | None = None
) -> Tensor:
    """The same where boxes suppress others of their own class only. labels: whole numbers (M,).

    >>> boxes, scores = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 3], [0, 0, 2, 2]]), torch.tensor([0.8, 0.9, 0.7])
    >>> classwise_nms(boxes, scores, torch.tensor([0, 0, 1]), 0.5).tolist()
    [1, 2]
    """
    order = scores.argsort(descending=True, stable=True)
    return order[greedy(boxes[order], labels[order], iou_threshold, most)]


def linear(iou_threshold: float) -> Callable[[Tensor], Tensor]:
    """What soft suppression leaves of a score, by IoU: 1 - IoU above the threshold. arXiv:1704.04503, section 3."""
    return lambda iou: torch.where(iou > iou_threshold, 1 - iou, 1.0)


def gaussian(sigma: float = 0.5) -> Callable[[Tensor], Tensor]:
    """The same without a threshold: exp(-IoU² / sigma). arXiv:1704.04503, section 3; its sigma is 0.5."""
    return lambda iou: torch.exp(iou.square() / -sigma)


def soft_nms(
    boxes: Tensor, scores: Tensor, left: Callable[[Tensor], Tensor], least_score: float = 0.001
) -> tuple[Tensor, Tensor]:
    """Places of boxes, int64, best first, and their scores, lowered by each better box.

    left: `linear` or `gaussian`. least_score: boxes whose score falls below it are gone.
    Source: Bodla et al., arXiv:1704.04503, figure 3.

    >>> boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 3], [5, 5, 6, 6]])
    >>> places, scores = soft_nms(boxes, torch.tensor([0.8, 0.9, 0.7]), linear(0.5))
    >>> places.tolist(), [round(score, 3) for score in scores.tolist()]
    ([1, 2, 0], [0.9, 0.7, 0.267])
    """
    scores, best = scores.clone(), torch.full_like(scores, -1, dtype=torch.int64)
    found = torch.zeros_like(scores)
    for count in range(len(scores)):
        place = int(scores.argmax())
        if not scores[place] >= least_score:
            return best[:count], found[:count]
        best[count], found[count] = place, scores[place]
        scores *= left(box_iou(boxes[place], boxes))
        scores[place] = -math.inf
    return best, found


def detections(
    boxes: Tensor,
    scores: Tensor,
    *,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.05,
    candidates: int = 1000,
    most: int = 100,
) -> Tensor:
    """What a detector answers: float32 (N, most, 6), best first: left, top, right, bottom, score, class number.

    boxes: of N pictures with A boxes each (N, A, 4), or with boxes by class (N, A, K, 4). scores: above 0, (N, A, K).
    Of the scores above the threshold the best `candidates` of a picture go through classwise suppression. Rows that are
    none are zeros. Shapes do not depend on the numbers, and every step has a form in exported files.

    >>> boxes, scores = torch.tensor([[[0.0, 0, 0.5, 0.5]] * 2]), torch.tensor([[[0.75, 0.01], [0.5, 0.25]]])
    >>> detections(boxes, scores, most=3)[0].tolist()
    [[0.0, 0.0, 0.5, 0.5, 0.75, 0.0], [0.0, 0.0, 0.5, 0.5, 0.25, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    classes = scores.shape[2]
    best, places = highest(scores.flatten(1), candidates, score_threshold)
    by_class = boxes.dim() == 4
    chosen = _rows(boxes.flatten(1, -2), places if by_class else places // classes)
    return distinct(chosen, best, places % classes, iou_threshold, most)


def highest(scores: Tensor, count: int, score_threshold: float = 0.0) -> tuple[Tensor, Tensor]:
    """The best of the scores (N, A) of each picture, float32, and their places, int64: (N, count) both, by place.

    Scores that are not above the threshold, and those that A lacks, are 0; NaN comes first, so that whoever reads the
    answer sees it. Which of several that equal the last one are taken is open, as in `torch.topk`.
    """
    scores = scores.float()
    padded = F.pad(torch.where(scores <= score_threshold, 0.0, scores), (0, count))
    places = padded.topk(count, sorted=False).indices.sort().values
    return padded.gather(1, places), places.clamp_max(scores.shape[1] - 1)


def distinct(boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float, most: int) -> Tensor:
    """The rows of `detections` of candidates: boxes (N, C, 4), scores (N, C), of which 0 is none, and labels (N, C).

    Boxes suppress others of their own label only, which may also be the level of a pyramid.
    """
    scores, order = scores.float().sort(dim=1, descending=True, stable=True)
    boxes, labels = _rows(boxes.float(), order), labels.gather(1, order)
    kept = torch.ops.striate.kept_of_sorted(boxes, ~(scores <= 0), labels, iou_threshold, most)
    count = scores.shape[1]
    worth = torch.where(kept, torch.arange(count, 0, -1, dtype=torch.float32, device=kept.device), 0.0)
    worth, places = F.pad(worth, (0, most)).topk(most)
    rows = torch.cat([boxes, scores[..., None], labels[..., None].float()], 2)
    return torch.where(worth[..., None] > 0, _rows(rows, places.clamp_max(count - 1)), 0.0)


def _rows(table: Tensor, places: Tensor) -> Tensor:
    """(N, C, D) of (N, A, D) by places (N, C)."""
    return table.gather(1, places[..., None].expand(-1, -1, table.shape[2]))


def _kept_of_sorted(boxes: Tensor, there: Tensor, labels: Tensor, iou_threshold: float, most: int) -> Tensor:
    """Which boxes of each picture are kept, bool (N, C): at least the first `most` that classwise suppression keeps.

    boxes: float32 (N, C, 4), best first. there: which are boxes at all, bool (N, C), none behind one that is not.
    labels: int64 (N, C). An operator of its own because exported files have one for it (`deploy.export`).
    """
    kept = torch.zeros_like(there)
    for picture, count in enumerate(there.sum(1).tolist()):
        places = greedy(boxes[picture, :count], labels[picture, :count], iou_threshold, most)
        kept[picture, places] = True
    return kept


# By hand, since the first call of what `torch.library.custom_op` makes loads torch's compiler, which takes a second.
OPERATORS = torch.library.Library("striate", "DEF")  # type: ignore[no-untyped-call]
OPERATORS.define(  # type: ignore[no-untyped-call]
    "kept_of_sorted(Tensor boxes, Tensor there, Tensor labels, float iou_threshold, int most) -> Tensor"
)
OPERATORS.impl("kept_of_sorted", _kept_of_sorted, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
OPERATORS.impl("kept_of_sorted", lambda _boxes, there, *_: torch.empty_like(there), "Meta")  # type: ignore[no-untyped-call]


def greedy(boxes: Tensor, labels: Tensor | None, iou_threshold: float, most: int | None = None) -> Tensor:
    """Places of the boxes that are kept, int64, of boxes (M, 4) that come best first. labels: as of `classwise_nms`.

    The best `AT_ONCE` are settled among themselves, then what suppresses the others is dropped, until none is left:
    large steps in place of one for each box, and no pair of what is gone.
    """
    rows = measured(boxes.detach().to(torch.promote_types(boxes.dtype, torch.float32)))
    if labels is not None:
        rows = torch.cat([rows, labels[None].to(rows.dtype)])
    places, kept, count = torch.arange(len(boxes), device=boxes.device), [], 0
    wanted = len(boxes) if most is None else most
    while len(places):
        head, others = rows[:, :AT_ONCE], rows[:, AT_ONCE:]
        best = _settled((_ious(head, head) > iou_threshold).triu_(1))
        kept.append(places[:AT_ONCE][best])
        count += len(kept[-1])
        if count >= wanted or not others.shape[1]:
            break
        left = ~(_highest_iou(others, head[:, best]) > iou_threshold)
        rows, places = others[:, left], places[AT_ONCE:][left]
    return torch.cat(kept)[:wanted] if kept else places


def _settled(suppresses: Tensor) -> Tensor:
    """Which boxes are kept, bool (B,), where `suppresses` (B, B) is of each, best first, and those behind it.

    All are kept at first, and what is suppressed by what is kept is not, until nothing changes, which then is what the
    greedy way gives: the first box is right at once, and each round at least the next one. Source: Zheng et al.,
    arXiv:2005.03572, section 4.2, Cluster-NMS.
    """
    suppresses = suppresses.float()
    kept, before = suppresses.new_ones(len(suppresses)), None
    while before is None or not torch.equal(kept, before):
        kept, before = (kept @ suppresses == 0).float(), kept
    return kept > 0


def _highest_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """The highest IoU of each of the boxes (R, M) with any of some others (R, B): (M,)."""
    parts = torch.split(others, max(1, PAIRS_AT_ONCE // boxes.shape[1]), 1)
    return torch.stack([_ious(part, boxes).amax(0) for part in parts]).amax(0)


def _ious(some: Tensor, others: Tensor) -> Tensor:
    """(B, M) of `measured` boxes (5, B) and (5, M), or with their labels (6, B) and (6, M): 0 of different ones."""
    iou = iou_of(some[:, :, None], others[:, None])
    return iou if len(some) == 5 else iou.mul_(some[5, :, None] == others[5])
