"""How well outlines are met, which IoU hardly tells of large classes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

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
    (true, of_true), (found, of_found) = (_outline_points(mask, reach) for mask in (truth, predicted))
    precision, recall = _near(found, of_found, true, reach, classes), _near(true, of_true, found, reach, classes)
    scores = np.where(np.isnan(precision) & np.isnan(recall), np.nan, 0.0)
    met = precision + recall > 0  # never where one of them is not a number
    scores[met] = (2 * precision * recall)[met] / (precision + recall)[met]
    return scores


def _outline(mask: Mask) -> npt.NDArray[np.bool_]:
    """The pixels with another class above, below, left or right of them."""
    outline = np.zeros(mask.shape, bool)
    for one, next_to in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (mask[one] != mask[next_to]) & (mask[one] != IGNORED) & (mask[next_to] != IGNORED)
        outline[one] |= differs
        outline[next_to] |= differs
    return outline


def _outline_points(mask: Mask, reach_px: float) -> tuple[Scores, npt.NDArray[np.intp]]:
    """The pixels of all outlines as places (P, 3), and their classes (P,).

    The third coordinate sets classes further apart than reach, so that one search finds the neighbours of each class.
    """
    rows, columns = np.nonzero(_outline(mask))
    classes = mask[rows, columns].astype(np.intp)
    return np.stack([rows, columns, classes * (2 * reach_px + 1)], 1).astype(np.float64), classes


def _near(points: Scores, of: npt.NDArray[np.intp], others: Scores, reach_px: float, classes: int) -> Scores:
    """The share of the points of each class that have one of the others, of their class, within reach; nan without."""
    from scipy.spatial import cKDTree  # which predictions have no use for

    counts = np.bincount(of, minlength=classes)
    if not len(points) or not len(others):
        return np.where(counts > 0, 0.0, np.nan)
    distance, _ = cKDTree(others).query(points, distance_upper_bound=reach_px + 0.5)  # beyond it none is looked for
    near = np.bincount(of[distance <= reach_px], minlength=classes)
    shares: Scores = np.divide(near, counts, out=np.full(classes, np.nan), where=counts > 0)
    return shares
