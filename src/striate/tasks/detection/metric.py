"""How well a network finds objects, matched picture by picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from striate.answers.tiled_boxes import area
from striate.core.one_screen import OneScreen, few
from striate.data.targets import BatchTargets
from striate.data.targets.boxes import boxes_of
from striate.data.targets.tile_batch import TileBatch
from striate.ops.average_precision import average_precision, coco_figures, intervals, main_figures, mean, recalls
from striate.ops.box_confusion import box_confusion
from striate.ops.error_budget import KINDS, Errors, Kind, costs, errors
from striate.ops.object_hits import (
    Array,
    Detections,
    Flags,
    Hits,
    Objects,
    Overlap,
    Rows,
    box_overlap,
    object_hits,
)
from striate.ops.operating_point import Advice, advised, best_threshold, precision_recall
from striate.ops.voc_precision import voc_precision
from striate.tasks.detection.tiles import Answered, whole_pictures

PLAIN_THRESHOLD = 0.5
"""Of the score, where no threshold can be advised, as nothing was hit."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """What was found in N pictures and what is there, each in the order of the pictures.

    found_boxes, boxes: edges in pixels of the files, float64 (D, 4) and (M, 4). sizes_px: height and width of each
    picture, float64 (N, 2).
    """

    found: Detections
    found_boxes: Array
    truth: Objects
    boxes: Array
    sizes_px: Array
    hits: Hits

    @classmethod
    def of(cls, output: Tensor, targets: BatchTargets, classes: int) -> Self:
        """A batch. output: rows of objects, as a `Detector` answers, (N, objects, 6)."""
        batch = boxes_of(targets)
        sizes_px = batch.shown_px.double().cpu().numpy()
        edges = np.tile(sizes_px[:, ::-1], 2)  # width, height, width, height
        rows = output.double().cpu().numpy()
        picture, place = object_places(rows)
        rows = rows[picture, place]
        found_boxes = rows[:, :4].clip(0, 1) * edges[picture]
        found = Detections(picture, rows[:, 5].astype(np.int64), area(found_boxes), rows[:, 4])
        there = batch.picture.cpu().numpy()
        boxes = batch.shares.double().cpu().numpy() * edges[there]
        own = area(boxes) if batch.areas is None else batch.areas.cpu().numpy()
        truth = Objects(there, batch.labels.cpu().numpy(), own, batch.ignored.cpu().numpy())
        hits = object_hits(found, truth, box_overlap(found_boxes, boxes, truth.ignored), len(batch), classes)
        return cls(found, found_boxes, truth, boxes, sizes_px, hits)

    @property
    def overlap(self) -> Overlap:
        """What the IoU of a detection and an object is."""
        return box_overlap(self.found_boxes, self.boxes, self.truth.ignored)

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Those of several batches."""
        first = np.cumsum([0, *(len(part.sizes_px) for part in parts)]).tolist()
        found = [part.found._replace(picture=part.found.picture + n) for part, n in zip(parts, first, strict=False)]
        truth = [part.truth._replace(picture=part.truth.picture + n) for part, n in zip(parts, first, strict=False)]
        return cls(
            Detections(*map(np.concatenate, zip(*found, strict=True))),
            np.concatenate([part.found_boxes for part in parts]),
            Objects(*map(np.concatenate, zip(*truth, strict=True))),
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.sizes_px for part in parts]),
            Hits.joined([part.hits for part in parts]),
        )


ALONE_AT_ONCE = 500  # pictures


