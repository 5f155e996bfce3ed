import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from of_pycocotools import Scene, areas, figures_of_pycocotools, scene
from striate.data.targets.boxes import BoxBatch
from striate.ops.average_precision import coco_figures
from striate.ops.object_hits import box_overlap
from striate.ops.voc_precision import voc_precision
from striate.tasks.detection.metric import DetectionMetric

NAMES = ("ant", "bee", "cat")
MOST = 100
SHOWN = torch.tensor([[500.0, 500.0]])


def answered(given: Scene, first: int, end: int, size=(64, 128)) -> tuple[torch.Tensor, BoxBatch]:
    """What a network that sees pictures of 500x500 stretched to `size` answers to some of them, and their targets."""
    output = torch.zeros(end - first, MOST, 6, dtype=torch.float64)
    for picture in range(first, end):
        rows = np.flatnonzero(given.found_picture == picture)
        rows = rows[np.argsort(-given.score[rows], kind="stable")]
        columns = given.found[rows] / 500, given.score[rows, None], given.found_label[rows, None]
        output[picture - first, : len(rows)] = torch.from_numpy(np.concatenate(columns, 1))
    there = (given.picture >= first) & (given.picture < end)
    scale = np.array([size[1], size[0], size[1], size[0]]) / 500
    targets = BoxBatch(
        boxes=torch.from_numpy(given.boxes[there] * scale).float(),
        labels=torch.from_numpy(given.label[there]),
        picture=torch.from_numpy(given.picture[there] - first),
        pictures=end - first,
        size=size,
        ignored=torch.from_numpy(given.crowd[there]),
        shown_px=SHOWN.repeat(end - first, 1),
    )
    return output, targets


def metric_of(*batches: tuple[torch.Tensor, BoxBatch]) -> DetectionMetric:
    metric = DetectionMetric(NAMES)
    for output, targets in batches:
        metric.add(output, targets)
    return metric


@pytest.fixture
def given() -> Scene:
    """Boxes inside of their pictures."""
    made = scene(0, crowds=0.1, digits=6)
    return made._replace(boxes=made.boxes.clip(0, 500), found=made.found.clip(0, 500))


def test_figures_are_those_of_pycocotools_at_the_size_of_the_files(given):
    found = metric_of(answered(given, 0, 5), answered(given, 5, 12))
    expected = figures_of_pycocotools(given)
    assert found.figures() == pytest.approx({key: expected[key] for key in ("map", "map50", "map75")}, abs=1e-6)
    assert found.result().coco == pytest.approx(expected, abs=1e-6)
    assert found.result().coco["map_small"] > 0


def test_sizes_are_those_that_the_file_says_as_of_pycocotools(given):
    stated = areas(given.boxes) * np.random.default_rng(0).uniform(0.05, 1, len(given.boxes))
    output, targets = answered(given, 0, 12)
    found = metric_of((output, replace(targets, areas=torch.from_numpy(stated)))).result().coco
    assert found == pytest.approx(figures_of_pycocotools(given, stated_areas=stated), abs=1e-6)
    assert found["map_small"] != metric_of((output, targets)).result().coco["map_small"]


def test_pascal_voc_has_figures_of_its_own(given):
    output, targets = answered(given, 0, 12)
    told = metric_of((output, targets)).result().to_dict()
    plain = box_overlap(given.found, given.boxes, np.zeros(len(given.boxes), bool))
    eleven, every = voc_precision(given.detections, given.objects, plain, given.classes)
    assert told["voc_map_11_points"] == pytest.approx(eleven.mean())
    assert told["voc_map_all_points"] == pytest.approx(every.mean())
    assert [row["voc_ap_11_points"] for row in told["per_class"]] == pytest.approx(eleven.tolist())


def test_parts_merged_are_the_whole(given):
    whole, part, rest = (
        metric_of(answered(given, 0, 12)),
        metric_of(answered(given, 0, 4)),
        metric_of(answered(given, 4, 12)),
    )
    part.merge(rest)
    assert part.figures() == whole.figures()
    assert part.result().to_dict() == whole.result().to_dict()
    assert part.result().total == 12


def test_the_result_is_json_and_its_parts_agree(given):
    found = metric_of(answered(given, 0, 12)).result()
    told = json.loads(json.dumps(found.to_dict()))
    assert told == found.to_dict()
    low, high = told["map_interval"]
    assert low < told["map"] < high
    assert told["map"] == pytest.approx(np.mean([row["map"] for row in told["per_class"]]))
    assert told["map"] == coco_figures(found.hits)["map"]
    assert sum(row["objects"] for row in told["per_class"]) == (~given.crowd).sum()
    confusion = np.array(told["confusion"])
    assert confusion[:-1].sum() == (~given.crowd).sum()
    assert confusion.trace() > confusion.sum() / 4
    assert sum(each["costs_map50"] for each in told["error_budget"].values()) > 0.1
    assert all(0 < row["threshold"] < 1 for row in told["per_class"])
    assert "mAP" in repr(found)


def test_the_advised_threshold_gives_the_advised_precision_and_recall(given):
    found = metric_of(answered(given, 0, 12)).result()
    for number, advice in enumerate(found.advice):
        chosen = (found.hits.label == number) & (found.hits.score >= advice.threshold)
        outcome = found.hits.outcome[chosen, 0, 0]
        hit = (outcome == 1).sum()
        assert hit / (outcome >= 0).sum() == pytest.approx(advice.precision)
        assert hit / found.hits.present[:, 0, number].sum() == pytest.approx(advice.recall)


def test_pictures_without_objects_and_answers_without_rows(given):
    output, targets = answered(given, 0, 12)
    nothing = metric_of((torch.zeros_like(output), targets)).result()
    assert nothing.figures()["map"] == 0
    assert nothing.advice == [None] * 3
    assert np.array(nothing.confusion)[:, :-1].sum() == 0
    bare = BoxBatch(
        torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), 12, targets.size,
        torch.zeros(0, dtype=torch.bool), targets.shown_px,
    )  # fmt: skip
    for answer in (output, torch.zeros_like(output)):
        found = metric_of((answer, bare))
        assert found.figures() == {"map": 0, "map50": 0, "map75": 0}
        told = found.result().to_dict()
        assert (told["map"], told["map_interval"], told["map_small"]) == (0, [0, 0], None)
        assert json.loads(json.dumps(told)) == told


def test_rows_that_are_no_numbers_are_no_objects(given):
    output, targets = answered(given, 0, 12)
    broken = output.clone()
    broken[0] = torch.nan
    expected = output.clone()
    expected[0] = 0
    assert metric_of((broken, targets)).figures() == metric_of((expected, targets)).figures()
