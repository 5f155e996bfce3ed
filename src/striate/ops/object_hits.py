"""Which detections are hits: COCO's matching of what was found with what is there, done once for each picture.

D detections and M objects in N pictures of K classes, A ranges of area, T thresholds of IoU.
Source: github.com/cocodataset/cocoapi, `COCOeval`, whose order of ties is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from striate.answers.tiled_boxes import area, both

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Overlap = Callable[[Rows, Rows], Array]
"""Of detections and objects by their rows: the IoU of each with each, as `box_overlap` has it; masks have their own."""

THRESHOLDS: Array = np.linspace(0.5, 0.95, 10)
"""Of IoU, from which a detection hits; the mean over them is COCO's average precision."""
AREAS = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
"""Ranges of area in pixels of the files, both ends included."""
HIT, FALSE, NEITHER = 1, 0, -1
NO_PARTNER = -1


class Detections(NamedTuple):
    """What was found. picture, label: int64 (D,). area: px, score: float64 (D,)."""

    picture: Rows
    label: Rows
    area: Array
    score: Array


class Objects(NamedTuple):
    """What is there. picture, label: int64 (M,). area: px, (M,). ignored: neither to be found nor false, (M,)."""

    picture: Rows
    label: Rows
    area: Array
    ignored: Flags


