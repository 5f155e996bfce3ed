import numpy as np
import pytest

from of_pycocotools import Scene, areas, figures_of_pycocotools, scene
from striate.ops.average_precision import (
    average_precision,
    coco_figures,
    hits_needed,
    intervals,
    main_figures,
    recalls,
)
from striate.ops.masks import Runs, mask_iou
from striate.ops.object_hits import Detections, Hits, Objects, box_overlap, object_hits


def hits_of(given: Scene, **changed) -> Hits:
    return object_hits(
        given.detections, given.objects, box_overlap(given.found, given.boxes, given.crowd), given.pictures,
        given.classes, **changed,
    )  # fmt: skip


def of_pictures(given: Scene, first: int, end: int) -> Scene:
    there = (given.picture >= first) & (given.picture < end)
    found = (given.found_picture >= first) & (given.found_picture < end)
    columns = given.boxes[there], given.picture[there] - first, given.label[there], given.crowd[there]
    others = given.found[found], given.found_picture[found] - first, given.found_label[found], given.score[found]
    return Scene(end - first, given.classes, *columns, *others)


def agree(given: Scene) -> dict[str, float]:
    figures = coco_figures(hits_of(given))
    expected = figures_of_pycocotools(given)
    assert list(figures) == list(expected)
    for key, value in expected.items():
        assert figures[key] == pytest.approx(value, abs=1e-9, nan_ok=True), key
    return figures


@pytest.mark.parametrize("seed", range(20))
def test_figures_are_those_of_pycocotools(seed):
    found = agree(scene(seed, pictures=4 + seed, classes=1 + seed % 4, crowds=0.1 * (seed % 2)))
    assert 0.1 < found["map"] < 0.9


def test_figures_among_crowds_are_those_of_pycocotools():
    given = scene(1, crowds=0.5)
    assert agree(given) != coco_figures(hits_of(given._replace(crowd=np.zeros_like(given.crowd))))


def test_figures_where_scores_and_boxes_tie_are_those_of_pycocotools():
    given = scene(2, digits=1)
    twice = given._replace(
        boxes=given.boxes.repeat(2, 0),
        picture=given.picture.repeat(2),
        label=given.label.repeat(2),
        crowd=given.crowd.repeat(2),
    )
    assert len(np.unique(given.score)) <= 11
    agree(given)
    agree(twice)


def test_figures_with_classes_of_which_there_is_or_was_found_nothing_are_those_of_pycocotools():
    given = scene(3, classes=4)
    assert np.isfinite(agree(given._replace(classes=6))["map"])
    agree(given._replace(label=given.label % 3))  # found, but never there
    assert agree(given._replace(found_label=given.found_label % 3))["map"] < agree(given)["map"]


def test_figures_of_more_than_a_hundred_detections_are_those_of_pycocotools():
    given = scene(4, pictures=2, classes=1)
    chance = np.random.default_rng(0)
    corner = chance.uniform(0, 300, (400, 2))
    crowded = given._replace(
        found=np.concatenate([given.found, np.concatenate([corner, corner + 30], 1)]),
        found_picture=np.concatenate([given.found_picture, chance.integers(0, 2, 400)]),
        found_label=np.zeros(400 + len(given.found), np.int64),
        score=np.concatenate([given.score / 2, chance.random(400)]),
    )
    assert hits_of(crowded).rank.max() > 150
    agree(crowded)


def test_figures_of_pictures_without_objects_are_those_of_pycocotools():
    given = scene(5)
    bare = np.isin(given.picture, [0, 3, 7], invert=True)
    some = given._replace(
        boxes=given.boxes[bare], picture=given.picture[bare], label=given.label[bare], crowd=given.crowd[bare]
    )
    assert agree(some)["map"] < agree(given)["map"]


