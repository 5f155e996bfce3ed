"""Detection: objects, each of a class and in a box; mean average precision as COCO has it."""

from __future__ import annotations

from striate.answers.detections import DETECTION as NAME
from striate.answers.detections import Detections, read
from striate.tasks.detection.agreement import of_objects
from striate.tasks.detection.captions import captions
from striate.tasks.detection.drawing import drawn
from striate.tasks.detection.examples import Pictured, costliest_errors
from striate.tasks.detection.findings import findings_of
from striate.tasks.detection.losses import losses
from striate.tasks.detection.metric import DetectionEvaluation, DetectionMetric
from striate.tasks.detection.mixing import mix
from striate.tasks.detection.prediction import predict_objects
from striate.tasks.detection.proposing import with_proposals
from striate.tasks.detection.sections import facts, headline, sections
from striate.tasks.task import Figure, Task

__all__ = ["DETECTION", "DetectionEvaluation", "Detections", "Pictured"]

DETECTION = Task(
    name=NAME,
    figures=(
        Figure("map", "mAP", stated="map", unit="%"),
        Figure("map50", "mAP at IoU 0.5", stated="map50", unit="%"),
        Figure("map75", "mAP at IoU 0.75", stated="map75", unit="%"),
    ),
    needs=NAME,
    learns_from="boxes (YOLO's, VOC's or COCO's files, or a table of path, label, x0, y0, x1, y1)",
    answers_with="objects in boxes",
    one_answer="objects",
    idle=("layers", "staged", "label_smoothing", "cut_mix", "test_flip", "loss", "class_weights"),
    outputs=len,
    losses=losses,
    predict=predict_objects,
    metric=DetectionMetric,
    read=read,
    captions=captions,
    examples=costliest_errors,
    drawn=drawn,
    beside=with_proposals,
    agreement=of_objects,
    sees_all=True,
    finds_objects=True,
    mix=mix,
    recipe="quick_detector",
    recipe_of_model="detection",
    headline=headline,
    facts=facts,
    sections=sections,
    findings=findings_of,
    tags=("object-detection",),
    limits="It knows these classes only, and of a picture at most a hundred objects.",
)
