"""Instances: objects, each of a class, in a box and of a shape; mean average precision of masks as COCO has it.

What is learned, asked and drawn is detection's, with masks in what is learned from and answered.
"""

from __future__ import annotations

from dataclasses import replace

from striate.answers.instances import INSTANCES as NAME
from striate.answers.instances import Instance, read
from striate.tasks.detection import DETECTION
from striate.tasks.instances.agreement import of_instances
from striate.tasks.instances.examples import costliest_errors
from striate.tasks.instances.metric import InstanceEvaluation, InstanceMetric
from striate.tasks.task import Figure

__all__ = ["INSTANCES", "Instance", "InstanceEvaluation"]

INSTANCES = replace(
    DETECTION,
    name=NAME,
    figures=(
        Figure("map", "mask mAP", stated="map", unit="%"),
        Figure("map50", "mask mAP at IoU 0.5", stated="map50", unit="%"),
        Figure("map75", "mask mAP at IoU 0.75", stated="map75", unit="%"),
        Figure("box_map", "box mAP", stated="box_map", unit="%"),
        Figure("box_map50", "box mAP at IoU 0.5", stated="box_map50", unit="%"),
        Figure("box_map75", "box mAP at IoU 0.75", stated="box_map75", unit="%"),
    ),
    needs=NAME,
    learns_from="outlines (COCO's segmentation, YOLO's polygons, or masks that number the objects)",
    answers_with="objects with a mask each",
    one_answer="objects with masks",
    metric=InstanceMetric,
    examples=costliest_errors,
    read=read,
    agreement=of_instances,
    recipe="mask_rcnn",
    recipe_of_model="instances",
    tags=("image-segmentation", "object-detection"),
    limits="It knows these classes only, and of a picture at most a hundred objects, each by a mask of 28x28 cells.",
)
