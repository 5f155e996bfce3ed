"""From which score on detections are worth having: precision and recall by score, and the best of F1.

P different scores, K classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from striate.ops.average_precision import MOST
from striate.ops.object_hits import HIT, NEITHER, Array, Hits


class Curve(NamedTuple):
    """Of all detections with at least a score, (P,) each, the highest first."""

    score: Array
    precision: Array
    recall: Array

    @property
    def f1(self) -> Array:
        """The harmonic mean of precision and recall, (P,)."""
        both = self.precision + self.recall
        f1: Array = np.divide(2 * self.precision * self.recall, both, out=np.zeros_like(both), where=both > 0)
        return f1


class Advice(NamedTuple):
    """A threshold of the score, and what detections from it on come to."""

    threshold: float
    f1: float
    precision: float
    recall: float


def precision_recall(hits: Hits, label: int | None = None, threshold: int = 0) -> Curve:
    """Precision and recall at every score of a class, or of all together. threshold: of IoU, place in THRESHOLDS.

    Without anything to find the curve has no points.
    """
    present = hits.present[:, 0] if label is None else hits.present[:, 0, label]
    outcome = hits.outcome[:, 0, threshold]
    chosen = (hits.rank < MOST) & (outcome != NEITHER)
    if label is not None:
        chosen &= hits.label == label
    if not present.any():
        chosen[:] = False
    order = np.argsort(-hits.score[chosen], kind="stable")
    score, right = hits.score[chosen][order], (outcome[chosen][order] == HIT).cumsum()
    last = np.flatnonzero(np.diff(score, append=-1.0))  # of equal scores all are in, or none
    return Curve(score[last], right[last] / (last + 1), right[last] / max(1, int(present.sum())))


def best_threshold(curve: Curve) -> Advice | None:
    """Where F1 is best: halfway to the next lower score; None where nothing was hit.

    >>> best_threshold(Curve(np.array([0.75, 0.5, 0.25]), np.array([1, 1, 2 / 3]), np.array([0.5, 1, 1])))
    Advice(threshold=0.375, f1=1.0, precision=1.0, recall=1.0)
    """
    f1 = curve.f1
    if not f1.any():
        return None
    best = int(f1.argmax())
    below = np.append(curve.score, 0.0)[best + 1]
    at = (curve.score[best] + below) / 2, f1[best], curve.precision[best], curve.recall[best]
    return Advice(*map(float, at))


def advised(hits: Hits) -> list[Advice | None]:
    """The best threshold of each class."""
    return [best_threshold(precision_recall(hits, label)) for label in range(hits.classes)]
