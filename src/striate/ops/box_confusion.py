"""What objects were taken for: a confusion matrix with background, what is not there and what was not found."""

from __future__ import annotations

import numpy as np

from striate.ops.object_hits import NO_PARTNER, Detections, Flags, Objects, Overlap, Rows, by_picture, partners

RIGHT_FROM = 0.5
"""The IoU from which a detection is about an object."""


def box_confusion(found: Detections, truth: Objects, overlap: Overlap, sure: Flags, classes: int) -> Rows:
    """How often each class was taken for each other, int64 (K + 1, K + 1), rows truth; the last are background.

    sure: which detections count, (D,). The best-scored first takes an object of its own class, then one that is left
    over, whatever its class. What lies on an ignored object, or is one, counts nowhere. overlap: as `object_hits` has.
    """
    chosen = np.flatnonzero(sure)
    taken = np.full(len(chosen), NO_PARTNER)
    some = Detections(found.picture[chosen], found.label[chosen], found.area[chosen], found.score[chosen])
    for _, rows, there in by_picture(some, truth):
        same = some.label[rows, None] == truth.label[there]
        own = _taken(overlap(chosen[rows], there), same, truth.ignored[there])
        taken[rows] = np.where(own == NO_PARTNER, NO_PARTNER, there[own])
    left = np.setdiff1d(np.flatnonzero(~truth.ignored), taken)
    real, crowd = np.append(truth.label, classes), np.append(truth.ignored, False)  # the last: of no object
    asked = ~crowd[taken]
    rows = np.concatenate([real[taken[asked]], real[left]])
    columns = np.concatenate([some.label[asked], np.full(len(left), classes)])
    counts: Rows = np.bincount(rows * (classes + 1) + columns, minlength=(classes + 1) ** 2)
    return counts.reshape(classes + 1, classes + 1)


def _taken(overlaps: np.ndarray, same: Flags, crowd: Flags) -> Rows:
    """The object that each detection is about, (D,), or NO_PARTNER."""
    at = np.array([RIGHT_FROM])
    taken = partners(overlaps * same, crowd[None], crowd, at)[:, 0, 0]
    free = np.ones(overlaps.shape[1], np.bool_)
    free[taken[taken != NO_PARTNER]] = False
    rest = np.flatnonzero(taken == NO_PARTNER)
    taken[rest] = partners(overlaps[rest] * (free | crowd), crowd[None], crowd, at)[:, 0, 0]
    return taken
