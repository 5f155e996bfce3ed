"""How far two ways of computing the same detector agree in the objects that they find; N pictures, R rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from striate.answers.detections import SHOWN_FROM
from striate.ops.boxes import pairwise_iou
from striate.tasks.agreement import Agreement, Flags, Numbers

SAME_FROM = 0.9
"""The IoU from which two boxes are of one object."""
RIVALS_FROM = 0.3
"""The IoU from which one box may have suppressed another, as low as thresholds of suppression are."""
MOST_TIES = 0.1
"""Of a batch's objects: of more, it is not rounding that exchanged them."""


def of_objects(expected: Numbers, found: Numbers, close: float) -> Agreement:
    """Of objects (N, R, 6) as a `Detector` answers, those of a score from `SHOWN_FROM` by either way.

    Each must be found by the other way too: of its class, the box the same from `SAME_FROM`, score and edges, which are
    shares, no more than `close` apart; the best score of a picture as well, whatever it is. One that the other way has
    not is a near tie where something as sure lies over it, to rounding, which may have suppressed it there; and where
    those are few.

    >>> one = np.array([[[0.1, 0.1, 0.5, 0.5, 0.9, 0]]], np.float32)
    >>> of_objects(one, one, 0.01).other.tolist(), of_objects(one, one * 0, 0.01).other.tolist()
    ([False], [True])
    """
    lone, tied = np.zeros(len(expected), int), np.ones(len(expected), bool)
    difference, objects = np.zeros(len(expected)), 0
    for place, (ours, theirs) in enumerate(zip(expected, found, strict=True)):
        if not np.isfinite(theirs).all():
            difference[place], lone[place], tied[place] = np.inf, 1, False
            continue
        difference[place] = abs(_best(ours) - _best(theirs))
        for some, others in ((ours, theirs), (theirs, ours)):
            some, others = some[some[:, 4] >= SHOWN_FROM], others[others[:, 4] > 0]
            objects += len(some)
            partner = partners(some, others)
            matched = partner >= 0
            apart = np.abs(some[matched] - others[partner[matched]])[:, :5]
            difference[place] = max(difference[place], float(apart.max(initial=0)))
            lone[place] += int((~matched).sum())
            tied[place] &= bool(_suppressed(some[~matched], others, close).all())
    if lone.sum() > max(1, MOST_TIES * objects) and close < 1:
        tied[:] = False
    return Agreement(difference, ~(difference <= close), lone > 0, tied)


def _best(rows: Numbers) -> float:
    return float(rows[:, 4].max(initial=0))


def _overlaps(some: Numbers, others: Numbers) -> npt.NDArray[np.float32]:
    """IoU of all pairs, (S, O), of one class; 0 of others."""
    boxes, partners = (torch.from_numpy(np.ascontiguousarray(rows[:, :4])).float() for rows in (some, others))
    ious: npt.NDArray[np.float32] = pairwise_iou(boxes, partners).numpy()
    return np.where(some[:, None, 5] == others[:, 5], ious, 0).astype(np.float32)


def partners(some: Numbers, others: Numbers) -> npt.NDArray[np.int64]:
    """For each object the place of the same one among others, each taken once, best first; -1 where there is none."""
    partner = np.full(len(some), -1)
    if len(some) and len(others):
        ious = _overlaps(some, others)
        for place in range(len(some)):
            nearest = int(ious[place].argmax())
            if ious[place, nearest] >= SAME_FROM:
                partner[place] = nearest
                ious[:, nearest] = 0
    return partner


def _suppressed(some: Numbers, others: Numbers, close: float) -> Flags:
    """Whether of each object one that is as sure, to rounding, lies over it; or it is as near to what is not shown."""
    unseen: Flags = some[:, 4] <= SHOWN_FROM + close
    if not len(some) or not len(others):
        return unseen
    rivals = (_overlaps(some, others) >= RIVALS_FROM) & (others[:, 4] >= some[:, None, 4] - close)
    suppressed: Flags = unseen | rivals.any(1)
    return suppressed
