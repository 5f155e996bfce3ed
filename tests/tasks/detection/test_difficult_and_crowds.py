"""What is neither to be found nor wrong to find, from the files to the figures."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from of_pycocotools import KEYS
from striate.data.sources import open_data
from striate.tasks.detection.metric import DetectionMetric

SIDE = 100
EASY, HARD = (10, 10, 50, 50), (55, 55, 95, 95)


def voc(folder):
    """A picture of an object and of a difficult one, as VOC lists them: its pixels are counted from 1."""
    (folder / "Annotations").mkdir(parents=True)
    (folder / "JPEGImages").mkdir()
    Image.new("RGB", (SIDE, SIDE)).save(folder / "JPEGImages" / "a.jpg")
    objects = "".join(
        f"<object><name>ant</name><difficult>{difficult}</difficult><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for difficult, (x0, y0, x1, y1) in enumerate((EASY, HARD))
    )
    size = f"<size><width>{SIDE}</width><height>{SIDE}</height><depth>3</depth></size>"
    text = f"<annotation><filename>a.jpg</filename>{size}{objects}</annotation>"
    (folder / "Annotations" / "a.xml").write_text(text)
    return open_data(folder, task="detection")


def evaluated(data, *found):
    """Of one class. found: boxes in pixels of each picture, surest first, with their scores."""
    rows = torch.zeros(len(found), 20, 6)
    for picture, boxes in enumerate(found):
        for place, (box, score) in enumerate(boxes):
            rows[picture, place] = torch.tensor([*(edge / SIDE for edge in box), score, 0])
    metric = DetectionMetric(data.targets.names)
    metric.add(rows, data.targets.take(np.arange(len(found))))
    return metric.result().to_dict()


@pytest.mark.parametrize(
    ("boxes", "figure"),
    [
        ([(EASY, 0.8)], 1.0),
        ([(HARD, 0.9), (EASY, 0.8)], 1.0),
        ([(HARD, 0.95), (HARD, 0.9), (EASY, 0.8)], 1.0),
        ([(HARD, 0.9)], 0.0),
        ([((0, 60, 30, 90), 0.9), (EASY, 0.8)], 0.5),  # of nothing, which is wrong
    ],
)
def test_difficult_objects_of_voc_count_nowhere(tmp_path, boxes, figure):
    told = evaluated(voc(tmp_path / "data"), boxes)
    assert told["map50"] == pytest.approx(figure)
    assert (told["voc_map_11_points"], told["voc_map_all_points"]) == pytest.approx((figure, figure))


def test_crowds_of_a_file_are_used_as_pycocotools_uses_them(tmp_path):
    """A crowd takes any number of detections, and of each its share within counts; an object takes one."""
    crowd = (0, 0, 60, 100)
    annotations = [
        {"id": number, "image_id": picture, "category_id": 7, "iscrowd": int(box == crowd), "area": area(box),
         "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]]}
        for number, (picture, box) in enumerate([(1, EASY), (1, HARD), (2, crowd), (2, HARD)], start=1)
    ]  # fmt: skip
    images = [{"id": n, "file_name": f"{n}.png", "height": SIDE, "width": SIDE} for n in (1, 2)]
    for each in images:
        Image.new("RGB", (SIDE, SIDE)).save(tmp_path / each["file_name"])
    truth = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "ant"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(truth))
    of_first = [(EASY, 0.5), ((0, 60, 30, 90), 0.85)]
    of_second = [((5, 5, 20, 20), 0.95), (EASY, 0.9), ((40, 0, 90, 20), 0.7), (HARD, 0.6)]
    data = open_data(tmp_path / "boxes.json", task="detection")
    assert [data.pictures.name(index)[-5:] for index in range(2)] == ["1.png", "2.png"]
    told = evaluated(data, sorted(of_first, key=lambda one: -one[1]), of_second)
    expected = of_pycocotools(tmp_path / "boxes.json", {1: of_first, 2: of_second})
    assert {key: told[key] for key in expected} == pytest.approx(expected, abs=1e-6)
    assert 0.2 < expected["map50"] < 0.9


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def of_pycocotools(file, found):
    """Its figures, those that there are."""
    truth = COCO(file)
    results = truth.loadRes([
        {"image_id": picture, "category_id": 7, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": score}
        for picture, boxes in found.items() for (x0, y0, x1, y1), score in boxes
    ])  # fmt: skip
    evaluation = COCOeval(truth, results, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return {key: value for key, value in zip(KEYS, evaluation.stats, strict=True) if value >= 0}
