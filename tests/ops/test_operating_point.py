import numpy as np
import pytest

from striate.ops.object_hits import AREAS, Hits
from striate.ops.operating_point import Advice, advised, best_threshold, precision_recall


def hits(label, score, outcome, present) -> Hits:
    """Detections of one picture. outcome: 1 a hit, 0 false, -1 neither. present: objects of each class."""
    count = len(label)
    outcomes = np.broadcast_to(np.array(outcome, np.int8)[:, None, None], (count, len(AREAS), 10))
    there = np.broadcast_to(np.array(present)[None, None], (1, len(AREAS), len(present)))
    zeros = np.zeros(count, np.int64)
    return Hits(zeros, np.array(label), np.array(score, np.float64), zeros, outcomes, there)


FOUND = hits([0, 0, 0, 0, 1], [0.9, 0.7, 0.7, 0.3, 0.8], [1, 0, 1, 0, 0], [3, 1, 0])


def test_equal_scores_are_one_point():
    curve = precision_recall(FOUND, 0)
    assert curve.score.tolist() == [0.9, 0.7, 0.3]
    assert curve.precision == pytest.approx([1, 2 / 3, 2 / 4])
    assert curve.recall == pytest.approx([1 / 3, 2 / 3, 2 / 3])


def test_what_is_neither_counts_nowhere():
    assert precision_recall(hits([0, 0], [0.9, 0.8], [-1, 1], [1]), 0).precision.tolist() == [1]


def test_all_classes_together():
    curve = precision_recall(FOUND)
    assert curve.score.tolist() == [0.9, 0.8, 0.7, 0.3]
    assert curve.recall == pytest.approx([1 / 4, 1 / 4, 2 / 4, 2 / 4])


def test_the_best_threshold_is_halfway_to_what_is_left_out():
    assert advised(FOUND)[0] == pytest.approx(Advice(0.5, 2 / 3, 2 / 3, 2 / 3))


def test_nothing_is_advised_where_nothing_was_hit_or_is_there():
    assert advised(FOUND)[1:] == [None, None]
    assert len(precision_recall(FOUND, 2).score) == 0
    assert best_threshold(precision_recall(hits([], [], np.zeros(0), [0]))) is None
