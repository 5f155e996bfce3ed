"""Average precision and recall as COCO has them, from hits; intervals by drawing the pictures anew.

N pictures, K classes, T thresholds of IoU, R drawings of the pictures. Where nothing is to be found, figures are nan.
Source: cocodataset.org, detection-eval, and github.com/cocodataset/cocoapi, `COCOeval`, of which all is kept that
decides a digit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from striate.ops.object_hits import AREAS, HIT, NEITHER, THRESHOLDS, Array, Hits, Rows

RECALLS: Array = np.linspace(0, 1, 101)
"""At which the precision is read."""
MOST = 100
"""Detections of a class that count in a picture."""
FEWER = (1, 10)
"""The same for recalls of few detections."""
REDRAWN = 200  # samples of a bootstrap
AT_ONCE = 2_000_000  # numbers of a part of them
OF_THRESHOLD = {"map50": 0, "map75": 5}  # places in THRESHOLDS


def coco_figures(hits: Hits) -> dict[str, float]:
    """COCO's twelve figures, 0 to 1: "map", "map50", "map75", "map_small" ..., "recall_1", "recall_small" ..."""
    precision = {area: average_precision(hits, area)[0] for area in AREAS}
    recall = {area: recalls(hits, area) for area in AREAS}
    return {
        "map": mean(precision["all"]),
        **{key: mean(precision["all"][place]) for key, place in OF_THRESHOLD.items()},
        **{f"map_{area}": mean(precision[area]) for area in AREAS if area != "all"},
        **{f"recall_{most}": mean(recalls(hits, "all", most)) for most in FEWER},
        f"recall_{MOST}": mean(recall["all"]),
        **{f"recall_{area}": mean(recall[area]) for area in AREAS if area != "all"},
    }


def main_figures(precision: Array) -> dict[str, Array]:
    """Means over the classes, each (R,): over all thresholds, at 0.5 and at 0.75. precision: (R, T, K)."""
    each = {"map": precision.mean(1)} | {key: precision[:, place] for key, place in OF_THRESHOLD.items()}
    return {key: means(values) for key, values in each.items()}


def average_precision(hits: Hits, area: str = "all", times: Rows | None = None) -> Array:
    """The mean precision over RECALLS of each drawing, threshold and class, (R, T, K).

    area: of AREAS. times: how often each picture is drawn, (R, N); None: each once, R is 1.
    """
    if times is None:
        times = np.ones((1, hits.pictures), np.int64)
    found = np.full((len(times), len(THRESHOLDS), hits.classes), np.nan)
    for label in range(hits.classes):
        for part in parts(len(times), int((hits.label == label).sum())):
            found[part, :, label] = interpolated(hits, label, area, times[part]).mean(2)
    return found


def interpolated(hits: Hits, label: int, area: str, times: Rows) -> Array:
    """Precision of a class at RECALLS, (R, T, 101): the best that is to be had with at least that recall."""
    place, rows = list(AREAS).index(area), best_first(hits, label)
    outcome, drawn = hits.outcome[rows, place], times[:, hits.picture[rows]].astype(np.int32)
    present = times @ hits.present[:, place, label]
    counted = drawn.cumsum(1, dtype=np.int32)
    precision = np.empty((len(times), len(THRESHOLDS), len(RECALLS)))
    for number, column in enumerate(outcome.T):
        right, passed = np.flatnonzero(column == HIT), column == NEITHER
        seen = (drawn * ~passed).cumsum(1, dtype=np.int32) if passed.any() else counted
        precision[:, number] = at_recalls(drawn[:, right].cumsum(1), seen[:, right], present)
    return precision


