"""Objects found in tiles, put together: against what an eye that misses nothing sees in each tile."""

from __future__ import annotations

import numpy as np
import pytest

from striate.answers.classes import Prediction
from striate.answers.detections import Detected, Detections, joined
from striate.answers.tiles import tiles_of

SIZE, TILE = (300, 400), (128, 128)
NAMES = ("ant", "bee")


def seen_in_tiles(boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray | None = None, least: float = 0.1):
    """Tiles with what is in them: every object of which a share, at least, lies in the tile, cut at its edges."""
    parts = []
    for tile in tiles_of(SIZE, TILE):
        height, width = tile.size
        origin = np.tile([tile.left, tile.top], 2)
        found = []
        for place, (box, label) in enumerate(zip(boxes, labels, strict=True)):
            inside = (box - origin).clip(0, (width, height, width, height))
            wide, high = inside[2:] - inside[:2]
            if wide * high >= least * np.prod(box[2:] - box[:2]) and wide > 0 < high:
                score = 0.9 if scores is None else float(scores[place])
                shares = tuple((inside / (width, height, width, height)).tolist())
                found.append(Detected(NAMES[label], score, shares, int(label)))
        parts.append((tile, Detections("a.png", tuple(found))))
    return parts


def boxes_of(answer: Detections) -> np.ndarray:
    return np.array([each.box_at(*SIZE) for each in answer.objects]).reshape(-1, 4)


def scattered(seed: int, sides: tuple[float, float], count: int) -> np.ndarray:
    """Boxes in the picture that do not touch."""
    random, boxes = np.random.default_rng(seed), list[np.ndarray]()
    while len(boxes) < count:
        wide, high = random.uniform(*sides, 2)
        left, top = random.uniform(0, SIZE[1] - wide), random.uniform(0, SIZE[0] - high)
        box = np.array([left, top, left + wide, top + high])
        if all((np.maximum(box, each)[:2] >= np.minimum(box, each)[2:]).any() for each in boxes):
            boxes.append(box)
    return np.array(boxes)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("sides", "count"), [((6, 31), 25), ((60, 140), 3)])
def test_every_object_comes_back_once_where_it_is(seed, sides, count):
    """Small ones are whole in a tile; of large ones, cut in all of them, the parts are put together."""
    boxes = scattered(seed, sides, count)
    labels = np.random.default_rng(seed).integers(0, 2, count)
    answer = joined("a.png", SIZE, seen_in_tiles(boxes, labels))
    found = boxes_of(answer)
    assert len(found) == count
    order = np.lexsort(found.T)
    expected = np.lexsort(boxes.T)
    np.testing.assert_allclose(found[order], boxes[expected], atol=1e-6)
    assert [answer.objects[n].number for n in order.tolist()] == labels[expected].tolist()


def test_two_classes_in_one_place_stay_two_and_the_best_comes_first():
    boxes = np.array([[110.0, 110, 130, 130], [110, 110, 130, 130], [300, 20, 320, 40]])
    answer = joined("a.png", SIZE, seen_in_tiles(boxes, np.array([0, 1, 0]), np.array([0.4, 0.8, 0.6])))
    assert [(each.label, each.score) for each in answer.objects] == [("bee", 0.8), ("ant", 0.6), ("ant", 0.4)]


def test_neighbours_within_a_tile_stay_apart():
    boxes = np.array([[100.0, 100, 118, 120], [104, 100, 122, 120]])  # an IoU of 0.64, as the network has it
    assert len(joined("a.png", SIZE, seen_in_tiles(boxes, np.array([0, 0]))).objects) == 2


def test_a_whole_object_is_taken_before_a_surer_part_of_it():
    first, second, *others = seen_in_tiles(np.zeros((0, 4)), np.zeros(0, np.int64))
    assert (first[0].left, second[0].left) == (0, 96)
    whole = Detected("ant", 0.5, (84 / 128, 0.2, 120 / 128, 0.4), 0)  # 84 to 120 in the picture
    part = Detected("ant", 0.9, (0.0, 0.2, 24 / 128, 0.4), 0)  # 96 to 120
    parts = [(first[0], Detections("a.png", (whole,))), (second[0], Detections("a.png", (part,))), *others]
    (only,) = joined("a.png", SIZE, parts).objects
    assert only.score == 0.5
    assert only.box_at(*SIZE) == pytest.approx((84, 25.6, 120, 51.2))


def test_nothing_and_tiles_without_an_answer():
    empty = seen_in_tiles(np.zeros((0, 4)), np.zeros(0, np.int64))
    assert joined("a.png", SIZE, empty).objects == ()
    broken = Prediction("a.png", None, None, (), "no numbers")
    assert joined("a.png", SIZE, [*empty, (empty[0][0], broken)]) is broken
