"""How well outlines are met, which IoU hardly tells of large classes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from striate.ops.pixels import IGNORED

Mask = npt.NDArray[np.uint8]
"""Class numbers, or IGNORED, uint8 (H, W)."""

Scores = npt.NDArray[np.float64]

TOLERANCE = 0.0075  # of the picture's diagonal; Csurka et al., section 3


def boundary_f1(truth: Mask, predicted: Mask, classes: int, tolerance_px: float | None = None) -> Scores:
    """F1 of the outline of each class of a picture, float64 (K,); not a number for a class without one in both.

    A pixel of an outline is right that has one of the other mask's within the tolerance, by default 0.75 % of the
    diagonal; precision is the share of the predicted that are right, recall that of the true. Ignored pixels make and
    have no outline. The figure of a data set is the mean over its pictures.
    Source: Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic segmentation?", BMVC 2013.

    >>> truth = np.array([[0, 0, 1, 1]] * 4, np.uint8)
    >>> boundary_f1(truth, truth, 2, 0.5).tolist(), boundary_f1(truth, np.zeros_like(truth), 2).tolist()
    ([1.0, 1.0], [0.0, 0.0])
    """
    reach = TOLERANCE * math.hypot(*truth.shape) if tolerance_px is None else tolerance_px
    predicted = np.where(truth == IGNORED, np.uint8(IGNORED), predicted)
    outlines = [_outline(mask) for mask in (truth, predicted)]
    scores = np.full(classes, np.nan)
    for number in range(classes):
        true, found = (outline & (mask == number) for outline, mask in zip(outlines, (truth, predicted), strict=True))
        if true.any() and found.any():
            precision, recall = _near(found, true, reach), _near(true, found, reach)
            scores[number] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        elif true.any() or found.any():
            scores[number] = 0.0
    return scores


def _outline(mask: Mask) -> npt.NDArray[np.bool_]:
    """The pixels with another class above, below, left or right of them."""
    outline = np.zeros(mask.shape, bool)
    for one, next_to in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (mask[one] != mask[next_to]) & (mask[one] != IGNORED) & (mask[next_to] != IGNORED)
        outline[one] |= differs
        outline[next_to] |= differs
    return outline


def _near(points: npt.NDArray[np.bool_], others: npt.NDArray[np.bool_], reach_px: float) -> float:
    """The share of points that have one of the others within reach."""
    return float((distance_transform_edt(~others)[points] <= reach_px).mean())