def at_recalls(right: Rows, seen: Rows, present: Rows) -> Array:
    """Interpolated precision at RECALLS, (R, 101); nan where nothing is present.

    right, seen: hits, and detections that count, up to each hit, whole numbers (R, H): precision rises nowhere else.
    present: objects to be found, (R,).

    >>> at_recalls(np.array([[1, 2]]), np.array([[1, 4]]), np.array([4]))[0, [0, 25, 26, 50, 51]].tolist()
    [1.0, 1.0, 0.5, 0.5, 0.0]
    """
    draws, count = right.shape
    precision = right / np.maximum(seen, 1)
    best = np.zeros((draws, count + 1))  # the last: of recalls that are not reached
    best[:, :count] = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    apart = np.arange(draws)[:, None] * (int(present.max(initial=0)) + 2)  # so that all drawings are one ascending row
    place = np.searchsorted((right + apart).ravel(), (hits_needed(present) + apart).ravel())
    place = place.reshape(draws, -1) - np.arange(draws)[:, None] * count
    found: Array = np.where(present[:, None] > 0, np.take_along_axis(best, place, 1), np.nan)
    return found


def hits_needed(present: Rows) -> Rows:
    """The fewest hits that reach each of RECALLS, (R, 101), of objects present (R,); compared as floats, as in COCO.

    >>> hits_needed(np.array([4]))[0, [0, 1, 25, 26, 100]].tolist()
    [0, 1, 1, 2, 4]
    """
    of = np.maximum(present, 1)[:, None]
    needed = np.ceil(of * RECALLS).astype(np.int64)
    needed -= (needed - 1) / of >= RECALLS
    return needed + (needed / of < RECALLS)


def recalls(hits: Hits, area: str = "all", most: int = MOST) -> Array:
    """The share of objects that were found, (T, K), with so many detections of a class in a picture at most."""
    place = list(AREAS).index(area)
    found = np.zeros((len(THRESHOLDS), hits.classes))
    counted = hits.rank < most
    for threshold, column in enumerate((hits.outcome[counted, place] == HIT).T):
        found[threshold] = np.bincount(hits.label[counted][column], minlength=hits.classes)
    present = hits.present[:, place].sum(0)
    shares: Array = np.divide(found, present, out=np.full(found.shape, np.nan), where=present > 0)
    return shares


def best_first(hits: Hits, label: int) -> Rows:
    """Rows of the detections of a class that count, the best-scored first; of equal ones in the pictures' order."""
    rows = np.flatnonzero((hits.label == label) & (hits.rank < MOST))
    return rows[np.argsort(-hits.score[rows], kind="stable")]


def intervals(hits: Hits, seed: int = 0, redrawn: int = REDRAWN) -> dict[str, tuple[float, float]]:
    """95 % intervals of the main figures by drawing the pictures anew, with replacement.

    The matching is not repeated, so that 200 drawings of some hundred pictures take a second. The same seed gives the
    same intervals. nan where there is no picture, or nothing to be found.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).
    """
    if not hits.present[:, 0].any():
        return dict.fromkeys(("map", *OF_THRESHOLD), (np.nan, np.nan))
    chances = np.full(hits.pictures, 1 / hits.pictures)
    times = np.random.default_rng(seed).multinomial(hits.pictures, chances, size=redrawn)
    found = main_figures(average_precision(hits, "all", times))
    ends = {key: np.nanquantile(values, [0.025, 0.975]).tolist() for key, values in found.items()}
    return {key: (low, high) for key, (low, high) in ends.items()}


def mean(values: Array) -> float:
    """The mean of those that are known; nan where none is."""
    return float(means(values.reshape(1, -1))[0])


def means(values: Array) -> Array:
    """The mean of each row, (R,), over what is known of it; nan where nothing is.

    >>> means(np.array([[1.0, np.nan], [np.nan, np.nan]])).tolist()
    [1.0, nan]
    """
    known = ~np.isnan(values)
    count = known.sum(1)
    sums, nothing = np.where(known, values, 0).sum(1), np.full(len(values), np.nan)
    found: Array = np.divide(sums, count, out=nothing, where=count > 0)
    return found


def parts(draws: int, detections: int) -> Iterator[slice]:
    """The drawings in lots that keep memory small."""
    size = max(1, AT_ONCE // max(1, detections))
    return (slice(first, first + size) for first in range(0, draws, size))