def test_figures_of_masks_are_those_of_pycocotools():
    given = scene(6, pictures=6, crowds=0.2)
    y, x = np.mgrid[:500, :500]

    def disc(box: np.ndarray) -> Runs:
        (across, down), middle = np.maximum(box[2:] - box[:2], 1) / 2, (box[:2] + box[2:] - 1) / 2
        return Runs.of_mask(((x - middle[0]) / across) ** 2 + ((y - middle[1]) / down) ** 2 <= 1)

    truth, found = (list(map(disc, boxes)) for boxes in (given.boxes, given.found))

    def overlap(detections, objects):
        return mask_iou([found[row] for row in detections], [truth[row] for row in objects], given.crowd[objects])

    detections = given.detections._replace(area=np.array([float(each.area) for each in found]))
    hits = object_hits(detections, given.objects, overlap, given.pictures, given.classes)
    texts = tuple([{"size": [500, 500], "counts": each.text()} for each in masks] for masks in (truth, found))
    expected = figures_of_pycocotools(given, "segm", texts)
    assert coco_figures(hits) == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert expected["map"] > 0.1


def test_nothing_found_and_nothing_there():
    given = scene(7)
    nothing = given._replace(
        found=given.found[:0], found_picture=given.found_picture[:0], found_label=given.found_label[:0],
        score=given.score[:0],
    )  # fmt: skip
    assert coco_figures(hits_of(nothing))["map"] == 0
    bare = nothing._replace(
        boxes=given.boxes[:0], picture=given.picture[:0], label=given.label[:0], crowd=given.crowd[:0]
    )
    assert all(np.isnan(value) for value in coco_figures(hits_of(bare)).values())
    assert np.isnan(intervals(hits_of(bare))["map"]).all()


def test_two_of_three_found_is_worked_by_hand():
    """A hit, a false one, a hit: precision 1 up to a recall of 1/3, 2/3 up to 2/3, nothing above."""
    boxes = np.array([[0, 0, 50, 50], [100, 0, 150, 50], [200, 0, 250, 50]], np.float64)
    found = np.stack([boxes[0], [0, 300, 50, 350], boxes[1]])
    zeros = np.zeros(3, np.int64)
    hits = object_hits(
        Detections(zeros, zeros, areas(found), np.array([0.9, 0.8, 0.7])),
        Objects(zeros, zeros, areas(boxes), zeros > 0),
        box_overlap(found, boxes, zeros > 0),
        pictures=1,
        classes=1,
    )
    assert average_precision(hits)[0, :, 0] == pytest.approx((34 * 1 + 33 * 2 / 3) / 101)
    assert recalls(hits)[:, 0] == pytest.approx(2 / 3)
    assert recalls(hits, most=1)[:, 0] == pytest.approx(1 / 3)


def test_lots_of_pictures_joined_are_the_whole():
    given = scene(8)
    whole, parts = hits_of(given), [hits_of(of_pictures(given, *ends)) for ends in ((0, 5), (5, 5), (5, 12))]
    joined = Hits.joined(parts)
    assert coco_figures(joined) == coco_figures(whole)
    assert intervals(joined) == intervals(whole)


def test_a_picture_drawn_twice_counts_as_two_pictures():
    given = scene(9, pictures=5, digits=9)
    hits = hits_of(given)
    times = np.array([2, 0, 1, 1, 3])
    drawn = Hits.joined([hits_of(of_pictures(given, n, n + 1)) for n in np.repeat(np.arange(5), times)])
    for area in ("all", "small"):
        expected = average_precision(drawn, area)
        assert average_precision(hits, area, times[None]) == pytest.approx(expected, abs=0.02, nan_ok=True)
    exact = main_figures(average_precision(hits, "all", np.full((3, 5), 1)))
    assert exact["map"] == pytest.approx([coco_figures(hits)["map"]] * 3)


def test_intervals_hold_the_figure_and_shrink_with_the_pictures():
    few, many = (hits_of(scene(10, pictures=count, classes=2)) for count in (10, 160))
    widths = []
    for hits in (few, many):
        low, high = intervals(hits)["map"]
        assert low < coco_figures(hits)["map"] < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert intervals(few) == intervals(few)
    assert intervals(few) != intervals(few, seed=1)


def test_hits_needed_are_the_fewest_that_reach_a_recall_in_floats():
    recall_points = np.linspace(0, 1, 101)
    for present in (1, 3, 29, 100, 1000, 12345):
        expected = np.searchsorted(np.arange(present + 1) / present, recall_points, side="left")
        assert hits_needed(np.array([present]))[0].tolist() == expected.tolist()
