"""Detections and objects drawn by chance, and what pycocotools says of them."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from striate.ops.object_hits import Detections, Objects

KEYS = (
    "map", "map50", "map75", "map_small", "map_medium", "map_large",
    "recall_1", "recall_10", "recall_100", "recall_small", "recall_medium", "recall_large",
)  # fmt: skip


class Scene(NamedTuple):
    """Boxes in pictures: edges (M, 4), numbers of picture and class, whether crowds; the same found, with scores."""

    pictures: int
    classes: int
    boxes: np.ndarray
    picture: np.ndarray
    label: np.ndarray
    crowd: np.ndarray
    found: np.ndarray
    found_picture: np.ndarray
    found_label: np.ndarray
    score: np.ndarray

    @property
    def detections(self) -> Detections:
        return Detections(self.found_picture, self.found_label, areas(self.found), self.score)

    @property
    def objects(self) -> Objects:
        return Objects(self.picture, self.label, areas(self.boxes), self.crowd)


def areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def scene(seed: int, pictures: int = 12, classes: int = 3, crowds: float = 0.1, digits: int = 3) -> Scene:
    """Objects of all sizes, some of them found once or twice, well or badly, or called something else; inventions."""
    chance = np.random.default_rng(seed)
    count = chance.integers(0, 7, pictures)
    picture = np.repeat(np.arange(pictures), count)
    sides = np.exp(chance.uniform(np.log(8), np.log(200), (len(picture), 2)))
    corner = chance.uniform(0, 300, (len(picture), 2))
    boxes = np.concatenate([corner, corner + sides], 1).round(1)
    label, crowd = chance.integers(0, classes, len(picture)), chance.random(len(picture)) < crowds
    again = chance.integers(0, 3, len(picture))
    rows = np.repeat(np.arange(len(picture)), again)
    moved = boxes[rows] + np.tile(sides[rows], 2) * chance.normal(0, 0.06, (len(rows), 4))
    invented = chance.integers(0, 8, pictures)
    corner = chance.uniform(0, 300, (invented.sum(), 2))
    more = np.concatenate([corner, corner + chance.uniform(5, 150, corner.shape)], 1)
    other = chance.random(len(rows)) < 0.2
    found_label = np.where(other, chance.integers(0, classes, len(rows)), label[rows])
    found = np.concatenate([np.sort(moved.reshape(-1, 2, 2), 1).reshape(-1, 4), more]).round(2)
    return Scene(
        pictures,
        classes,
        boxes,
        picture,
        label,
        crowd,
        found,
        np.concatenate([picture[rows], np.repeat(np.arange(pictures), invented)]),
        np.concatenate([found_label, chance.integers(0, classes, len(more))]),
        chance.random(len(found)).round(digits),
    )


def figures_of_pycocotools(
    given: Scene,
    kind: str = "bbox",
    shapes: tuple[list, list] | None = None,
    stated_areas: np.ndarray | None = None,
) -> dict:
    """Its twelve figures; nan where it has -1. shapes: run lengths of the objects and of what was found, for "segm".
    stated_areas: of the objects, where the file says others than those of the boxes.
    """
    boxes = np.concatenate([given.boxes[:, :2], given.boxes[:, 2:] - given.boxes[:, :2]], 1).tolist()
    truth = [
        {"id": n + 1, "image_id": int(p) + 1, "category_id": int(k) + 1, "bbox": b, "area": float(a), "iscrowd": int(c)}
        for n, (p, k, b, a, c) in enumerate(
            zip(
                given.picture,
                given.label,
                boxes,
                given.objects.area if stated_areas is None else stated_areas,
                given.crowd,
                strict=True,
            )
        )
    ]
    found = [
        {"image_id": int(p) + 1, "category_id": int(k) + 1, "score": float(s)}
        | {"bbox": [left, top, right - left, bottom - top]}
        for p, k, s, (left, top, right, bottom) in zip(
            given.found_picture, given.found_label, given.score, given.found.tolist(), strict=True
        )
    ]
    if shapes is not None:
        truth = [each | {"segmentation": shape} for each, shape in zip(truth, shapes[0], strict=True)]
        found = [{**each, "segmentation": shape} for each, shape in zip(found, shapes[1], strict=True)]
        for each in found:
            del each["bbox"]
    with silent():
        coco = COCO()
        coco.dataset = {
            "images": [{"id": n + 1, "width": 500, "height": 500} for n in range(given.pictures)],
            "categories": [{"id": n + 1, "name": str(n)} for n in range(given.classes)],
            "annotations": truth,
            "info": {},
        }
        coco.createIndex()
    return evaluated(coco, found, kind)


def figures_of_files(truth: Path, results: Path) -> dict:
    """The same of a file of a data set and one of what was found."""
    with silent():
        return evaluated(COCO(str(truth)), str(results), "bbox")


def silent() -> contextlib.redirect_stdout:
    return contextlib.redirect_stdout(io.StringIO())


def evaluated(coco: COCO, found: list | str, kind: str) -> dict:
    with silent():
        evaluation = COCOeval(coco, coco.loadRes(found), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    values = np.where(evaluation.stats < 0, np.nan, evaluation.stats)
    return dict(zip(KEYS, values.tolist(), strict=True))