@dataclass(frozen=True, eq=False)
class Hits:
    """D detections, by picture, then class, then score, and what came of each; all figures are made of it.

    picture, label: int64 (D,). score: float64 (D,). rank: among those of its picture and class, from 0, int64 (D,).
    outcome: HIT, FALSE or NEITHER at each range of area and threshold, int8 (D, A, T). present: objects to be found,
    int64 (N, A, K).
    """

    picture: Rows
    label: Rows
    score: Array
    rank: Rows
    outcome: npt.NDArray[np.int8]
    present: Rows

    @property
    def pictures(self) -> int:
        """How many there are."""
        return len(self.present)

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.present.shape[2])

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Those of several lots of pictures, one behind the other."""
        first = np.cumsum([0, *(part.pictures for part in parts)])
        return cls(
            picture=np.concatenate([part.picture + before for part, before in zip(parts, first, strict=False)]),
            label=np.concatenate([part.label for part in parts]),
            score=np.concatenate([part.score for part in parts]),
            rank=np.concatenate([part.rank for part in parts]),
            outcome=np.concatenate([part.outcome for part in parts]),
            present=np.concatenate([part.present for part in parts]),
        )


class Group(NamedTuple):
    """Detections of one class in one picture, and its objects. found: places in their order. detections: rows."""

    found: slice
    detections: Rows
    objects: Rows


def object_hits(found: Detections, truth: Objects, overlap: Overlap, pictures: int, classes: int) -> Hits:
    """Match all detections with the objects of their picture and class, the best-scored first.

    Each takes the object that it overlaps most among those that it may take: no other has it, the IoU is at least the
    threshold. Objects that are ignored, or outside the range of area, are taken where no other can be; any number of
    detections may take an `ignored` one. What took such an object, or none and is itself outside the range, is NEITHER.

    >>> two = np.zeros(2, np.int64)
    >>> found = Detections(two, two, np.array([4.0, 4.0]), np.array([0.5, 0.9]))
    >>> truth = Objects(two[:1], two[:1], np.array([4.0]), np.array([False]))
    >>> object_hits(found, truth, lambda d, m: np.array([[0.8], [0.6]]), 1, 1).outcome[:, 0].sum(1).tolist()
    [7, 0]
    """
    order = ordered(found, classes)
    low, high = np.array(list(AREAS.values())).T
    outside = (found.area[order, None] < low) | (found.area[order, None] > high)  # (D, A)
    outcome = np.repeat(np.where(outside, NEITHER, FALSE).astype(np.int8)[..., None], len(THRESHOLDS), 2)
    out_of_range = (truth.area[:, None] < low) | (truth.area[:, None] > high) | truth.ignored[:, None]  # (M, A)
    for group in groups(found, truth, order, classes):
        ignored = out_of_range[group.objects].T
        partner = partners(overlap(group.detections, group.objects), ignored, truth.ignored[group.objects], THRESHOLDS)
        passed = np.take_along_axis(ignored[None], partner.clip(0), 2)  # (d, A, T); of no partner, whatever it is
        outcome[group.found] = np.where(partner == NO_PARTNER, outcome[group.found], np.where(passed, NEITHER, HIT))
    present = np.zeros((pictures, len(AREAS), classes), np.int64)
    row, area = np.nonzero(~out_of_range)
    np.add.at(present, (truth.picture[row], area, truth.label[row]), 1)
    columns = found.picture[order], found.label[order], found.score[order]
    return Hits(*columns, ranks(*columns[:2], classes), outcome, present)


def ordered(found: Detections, classes: int) -> Rows:
    """Rows by picture, then class, then score, the first of equal ones first."""
    return np.lexsort((-found.score, found.picture * classes + found.label)).astype(np.int64)


def ranks(picture: Rows, label: Rows, classes: int) -> Rows:
    """The place of each detection among those of its picture and class, which stand together.

    >>> ranks(np.array([0, 0, 0, 1]), np.array([1, 1, 2, 2]), 3).tolist()
    [0, 1, 0, 0]
    """
    _, first, count = np.unique(picture * classes + label, return_index=True, return_counts=True)
    places: Rows = np.arange(len(picture)) - np.repeat(first, count)
    return places


def groups(found: Detections, truth: Objects, order: Rows, classes: int) -> Iterator[Group]:
    """What may be matched with each other: detections and objects of one class in one picture, where there are both."""
    of_found = (found.picture * classes + found.label)[order]
    of_truth = truth.picture * classes + truth.label
    by_group = np.argsort(of_truth, kind="stable")
    keys = np.intersect1d(of_found, of_truth)
    here = np.stack([np.searchsorted(of_found, keys, side) for side in ("left", "right")], 1).tolist()
    there = np.stack([np.searchsorted(of_truth[by_group], keys, side) for side in ("left", "right")], 1).tolist()
    for (first, end), (start, stop) in zip(here, there, strict=True):
        yield Group(slice(first, end), order[first:end], by_group[start:stop])


def by_picture(found: Detections, truth: Objects) -> Iterator[Group]:
    """Detections, best-scored first, and objects of each picture that has both, whatever their classes."""
    found, truth = found._replace(label=np.zeros_like(found.label)), truth._replace(label=np.zeros_like(truth.label))
    return groups(found, truth, ordered(found, 1), 1)


def partners(overlaps: Array, ignored: Flags, shared: Flags, thresholds: Array) -> Rows:
    """The object that each detection takes, or NO_PARTNER, int64 (D, A, T).

    overlaps: IoU (D, M), best-scored first. ignored: taken only where no other can be, (A, M). shared: those that
    several may take, (M,).

    >>> nothing = np.zeros((1, 2), bool)
    >>> partners(np.array([[0.6, 0.8], [0.2, 0.9]]), nothing, nothing[0], np.array([0.5]))[:, 0, 0].tolist()
    [1, -1]
    """
    least = np.minimum(thresholds, 1 - 1e-10)[:, None]  # as COCOeval has it, so that rounding costs no hit
    taken = np.full((len(overlaps), len(ignored), len(thresholds)), NO_PARTNER, np.int64)
    free = np.ones((len(ignored), len(thresholds), overlaps.shape[1]), np.bool_)
    near = overlaps >= least.min()
    for place in np.flatnonzero(near.any(1)).tolist():
        objects = np.flatnonzero(near[place])[::-1]  # backwards: of equal ones COCOeval takes the last
        own = overlaps[place, objects]
        possible = free[..., objects] & (own >= least)  # (A, T, objects)
        wanted = possible & ~ignored[:, None, objects]
        pool = np.where(wanted.any(-1, keepdims=True), wanted, possible)
        best = objects[np.where(pool, own, -1.0).argmax(-1)]
        takes = pool.any(-1)
        taken[place] = np.where(takes, best, NO_PARTNER)
        area, threshold = np.nonzero(takes & ~shared[best])
        free[area, threshold, best[area, threshold]] = False
    return taken


def box_overlap(found: Array, boxes: Array, ignored: Flags) -> Overlap:
    """IoU of boxes; with an ignored one, the share of what was found that lies in it, as COCO has it of crowds.

    found: (D, 4), boxes: (M, 4), left, top, right and bottom edges.

    >>> one = np.array([[0.0, 0, 2, 2]])
    >>> iou = box_overlap(one, np.array([[0.0, 0, 4, 2], [0, 0, 4, 2]]), np.array([False, True]))
    >>> iou(np.array([0]), np.array([0, 1])).tolist()
    [[0.5, 1.0]]
    """

    areas, object_areas = area(found), area(boxes)

    def overlap(detections: Rows, objects: Rows) -> Array:
        one, other = found[detections][:, None], boxes[objects]
        shared = area(both(one, other))
        own = areas[detections][:, None]
        either = np.where(ignored[objects], own, own + object_areas[objects] - shared)
        return np.asarray(shared / np.maximum(either, np.finfo(np.float64).tiny))

    return overlap
