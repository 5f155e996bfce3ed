import numpy as np
import pytest

from of_pycocotools import Scene, scene
from striate.ops.average_precision import coco_figures
from striate.ops.error_budget import KINDS, NO_PARTNER, costs, errors, precision_without
from striate.ops.object_hits import box_overlap, object_hits

A, B, FAR = (0, 0, 100, 100), (200, 0, 300, 100), (400, 400, 500, 500)
BESIDE_A = (50, 0, 150, 100)  # IoU 1/3 with A


def drawn(there: list, found: list, classes: int = 2, crowds=()) -> Scene:
    """One picture. there: class and box; found: class, box, score."""
    boxes = np.array([box for _, box in there], np.float64).reshape(-1, 4)
    others = np.array([box for _, box, _ in found], np.float64).reshape(-1, 4)
    labels, found_labels = (np.array([each[0] for each in of], np.int64) for of in (there, found))
    crowd = np.array([n in crowds for n in range(len(there))], bool)
    score = np.array([score for *_, score in found], np.float64)
    return Scene(1, classes, boxes, labels * 0, labels, crowd, others, found_labels * 0, found_labels, score)


def overlap_of(given: Scene):
    return box_overlap(given.found, given.boxes, given.crowd)


def errors_of(given: Scene):
    return errors(given.detections, given.objects, overlap_of(given))


def kinds(given: Scene) -> list[str]:
    return [KINDS[kind] if kind >= 0 else {-1: "right", -2: "ignored"}[kind] for kind in errors_of(given).kind]


def costs_of(given: Scene) -> dict[str, float]:
    return costs(given.detections, given.objects, errors_of(given), given.classes)


def fixed(given: Scene, *which: str) -> float:
    return precision_without(given.detections, given.objects, errors_of(given), given.classes, which)


@pytest.mark.parametrize(
    ("there", "found", "expected"),
    [
        ([(0, A)], (0, A, 0.9), "right"),
        ([(0, A)], (1, A, 0.9), "class"),
        ([(0, A)], (0, BESIDE_A, 0.9), "place"),
        ([(0, A)], (1, BESIDE_A, 0.9), "both"),
        ([(0, A)], (0, FAR, 0.9), "background"),
        ([], (0, A, 0.9), "background"),
        ([(1, B)], (0, A, 0.9), "background"),
        ([(1, A), (0, BESIDE_A)], (0, A, 0.9), "place"),  # before class, as in TIDE's code
    ],
)
def test_each_kind_of_error(there, found, expected):
    assert kinds(drawn(there, [found])) == [expected]


def test_the_second_at_an_object_is_double_and_one_in_a_crowd_is_ignored():
    assert kinds(drawn([(0, A)], [(0, A, 0.8), (0, A, 0.9)])) == ["double", "right"]
    assert kinds(drawn([(0, A), (0, B)], [(0, B, 0.8), (0, B, 0.9)], crowds=[1])) == ["ignored", "ignored"]


def test_what_an_error_is_about():
    given = drawn([(0, A), (1, B)], [(1, A, 0.9), (1, BESIDE_A, 0.8), (0, FAR, 0.7), (1, B, 0.6)])
    found = errors_of(given)
    assert found.concerned.tolist() == [0, 0, NO_PARTNER, 1]
    assert found.iou == pytest.approx([1, 1 / 3, 0, 1])


def test_a_wrong_class_costs_what_its_object_would_bring():
    """Class 0: nothing found, and 1 if mended; class 1: the hit is behind a false one, so 1/2, and 1 if mended."""
    given = drawn([(0, A), (1, B)], [(1, A, 0.9), (1, B, 0.8)])
    assert fixed(given) == pytest.approx((0 + 1 / 2) / 2)
    assert costs_of(given) == pytest.approx(dict.fromkeys(KINDS, 0) | {"class": 1 - 1 / 4})


def test_the_best_scored_of_several_mends_an_object_and_the_others_go():
    given = drawn([(0, A)], [(0, BESIDE_A, 0.9), (0, (0, 50, 100, 150), 0.8)], classes=1)
    assert errors_of(given).mends.tolist() == [True, False]
    assert costs_of(given) == pytest.approx(dict.fromkeys(KINDS, 0) | {"place": 1})


def test_what_is_badly_placed_where_a_hit_is_already_only_goes():
    given = drawn([(0, A)], [(0, BESIDE_A, 0.9), (0, A, 0.8)], classes=1)
    assert kinds(given) == ["place", "right"]
    assert not errors_of(given).mends.any()
    assert costs_of(given) == pytest.approx(dict.fromkeys(KINDS, 0) | {"place": 1 / 2})


def test_a_false_one_in_front_and_a_missed_one_cost_their_halves():
    """Two objects, one found behind a false one: precision 1/2 up to a recall of 1/2, 51 of 101 points."""
    given = drawn([(0, A), (0, B)], [(0, FAR, 0.9), (0, A, 0.8)], classes=1)
    found = costs_of(given)
    assert fixed(given) == pytest.approx(51 / 101 / 2)
    assert found["background"] == pytest.approx(51 / 101 / 2)
    assert found["missed"] == pytest.approx(1 / 2 - 51 / 101 / 2)
    assert errors_of(given).count() == dict.fromkeys(KINDS, 0) | {"background": 1, "missed": 1}


def test_an_object_that_a_wrong_class_would_mend_is_not_missed():
    assert errors_of(drawn([(0, A)], [(1, A, 0.9)])).missed.tolist() == [False]
    assert errors_of(drawn([(0, A)], [(1, BESIDE_A, 0.9)])).missed.tolist() == [True]


def test_a_class_that_is_missed_altogether_lacks_nothing_else():
    given = drawn([(0, A), (1, B)], [(0, A, 0.9)])
    assert costs_of(given) == pytest.approx(dict.fromkeys(KINDS, 0) | {"missed": 1 / 2})


def test_nothing_there_costs_nothing_that_is_known():
    assert np.isnan(fixed(drawn([], [(0, A, 0.9)])))


@pytest.mark.parametrize("seed", range(8))
def test_without_any_error_all_is_perfect_and_with_all_it_is_the_average_precision(seed):
    given = scene(seed, classes=1 + seed % 4, crowds=0.1 * (seed % 2), digits=9)
    hits = object_hits(given.detections, given.objects, overlap_of(given), given.pictures, given.classes)
    assert fixed(given) == pytest.approx(coco_figures(hits)["map50"], abs=1e-12)
    assert fixed(given, *KINDS) == pytest.approx(1)
    for kind, cost in costs_of(given).items():
        assert 0 <= cost <= 1 - fixed(given)
        assert fixed(given, kind) == pytest.approx(fixed(given) + cost)
    found = errors_of(given)
    assert sum(found.count().values()) == (found.kind >= 0).sum() + found.missed.sum()
    assert ((found.kind == -1).sum() + found.mends.sum() + found.missed.sum()) == (~given.crowd).sum()
