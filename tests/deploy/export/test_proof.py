"""How a file's numbers are judged against the network's."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.deploy.export.proof import CLOSE, Comparison
from striate.tasks import TASKS


def compared(expected: Any, found: Any, close: float = CLOSE["bf16"], task: str = "classification") -> Comparison:
    comparison = Comparison(TASKS[task], close)
    names = [str(number) for number in range(len(expected))]
    comparison.add(names, np.array(expected, np.float32), np.array(found, np.float32))
    return comparison


def test_rounding_is_judged_by_the_largest_logit_of_a_batch() -> None:
    sure, unsure = [32.0, 0.0], [0.5, 0.0]
    near = compared([sure, unsure], [sure, [0.1, 0.3]])
    assert near.agrees and near.near_ties == ["1"] and near.largest == np.float32(0.4)
    alone = compared([unsure], [[0.1, 0.3]])
    assert not alone.agrees and alone.others == ["0"]


def test_what_is_far_is_refused_whatever_the_class() -> None:
    assert not compared([[32.0, 0.0]], [[30.0, 0.0]]).agrees
    assert not compared([[32.0, 0.0]], [[float("nan"), 0.0]]).agrees


def located(*answers: list[float]) -> list[list[list[float]]]:
    """Of one picture: for each class its logit and the edges of its box."""
    return [list(answers)]


def test_boxes_are_judged_as_boxes_and_classes_by_their_logits() -> None:
    """The likeliest among edges is no answer, and a box may not be off by a share of a large logit."""
    cat, dog, moved = [90.0, 0.1, 0.2, 0.5000, 0.5001], [3.0, 0, 0, 1, 1], [90.0, 0.1, 0.2, 0.5002, 0.5001]
    edges = compared(located(cat, dog), located(moved, dog), task="localisation")
    assert edges.agrees and not edges.near_ties  # of its edges another one is the largest now
    far = compared(located(cat, dog), located([90.0, 0.1, 0.2, 0.8, 0.5001], dog), task="localisation")
    assert far.apart and not far.agrees and not far.others
    swapped = compared(located(cat, dog), located(dog, cat), task="localisation")
    assert swapped.others == ["0"]


def test_a_pixel_of_another_class_is_another_answer() -> None:
    one, other = [[[[9.0, 9.0]], [[0.0, 0.0]]]], [[[[9.0, 0.0]], [[0.0, 9.0]]]]
    assert compared(one, one, task="segmentation").agrees
    assert compared(one, other, task="segmentation").others == ["0"]
