"""Localisation: one class and one box per picture, the error of ILSVRC's track, mean intersection over union."""

from __future__ import annotations

from striate.answers.boxes import LOCALISATION as NAME
from striate.answers.boxes import Localisation, read
from striate.tasks.agreement import of_boxes
from striate.tasks.localisation.examples import Located, captions, drawn, surest_mistakes
from striate.tasks.localisation.losses import BOX_LOSSES, chance_loss, losses
from striate.tasks.localisation.metric import LocalisationMetric, PlaceEvaluation
from striate.tasks.localisation.prediction import predict_places
from striate.tasks.localisation.sections import facts, headline, sections
from striate.tasks.task import Figure, Task

__all__ = ["LOCALISATION", "Localisation", "Located", "PlaceEvaluation"]

LOCALISATION = Task(
    name=NAME,
    figures=(
        Figure("error", "localisation error", stated="error", higher_is_better=False, unit="%"),
        Figure("class_error", "class error", stated="class_error", higher_is_better=False, unit="%"),
        Figure("box_error", "box error, class known", stated="box_error", higher_is_better=False, unit="%"),
        Figure("mean_iou", "mean IoU", stated="mean_iou", unit="%"),
        Figure(
            "loss",
            "loss",
            stated="loss",
            higher_is_better=False,
            unit="cross-entropy in nats, and five times what the box lacks",
        ),
    ),
    needs=NAME,
    learns_from="one box each (a table of path, label, x0, y0, x1, y1, or VOC's or COCO's files)",
    answers_with="a class and a box",
    one_answer="box",
    idle=("layers", "staged"),
    outputs=len,
    losses=losses,
    loss_names=tuple(BOX_LOSSES),
    predict=predict_places,
    metric=LocalisationMetric,
    read=read,
    captions=captions,
    examples=surest_mistakes,
    drawn=drawn,
    agreement=of_boxes,
    chance_loss=chance_loss,
    sees_all=True,
    recipe="quick_box",
    recipe_of_model="localisation",
    headline=headline,
    facts=facts,
    sections=sections,
    alt="of class {}",
    tags=("object-detection",),
    limits="It knows these classes only, and answers with one box whatever a picture shows, be it nothing or several.",
)