@dataclass(frozen=True, repr=False, eq=False)
class DetectionEvaluation(OneScreen):
    """What an evaluation of pictures with objects of K classes came to. names: of the classes."""

    names: tuple[str, ...]
    pictures: Pictures

    @property
    def total(self) -> int:
        """Pictures evaluated."""
        return len(self.pictures.sizes_px)

    @property
    def hits(self) -> Hits:
        """What came of each detection."""
        return self.pictures.hits

    @cached_property
    def coco(self) -> dict[str, float]:
        """COCO's twelve figures; nan where there is nothing of the kind."""
        return coco_figures(self.hits)

    @cached_property
    def voc(self) -> dict[str, Array]:
        """Pascal VOC's average precision of each class at an IoU of 0.5, over 11 points and over all; nan for none."""
        pictures = self.pictures
        plain = box_overlap(pictures.found_boxes, pictures.boxes, np.zeros_like(pictures.truth.ignored))
        eleven, every = voc_precision(pictures.found, pictures.truth, plain, len(self.names))
        return {"voc_map_11_points": eleven, "voc_map_all_points": every}

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals of the main figures, by drawing the pictures anew; 0 to 0 where nothing is to be found."""
        found = intervals(self.hits)
        return {key: (0.0, 0.0) if math.isnan(low) else (low, high) for key, (low, high) in found.items()}

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean average precision."""
        return self.intervals["map"]

    def of_samples(self, times: Tensor) -> Tensor:
        """The mean average precision of samples of the pictures, float64 (S,). times: of each, float64 (S, N)."""
        precision = average_precision(self.hits, "all", times.long().numpy())
        return torch.from_numpy(main_figures(precision)["map"])

    @property
    def by_picture(self) -> Tensor:
        """The mean average precision of each picture alone, float64 (N,); nan where it has no object."""
        parts = torch.split(torch.arange(self.total), ALONE_AT_ONCE)
        return torch.cat([self.of_samples(one_hot(part, self.total).double()) for part in parts])

    @cached_property
    def errors(self) -> Errors:
        """What is wrong with each detection."""
        return errors(self.pictures.found, self.pictures.truth, self.pictures.overlap)

    @cached_property
    def costs(self) -> dict[Kind, float]:
        """What each kind of error costs in mean average precision at an IoU of 0.5."""
        return costs(self.pictures.found, self.pictures.truth, self.errors, len(self.names))

    @cached_property
    def advice(self) -> list[Advice | None]:
        """The threshold of the score with the best F1 of each class; None where nothing was hit."""
        return advised(self.hits)

    @cached_property
    def advice_for_all(self) -> Advice | None:
        """One threshold for all classes together."""
        return best_threshold(precision_recall(self.hits))

    @cached_property
    def sure(self) -> Flags:
        """Which detections have the score that their class needs, or all do where that is not known, (D,)."""
        plain = self.advice_for_all.threshold if self.advice_for_all else PLAIN_THRESHOLD
        least = np.array([each.threshold if each else plain for each in self.advice])
        chosen: Flags = self.pictures.found.score >= least[self.pictures.found.label]
        return chosen

    @cached_property
    def confusion(self) -> Rows:
        """What objects were taken for by detections that are `sure`, int64 (K + 1, K + 1), the last background."""
        pictures = self.pictures
        return box_confusion(pictures.found, pictures.truth, pictures.overlap, self.sure, len(self.names))

    def per_class(self) -> list[dict[str, Any]]:
        """Objects, average precisions, recall and advice of every class; None where there is nothing to go by."""
        precision, recall = average_precision(self.hits)[0], recalls(self.hits)
        objects = self.hits.present[:, 0].sum(0)
        return [
            {
                "class": name,
                "objects": int(objects[number]),
                "map": known(float(precision[:, number].mean())),
                "map50": known(float(precision[0, number])),
                "map75": known(float(precision[5, number])),
                "recall_100": known(float(recall[:, number].mean())),
                **told(self.advice[number]),
            }
            for number, name in enumerate(self.names)
        ]

    def figures(self) -> dict[str, Any]:
        """The figures of the whole, for JSON; None where there is nothing of the kind."""
        main = {key: whole(self.coco[key]) for key in self.intervals}
        ends = {f"{key}_interval": list(ends) for key, ends in self.intervals.items()}
        others = {key: known(value) for key, value in self.coco.items()}
        voc = {key: known(mean(each)) for key, each in self.voc.items()}
        return {"pictures": self.total, **others, **main, **ends, **voc}

    def to_dict(self) -> dict[str, Any]:
        """Figures, classes, the error budget and the confusion, for JSON."""
        counts = self.errors.count()
        budget = {kind: {"count": counts[kind], "costs_map50": whole(self.costs[kind])} for kind in KINDS}
        return {
            **self.figures(),
            **told(self.advice_for_all),
            "per_class": [
                {**row, **{key.replace("map", "ap"): known(float(each[number])) for key, each in self.voc.items()}}
                for number, row in enumerate(self.per_class())
            ],
            "error_budget": budget,
            "confusion": self.confusion.tolist(),
        }

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        found, (low, high) = self.figures(), self.interval
        return {
            "pictures": f"{self.total:,}",
            "objects": f"{int(self.hits.present[:, 0].sum()):,}",
            "mAP": f"{found['map']:.2%} (95 % interval {low:.2%} to {high:.2%})",
            "mAP at IoU 0.5": f"{found['map50']:.2%}",
            "mAP at IoU 0.75": f"{found['map75']:.2%}",
            "classes": few(self.names),
        }


class DetectionMetric:
    """Matches what was found with what is there, in the order in which pictures come."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.parts: list[Pictures] = []
        self.tiles: list[Answered] = []

    def add(self, output: Tensor, targets: BatchTargets) -> None:
        """Count a batch. output: (N, objects, 6), as a `Detector` answers; rows that are no numbers are no objects."""
        if isinstance(targets, TileBatch):  # of which a picture may have some in the next batch
            self.tiles.append(Answered(output, targets))
        else:
            self.parts.append(Pictures.of(output, targets, len(self.names)))

    def merge(self, other: Self) -> None:
        """Count what another one has counted."""
        self.parts += other.parts
        self.tiles += other.tiles

    @property
    def pictures(self) -> list[Pictures]:
        """All that was counted; tiles as the pictures that they are of."""
        return [*self.parts, *(Pictures.of(*each, len(self.names)) for each in whole_pictures(self.tiles))]

    def figures(self) -> dict[str, float]:
        """Mean average precision over the thresholds of IoU, at 0.5 and at 0.75; 0 where nothing is to be found."""
        found = main_figures(average_precision(Hits.joined([part.hits for part in self.pictures])))
        return {key: whole(float(value[0])) for key, value in found.items()}

    def result(self) -> DetectionEvaluation:
        """All that was counted, object by object."""
        return DetectionEvaluation(self.names, Pictures.joined(self.pictures))


def object_places(rows: Array) -> tuple[Rows, Rows]:
    """Of rows (N, objects, 6) those that are objects: their pictures and their places there, each (D,)."""
    picture, place = np.nonzero((rows[..., 4] > 0) & np.isfinite(rows).all(2))
    return picture, place


def known(value: float) -> float | None:
    """A figure for JSON, None for nan."""
    return None if math.isnan(value) else value


def whole(value: float) -> float:
    """A figure that must be a number: 0 where there is nothing to go by."""
    return 0.0 if math.isnan(value) else value


def told(advice: Advice | None) -> dict[str, float | None]:
    """A threshold and what it comes to, for JSON."""
    values = (None,) * 4 if advice is None else advice
    return dict(zip(("threshold", "f1", "precision", "recall"), values, strict=True))
