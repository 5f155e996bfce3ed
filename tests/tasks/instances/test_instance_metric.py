"""Mask AP through the task's metric: pycocotools' segm figures, boxes beside, ignored objects, parts that merge."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from pycocotools import mask as pycoco
from torch import Tensor

from of_pycocotools import Scene, figures_of_pycocotools, scene
from striate.data.boxes.outlines import Outline, polygons
from striate.data.targets.boxes import BoxBatch
from striate.models.instances.instances import MASK_SIDE, Instances
from striate.ops.masks import Runs
from striate.ops.pasting import pasted
from striate.tasks.detection.metric import DetectionMetric
from striate.tasks.instances.metric import InstanceEvaluation, InstanceMetric

NAMES = ("ant", "bee", "cat")
PX, MOST = 500, 100
MAIN = ("map", "map50", "map75")


def drawn(seed: int, **settings: float) -> Scene:
    """Boxes inside of their pictures, of whole pixels, found ones of any."""
    made = scene(seed, digits=6, **{"crowds": 0.1, **settings})
    return made._replace(boxes=made.boxes.clip(0, PX).round(), found=made.found.clip(0, PX))


def octagons(boxes: np.ndarray, chance: np.random.Generator) -> list[list[float]]:
    """A polygon in each box that touches its four edges: x, y, x, y ..."""
    turns = np.linspace(0, 2 * np.pi, 8, endpoint=False) + chance.uniform(0, 0.4, (len(boxes), 1))
    x, y = ((each + 1) / 2 for each in (np.cos(turns), np.sin(turns)))
    corners = np.stack(
        [boxes[:, :1] + x * (boxes[:, 2:3] - boxes[:, :1]), boxes[:, 1:2] + y * (boxes[:, 3:] - boxes[:, 1:2])], 2
    )
    return corners.reshape(len(boxes), -1).tolist()  # fmt: skip


def cells(count: int, chance: np.random.Generator) -> Tensor:
    """Blobs of MASK_SIDE cells: chances that fall from a middle outwards."""
    y, x = np.mgrid[:MASK_SIDE, :MASK_SIDE] / MASK_SIDE
    middle, wide = chance.uniform(0.35, 0.65, (2, count, 1, 1)), chance.uniform(0.3, 0.7, (count, 1, 1))
    away = np.hypot(x - middle[0], y - middle[1])
    return torch.from_numpy(np.clip(1.2 - away / wide, 0, 1).astype(np.float32))


class Tried:
    """A scene with a shape of each object and each detection, as the task has it and as pycocotools has it."""

    def __init__(self, given: Scene, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.given, self.corners = given, octagons(given.boxes, chance)
        self.truth = [pycoco.merge(pycoco.frPyObjects([each], PX, PX)) for each in self.corners]
        self.cells = cells(len(given.found), chance)
        whole = pasted(self.cells.double(), torch.from_numpy(given.found), (PX, PX)) >= 0.5
        self.found = [pycoco.encode(np.asfortranarray(each.numpy().view(np.uint8))) for each in whole]

    def batch(self, first: int = 0, end: int | None = None) -> tuple[Tensor, BoxBatch]:
        given, end = self.given, self.given.pictures if end is None else end
        objects = torch.zeros(end - first, MOST, 6, dtype=torch.float64)
        masks = torch.zeros(end - first, MOST, MASK_SIDE, MASK_SIDE)
        for picture in range(first, end):
            rows = np.flatnonzero(given.found_picture == picture)
            rows = rows[np.argsort(-given.score[rows], kind="stable")]
            columns = given.found[rows] / PX, given.score[rows, None], given.found_label[rows, None]
            objects[picture - first, : len(rows)] = torch.from_numpy(np.concatenate(columns, 1))
            masks[picture - first, : len(rows)] = self.cells[rows]
        there = np.flatnonzero((given.picture >= first) & (given.picture < end))
        outlines: list[Outline | None] = [  # crowds as run lengths, as COCO has them
            Runs.of_text(self.truth[row]["counts"], (PX, PX)) if given.crowd[row] else polygons([self.corners[row]])
            for row in there
        ]
        targets = BoxBatch(
            boxes=torch.from_numpy(given.boxes[there] / 4).float(),
            labels=torch.from_numpy(given.label[there]),
            picture=torch.from_numpy(given.picture[there] - first),
            pictures=end - first,
            size=(PX // 4, PX // 4),
            ignored=torch.from_numpy(given.crowd[there]),
            shown_px=torch.full((end - first, 2), float(PX)),
            outlines=tuple(outlines),
        )
        return Instances(objects, masks.double()).rows, targets

    def expected(self) -> dict[str, float]:
        return figures_of_pycocotools(self.given, "segm", (self.truth, self.found), pycoco.area(self.truth))


def metric_of(*batches: tuple[Tensor, BoxBatch]) -> InstanceMetric:
    metric = InstanceMetric(NAMES)
    for output, targets in batches:
        metric.add(output, targets)
    return metric


def agree(tried: Tried) -> InstanceEvaluation:
    metric, expected = metric_of(tried.batch()), tried.expected()
    found = metric.result()
    assert found.coco == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert {key: metric.figures()[key] for key in MAIN} == pytest.approx({k: expected[k] for k in MAIN}, abs=1e-6)
    of_boxes = figures_of_pycocotools(tried.given)
    assert found.boxes.coco == pytest.approx(of_boxes, abs=1e-6, nan_ok=True)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_those_of_pycocotools(seed):
    found = agree(Tried(drawn(seed, pictures=4 + seed), seed))
    assert 0.05 < found.coco["map50"] < 0.9
    assert found.coco["map"] < found.boxes.coco["map"]


def test_figures_among_crowds_are_those_of_pycocotools():
    agree(Tried(drawn(1, crowds=0.5), 1))


def test_figures_of_equal_scores_are_those_of_pycocotools():
    given = drawn(2)
    agree(Tried(given._replace(score=given.score.round(1)), 2))


def test_figures_of_pictures_without_objects_or_finds_are_those_of_pycocotools():
    given = drawn(3)
    agree(Tried(given._replace(found_label=given.found_label % 2), 3))
    agree(Tried(given._replace(label=given.label % 2), 3))


def test_figures_of_empty_masks_are_those_of_pycocotools():
    tried = Tried(drawn(4), 4)
    tried.cells[::3] = 0.1
    for row in range(0, len(tried.found), 3):
        tried.found[row] = pycoco.encode(np.zeros((PX, PX), np.uint8, order="F"))
    assert agree(tried).coco["map50"] > 0


def test_parts_merged_are_the_whole_and_the_result_is_json():
    tried = Tried(drawn(0), 0)
    whole, part = metric_of(tried.batch()), metric_of(tried.batch(0, 5))
    part.merge(metric_of(tried.batch(5, 12)))
    assert part.figures() == whole.figures()
    told = part.result().to_dict()
    assert told == whole.result().to_dict() == json.loads(json.dumps(told))
    low, high = told["map_interval"]
    assert low < told["map"] < high
    assert told["box_map_interval"][0] < told["box_map"] < told["box_map_interval"][1]
    confusion = np.array(told["confusion"])
    assert confusion[:-1].sum() == (~tried.given.crowd).sum()
    assert "mAP of boxes" in repr(whole.result())


def test_the_boxes_are_those_of_detection():
    tried = Tried(drawn(5), 5)
    output, targets = tried.batch()
    detection = DetectionMetric(NAMES)
    detection.add(output[..., :6], targets)
    assert metric_of((output, targets)).result().boxes.to_dict() == detection.result().to_dict()


def test_what_lies_in_an_object_without_an_outline_is_not_wrong():
    """A box that a file has among outlines: nothing is asked of it, and nothing found in it is false."""
    objects = torch.zeros(1, MOST, 6)
    objects[0, :2] = torch.tensor([[0.5, 0.5, 0.9, 0.9, 0.9, 0], [0.1, 0.1, 0.3, 0.3, 0.8, 0]])
    targets = BoxBatch(
        boxes=torch.tensor([[10.0, 10, 30, 30], [50, 50, 90, 90]]),
        labels=torch.zeros(2, dtype=torch.int64),
        picture=torch.zeros(2, dtype=torch.int64),
        pictures=1,
        size=(100, 100),
        ignored=torch.tensor([False, True]),
        shown_px=torch.tensor([[100.0, 100.0]]),
        outlines=(polygons([[10, 10, 30, 10, 30, 30, 10, 30]]), None),
    )
    output = Instances(objects, torch.ones(1, MOST, MASK_SIDE, MASK_SIDE)).rows
    assert metric_of((output, targets)).figures()["map"] == pytest.approx(1)
    asked = replace(targets, ignored=torch.tensor([False, False]))
    assert metric_of((output, asked)).figures()["map"] == pytest.approx(1)  # then its box is its shape
    elsewhere = replace(targets, boxes=torch.tensor([[10.0, 10, 30, 30], [0, 50, 40, 90]]))
    assert metric_of((output, elsewhere)).figures()["map"] == pytest.approx(0.5, abs=0.01)
