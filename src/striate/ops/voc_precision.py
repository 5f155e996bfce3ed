"""Average precision as Pascal VOC has it: one threshold of IoU, a matching of its own, eleven points or all.

Source: Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 88 (2010), section 4.2, and the
development kit of 2012 (VOCevaldet.m), which is where all points come from. Its boxes end at the last pixel; as edges
(ops/boxes.py) they are one larger, which is what its areas count.
"""

from __future__ import annotations

import numpy as np

from striate.ops.object_hits import FALSE, HIT, NEITHER, Array, Detections, Objects, Overlap, groups, ordered

RIGHT_FROM = 0.5
"""The IoU from which a detection is right."""
ELEVEN: Array = np.arange(11) / 10  # rounded right, so that 3 of 10 are a recall of 0.3


def voc_precision(found: Detections, truth: Objects, overlap: Overlap, classes: int) -> tuple[Array, Array]:
    """Average precision of each class over eleven points, (K,), and over all, (K,); nan where no object is.

    A detection is asked only about the object of its class that it overlaps most: it hits an object once, is wrong
    where that is taken, and counts nowhere where it is `ignored` (VOC's difficult). overlap: IoU, of these too.
    """
    outcome, label, score = voc_outcomes(found, truth, overlap, classes)
    figures = np.full((2, classes), np.nan)
    for each in range(classes):
        rows = np.flatnonzero((label == each) & (outcome != NEITHER))
        right = outcome[rows][np.argsort(-score[rows], kind="stable")] == HIT
        present = int(((truth.label == each) & ~truth.ignored).sum())
        if present:
            recall, precision = right.cumsum() / present, right.cumsum() / np.arange(1, len(right) + 1)
            figures[:, each] = eleven_points(recall, precision), all_points(recall, precision)
    return figures[0], figures[1]


def voc_outcomes(
    found: Detections, truth: Objects, overlap: Overlap, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What came of each detection (HIT, FALSE, NEITHER), its class and score, (D,), picture by picture."""
    order = ordered(found, classes)
    outcome = np.full(len(order), FALSE)
    for group in groups(found, truth, order, classes):
        overlaps = overlap(group.detections, group.objects)
        best, near = overlaps.argmax(1), overlaps.max(1) >= RIGHT_FROM
        passed = near & truth.ignored[group.objects][best]
        hits = np.zeros(len(best), np.bool_)
        hits[np.unique(np.where(near, best, -1), return_index=True)[1]] = True  # the first at each object
        outcome[group.found] = np.where(passed, NEITHER, np.where(near & hits, HIT, FALSE))
    return outcome, found.label[order], found.score[order]


def eleven_points(recall: Array, precision: Array) -> float:
    """The mean of the best precisions with at least the recalls 0, 0.1 ... 1. Both (D,), the best-scored first.

    >>> round(eleven_points(np.array([0.5, 0.5, 1.0]), np.array([1.0, 0.5, 2 / 3])), 4)
    0.8485
    """
    reached = recall >= ELEVEN[:, None]
    return float(np.where(reached, precision, 0).max(1, initial=0).mean())


def all_points(recall: Array, precision: Array) -> float:
    """The area below the best precision with at least each recall. Both (D,), the best-scored first.

    >>> round(all_points(np.array([0.5, 0.5, 1.0]), np.array([1.0, 0.5, 2 / 3])), 4)
    0.8333
    """
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0) * best).sum())
