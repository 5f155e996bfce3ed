"""Which points learn which box, worked by hand on a few points."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from striate.models.detection.assignment import assigned, padded


class Given(NamedTuple):
    boxes: Tensor
    labels: Tensor
    picture: Tensor
    ignored: Tensor
    pictures: int


def truth(*rows: tuple[int, tuple[float, float, float, float], int, bool], pictures: int) -> Given:
    picture, boxes, labels, ignored = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Given(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(labels, dtype=torch.int64),
        torch.tensor(picture, dtype=torch.int64),
        torch.tensor(ignored, dtype=torch.bool),
        pictures,
    )


POINTS = torch.tensor([[4.0, 4], [12, 4], [4, 12], [12, 12]])
CELLS = torch.tensor([[[0.0, 0, 8, 8], [8, 0, 16, 8], [0, 8, 8, 16], [8, 8, 16, 16]]])
EVEN = torch.full((1, 4, 2), 0.5)


def test_padding_lists_boxes_by_picture_without_empty_ones() -> None:
    rows = [(0, (0, 0, 4, 4), 1, False), (2, (1, 1, 1, 3), 0, False), (2, (0, 0, 2, 2), 0, True)]
    found = padded(truth(*rows, pictures=3))
    assert found.boxes.tolist() == [[[0, 0, 4, 4]], [[0, 0, 0, 0]], [[0, 0, 2, 2]]]
    assert found.labels.tolist() == [[1], [0], [0]]
    assert found.real.tolist() == [[True], [False], [False]]
    assert found.ignored.tolist() == [[False], [False], [True]]


def test_a_point_that_answers_a_box_exactly_learns_its_class_in_full() -> None:
    asked = assigned(EVEN, CELLS, POINTS, padded(truth((0, (8, 0, 16, 8), 1, False), pictures=1)))
    assert asked.weights[0].tolist() == [0, 1, 0, 0]
    assert asked.scores[0].tolist() == [[0, 0], [0, 1], [0, 0], [0, 0]]
    assert asked.boxes[0, 1].tolist() == [8, 0, 16, 8]
    assert asked.judged.all()


def test_points_learn_a_box_in_the_measure_in_which_they_answer_it() -> None:
    # The box holds the middles of the upper two cells and overlaps each by half: 64 of 128 pixels.
    scores = torch.tensor([[[0.5, 0.0], [0.25, 0.0], [0.5, 0.0], [0.5, 0.0]]])
    asked = assigned(scores, CELLS, POINTS, padded(truth((0, (0, 0, 16, 8), 0, False), pictures=1)))
    assert asked.weights[0].tolist() == [0.5, 0.25, 0, 0]  # the best has its overlap, the others in proportion


def test_a_point_in_two_boxes_learns_the_one_that_it_overlaps_most() -> None:
    rows = [(0, (0, 0, 16, 16), 0, False), (0, (0, 0, 8, 9), 1, False)]
    asked = assigned(EVEN, CELLS, POINTS, padded(truth(*rows, pictures=1)))
    assert asked.scores[0, 0].argmax() == 1
    assert asked.boxes[0, 0].tolist() == [0, 0, 8, 9]
    assert (asked.weights[0, 1:] > 0).all()
    assert asked.scores[0, 1:].argmax(1).tolist() == [0, 0, 0]


def test_an_object_between_points_is_learned_by_the_closest() -> None:
    asked = assigned(EVEN, CELLS, POINTS, padded(truth((0, (6, 5, 7, 6), 0, False), pictures=1)))
    assert (asked.weights[0] > 0).tolist() == [True, False, False, False]


def test_points_in_an_ignored_box_alone_are_not_judged() -> None:
    rows = [(0, (8, 0, 16, 16), 0, True), (0, (8, 0, 16, 8), 1, False)]
    asked = assigned(EVEN, CELLS, POINTS, padded(truth(*rows, pictures=1)))
    assert asked.judged[0].tolist() == [True, True, True, False]
    assert asked.weights[0].tolist() == [0, 1, 0, 0]


def test_a_picture_without_boxes_asks_for_background_everywhere() -> None:
    asked = assigned(EVEN, CELLS, POINTS, padded(truth(pictures=1)))
    assert not asked.scores.any()
    assert not asked.weights.any()
    assert asked.judged.all()
