import numpy as np
import pytest

from of_pycocotools import areas, scene
from striate.ops.object_hits import Detections, Objects, box_overlap
from striate.ops.voc_precision import voc_precision

NONE = np.zeros(0)


def figures(boxes, found, scores, difficult=()):
    """Of one class in one picture."""
    boxes, found = np.array(boxes, np.float64).reshape(-1, 4), np.array(found, np.float64).reshape(-1, 4)
    ignored = np.array([n in difficult for n in range(len(boxes))])
    truth = Objects(np.zeros(len(boxes), np.int64), np.zeros(len(boxes), np.int64), areas(boxes), ignored)
    zeros = np.zeros(len(found), np.int64)
    detections = Detections(zeros, zeros, areas(found), np.array(scores, np.float64))
    eleven, every = voc_precision(detections, truth, box_overlap(found, boxes, np.zeros(len(boxes), bool)), classes=1)
    return eleven[0], every[0]


A, B = (0, 0, 10, 10), (20, 0, 30, 10)
NEAR_A = (0, 0, 10, 9)


def test_both_found_behind_a_false_one():
    """Precision 1/2 at a recall of 1/2, 2/3 at 1: the best is 2/3 at every recall."""
    assert figures([A, B], [(50, 50, 60, 60), A, B], [0.9, 0.8, 0.7]) == pytest.approx((2 / 3, 2 / 3))


def test_one_of_two_found():
    assert figures([A, B], [A], [0.9]) == pytest.approx((6 / 11, 1 / 2))


def test_the_second_at_an_object_is_wrong():
    assert figures([A], [A, NEAR_A], [0.9, 0.8]) == pytest.approx((1, 1))
    assert figures([A, B], [A, NEAR_A, B], [0.9, 0.8, 0.7]) == pytest.approx(((6 + 5 * 2 / 3) / 11, 1 / 2 + 1 / 3))


def test_a_detection_is_not_passed_on_to_an_object_that_it_overlaps_less():
    """COCO would have it hit the other one; VOC asks about the nearest only."""
    other = (0, 0, 10, 16)
    assert figures([A, other], [A, NEAR_A], [0.9, 0.8]) == pytest.approx((6 / 11, 1 / 2))


def test_difficult_objects_cost_nothing_however_often_they_are_found():
    assert figures([A, B], [B, B, A], [0.9, 0.8, 0.7], difficult=[1]) == pytest.approx((1, 1))
    assert np.isnan(figures([A], [A], [0.9], difficult=[0])).all()


def test_nothing_found():
    assert figures([A], NONE, NONE) == (0, 0)


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_the_development_kit_followed_line_by_line(seed):
    given = scene(seed, pictures=8, crowds=0.2, digits=9)
    plain = box_overlap(given.found, given.boxes, np.zeros_like(given.crowd))
    eleven, every = voc_precision(given.detections, given.objects, plain, given.classes)
    for label in range(given.classes):
        expected = kit(given, label, plain)
        assert (eleven[label], every[label]) == pytest.approx(expected)


def kit(given, label, overlap) -> tuple[float, float]:
    """VOCevaldet.m, its loop and its two integrals."""
    taken, hits, false = set(), [], []
    for row in np.argsort(-np.where(given.found_label == label, given.score, -1)):
        if given.found_label[row] != label:
            continue
        there = np.flatnonzero((given.picture == given.found_picture[row]) & (given.label == label))
        overlaps = overlap(np.array([row]), there)[0].tolist()
        best = max(range(len(there)), key=overlaps.__getitem__, default=None)
        right = best is not None and overlaps[best] >= 0.5
        if right and given.crowd[there[best]]:
            hits.append(0), false.append(0)
            continue
        right = right and there[best] not in taken
        hits.append(int(right)), false.append(int(not right))
        if right:
            taken.add(there[best])
    recall = np.cumsum(hits) / ((given.label == label) & ~given.crowd).sum()
    precision = np.cumsum(hits) / np.maximum(np.cumsum(hits) + np.cumsum(false), 1)
    eleven = sum(
        max([p for r, p in zip(recall, precision, strict=True) if r >= t], default=0) for t in np.arange(11) / 10
    )
    r, p = [0, *recall, 1], [0, *precision, 0]
    for place in range(len(p) - 2, -1, -1):
        p[place] = max(p[place], p[place + 1])
    return eleven / 11, sum((r[n + 1] - r[n]) * p[n + 1] for n in range(len(r) - 1))
