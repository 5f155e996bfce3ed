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


CAT, DOG = [0.1, 0.1, 0.5, 0.5, 0.9, 0.0], [0.5, 0.5, 0.9, 0.9, 0.6, 1.0]
NONE = [0.0] * 6


def found(*rows: list[float]) -> list[list[list[float]]]:
    """The objects of one picture, best first, in three rows."""
    return [[*rows, *[NONE] * (3 - len(rows))]]


def moved(row: list[float], **to: float) -> list[float]:
    fields = dict(zip(("left", "top", "right", "bottom", "score", "label"), row, strict=True))
    return list((fields | to).values())


def test_objects_are_the_same_ones_in_whatever_order() -> None:
    same = compared(found(CAT, DOG), found(moved(DOG, score=0.61), CAT), task="detection")
    assert same.agrees and not same.near_ties and same.largest == np.float64(np.float32(0.61) - np.float32(0.6))
    assert compared(found(), found(), task="detection").agrees


def test_an_object_that_is_lost_moved_renamed_or_doubted_is_another_answer() -> None:
    for other in (
        found(CAT),
        found(CAT, DOG, moved(DOG, left=0.0, right=0.2)),
        found(CAT, moved(DOG, left=0.6)),
        found(CAT, moved(DOG, label=0.0)),
        found(CAT, moved(DOG, bottom=float("nan"))),
    ):
        refused = compared(found(CAT, DOG), other, task="detection")
        assert refused.others == ["0"] and not refused.agrees
    doubted = compared(found(CAT, DOG), found(CAT, moved(DOG, score=0.5)), task="detection")
    assert doubted.apart and not doubted.others
    unsure = [moved(CAT, score=score) for score in (0.25, 0.1)]  # of what is not shown the best score counts
    assert compared(found(unsure[0]), found(unsure[1]), task="detection").apart


def test_what_rounding_may_have_suppressed_is_a_near_tie() -> None:
    rival = moved(DOG, left=0.55, right=0.95, score=0.59)
    exchanged = compared(found(CAT, DOG), found(CAT, moved(rival, score=0.6)), task="detection")
    assert exchanged.near_ties == [] and exchanged.others == ["0"]  # of two objects one is no rarity
    crowd = [[*CAT[:4], 0.8 - place / 100, place] for place in range(2, 18)]
    one, other = ([[CAT, DOG, *crowd]], [[CAT, moved(rival, score=0.6), *crowd]])
    tie = compared(one, other, task="detection")
    assert tie.near_ties == ["0"] and not tie.others
    assert compared(one, [[CAT, moved(rival, score=0.2), *crowd]], task="detection").others == ["0"]


def test_int8_is_asked_for_no_single_object() -> None:
    assert compared(found(CAT, DOG), found(moved(CAT, left=0.3)), CLOSE["int8"], task="detection").agrees


def test_masks_are_compared_of_the_objects_that_both_ways_have() -> None:
    """By the mean of how far their cells are apart, so that one cell of many may be."""
    cells, other = np.linspace(0, 1, 784).tolist(), np.linspace(1, 0, 784).tolist()
    unsure, little = moved(DOG, score=0.2), [0.5, *cells[1:]]
    ours = [[[*CAT, *cells], [*unsure, *cells]]]
    for row, fits in ((cells, True), (little, True), (other, False), ([float("nan"), *cells[1:]], False)):
        found_so = compared(ours, [[[*CAT, *row], [*unsure, *cells]]], CLOSE["fp32"], task="instances")
        assert found_so.agrees == fits
        assert not found_so.others
    of_what_is_not_shown = compared(ours, [[[*CAT, *cells], [*unsure, *other]]], CLOSE["fp32"], task="instances")
    assert of_what_is_not_shown.agrees
    renamed = compared(ours, [[[*moved(CAT, label=1.0), *cells]]], CLOSE["fp32"], task="instances")
    assert renamed.others == ["0"]
