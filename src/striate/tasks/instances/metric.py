"""How well a network finds objects and their shapes: detection's figures by the IoU of masks, those of boxes beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
from torch import Tensor

from striate.answers.instances import shape_in
from striate.data.boxes.outlines import runs
from striate.data.targets import BatchTargets
from striate.data.targets.boxes import BoxBatch, boxes_of
from striate.models.instances import Instances
from striate.ops.average_precision import average_precision, main_figures
from striate.ops.masks import Runs, mask_iou, polygon_runs
from striate.ops.object_hits import Array, Hits, Objects, Overlap, Rows, object_hits
from striate.tasks.detection.metric import DetectionEvaluation, Pictures, object_places, whole

OF_BOXES = "box_"
"""Before the name of a figure that is of boxes."""


@dataclass(frozen=True, eq=False)
class Shapes(Pictures):
    """The same by masks: of these are the hits, and the areas of what the data's file does not say them of.

    found_shapes, shapes: (D,) and (M,), in pixels of the files.
    """

    found_shapes: tuple[Runs, ...] = ()
    shapes: tuple[Runs, ...] = ()

    @classmethod
    def of_masks(cls, output: Tensor, targets: BatchTargets, boxed: Pictures) -> Self:
        """A batch. output: as `Instances.of` reads it. boxed: the same batch by boxes."""
        sizes = [(int(height), int(width)) for height, width in boxed.sizes_px.tolist()]
        found, batch, objects = boxed.found, boxes_of(targets), Instances.of(output)
        cells = objects.masks.cpu().numpy()[object_places(objects.objects.double().cpu().numpy())]
        found_shapes = tuple(
            Runs.of_window(*shape_in(own, box, sizes[picture]), sizes[picture])
            for own, box, picture in zip(
                cells, map(tuple, boxed.found_boxes.tolist()), found.picture.tolist(), strict=True
            )
        )
        shapes = tuple(_true_shapes(batch, boxed.boxes, sizes))
        found = found._replace(area=_areas(found_shapes))
        truth = boxed.truth if batch.areas is not None else boxed.truth._replace(area=_areas(shapes))
        overlap = mask_overlap(found_shapes, shapes, truth)
        hits = object_hits(found, truth, overlap, len(batch), boxed.hits.classes)
        return cls(found, boxed.found_boxes, truth, boxed.boxes, boxed.sizes_px, hits, found_shapes, shapes)

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Those of several batches."""
        boxed = Pictures.joined([*parts])
        return cls(
            boxed.found,
            boxed.found_boxes,
            boxed.truth,
            boxed.boxes,
            boxed.sizes_px,
            boxed.hits,
            tuple(chain.from_iterable(part.found_shapes for part in parts)),
            tuple(chain.from_iterable(part.shapes for part in parts)),
        )

    @property
    def overlap(self) -> Overlap:
        """What the IoU of a detection and an object is."""
        return mask_overlap(self.found_shapes, self.shapes, self.truth)


def mask_overlap(found: tuple[Runs, ...], shapes: tuple[Runs, ...], truth: Objects) -> Overlap:
    """IoU of masks; with an ignored one, the share of what was found that lies in it, as COCO has it of crowds."""

    def overlap(detections: Rows, objects: Rows) -> Array:
        own, there = [found[row] for row in detections.tolist()], [shapes[row] for row in objects.tolist()]
        return mask_iou(own, there, truth.ignored[objects])

    return overlap


def _areas(shapes: tuple[Runs, ...]) -> Array:
    return np.array([shape.area for shape in shapes], np.float64)


def _true_shapes(batch: BoxBatch, boxes: Array, sizes: list[tuple[int, int]]) -> list[Runs]:
    """The pixels of each object in its file; of one without an outline, of which nothing is asked, those of its box."""
    shapes = []
    for outline, box, picture in zip(batch.outlines, boxes, batch.picture.tolist(), strict=True):
        corners = box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2)
        shapes.append(polygon_runs(corners, sizes[picture]) if outline is None else runs(outline, sizes[picture]))
    return shapes


@dataclass(frozen=True, repr=False, eq=False)
class InstanceEvaluation(DetectionEvaluation):
    """What an evaluation came to, by masks. boxes: the same by boxes."""

    pictures: Shapes
    boxes: DetectionEvaluation

    def figures(self) -> dict[str, Any]:
        """The figures of the whole, for JSON, those of boxes behind; None where there is nothing of the kind."""
        of_boxes = {f"{OF_BOXES}{key}": value for key, value in self.boxes.figures().items() if key != "pictures"}
        return {**super().figures(), **of_boxes}

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        found = self.boxes.figures()
        return {**super().facts(), "mAP of boxes": f"{found['map']:.2%}, at IoU 0.5 {found['map50']:.2%}"}


class InstanceMetric:
    """Matches what was found with what is there, by masks and by boxes, in the order in which pictures come."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.boxed: list[Pictures] = []
        self.shaped: list[Shapes] = []

    def add(self, output: Tensor, targets: BatchTargets) -> None:
        """Count a batch. output: as `Instances.of` reads it; rows whose box is no numbers are no objects."""
        boxed = Pictures.of(Instances.of(output).objects, targets, len(self.names))
        self.boxed.append(boxed)
        self.shaped.append(Shapes.of_masks(output, targets, boxed))

    def merge(self, other: Self) -> None:
        """Count what another one has counted."""
        self.boxed += other.boxed
        self.shaped += other.shaped

    def figures(self) -> dict[str, float]:
        """Mean average precision of masks and of boxes, also at 0.5 and at 0.75; 0 where nothing is to be found."""
        found: dict[str, float] = {}
        both: tuple[tuple[str, Sequence[Pictures]], ...] = (("", self.shaped), (OF_BOXES, self.boxed))
        for before, parts in both:
            each = main_figures(average_precision(Hits.joined([part.hits for part in parts])))
            found |= {f"{before}{key}": whole(float(value[0])) for key, value in each.items()}
        return found

    def result(self) -> InstanceEvaluation:
        """All that was counted, object by object."""
        boxes = DetectionEvaluation(self.names, Pictures.joined(self.boxed))
        return InstanceEvaluation(self.names, Shapes.joined(self.shaped), boxes)
