"""What objects were taken for: a confusion matrix with background, what is not there and what was not found."""

from __future__ import annotations

import numpy as np

from striate.ops.object_hits import NO_PARTNER, Detections, Flags, Objects, Overlap, Rows, partners

RIGHT_FROM = 0.5
"""The IoU from which a detection is about an object."""


def box_confusion(found: Detections, truth: Objects, overlap: Overlap, sure: Flags, classes: int) -> Rows:
    """How often each class was taken for each other, int64 (K + 1, K + 1), rows truth; the last are background.

    sure: which detections count, (D,). The best-scored first takes an object of its own class, then one that is left
    over, whatever its class. What lies on an ignored object, or is one, counts nowhere. overlap: as `object_hits` has.
    """
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    for picture in np.unique(np.concatenate([found.picture[sure], truth.picture])).tolist():
        rows = np.flatnonzero((found.picture == picture) & sure)
        rows = rows[np.argsort(-found.score[rows], kind="stable")]
        there = np.flatnonzero(truth.picture == picture)
        label, real = found.label[rows], np.append(truth.label[there], classes)
        taken = _taken(overlap(rows, there), label[:, None] == truth.label[there], truth.ignored[there])
        crowd = np.append(truth.ignored[there], False)
        counted = ~crowd[taken]  # the last, of no partner, is background
        np.add.at(counts, (real[taken[counted]], label[counted]), 1)
        left = np.setdiff1d(np.flatnonzero(~crowd[:-1]), taken)
        counts[:, classes] += np.bincount(real[left], minlength=classes + 1)
    return counts


def _taken(overlaps: np.ndarray, same: Flags, crowd: Flags) -> Rows:
    """The object that each detection is about, (D,), or NO_PARTNER."""
    at = np.array([RIGHT_FROM])
    taken = partners(overlaps * same, crowd[None], crowd, at)[:, 0, 0]
    free = np.ones(overlaps.shape[1], np.bool_)
    free[taken[taken != NO_PARTNER]] = False
    rest = np.flatnonzero(taken == NO_PARTNER)
    taken[rest] = partners(overlaps[rest] * (free | crowd), crowd[None], crowd, at)[:, 0, 0]
    return taken
