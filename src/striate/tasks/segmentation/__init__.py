"""Segmentation: a class for every pixel, cross-entropy, mean intersection over union."""

from __future__ import annotations

from striate.answers.masks import SEGMENTATION as NAME
from striate.answers.masks import Segmentation, read
from striate.tasks.segmentation.examples import Segmented, best_median_worst, captions, drawn
from striate.tasks.segmentation.findings import findings_of
from striate.tasks.segmentation.losses import LOSSES, chance_loss, losses, losses_for, weight
from striate.tasks.segmentation.metric import PixelEvaluation, PixelMetric
from striate.tasks.segmentation.prediction import class_numbers, predict_maps
from striate.tasks.segmentation.sections import facts, headline, sections
from striate.tasks.task import Figure, Task

__all__ = ["SEGMENTATION", "PixelEvaluation", "Segmentation", "Segmented"]

SEGMENTATION = Task(
    name=NAME,
    figures=(
        Figure("mean_iou", "mean IoU", stated="mean_iou", unit="%"),
        Figure("pixel_accuracy", "pixel accuracy", stated="pixel_accuracy", unit="%"),
        Figure("loss", "loss", stated="loss", higher_is_better=False, unit="cross-entropy of a pixel in nats"),
    ),
    needs=NAME,
    learns_from="a mask each (images/ and masks/)",
    answers_with="a class for every pixel",
    one_answer="class for every pixel",
    idle=("layers", "staged", "label_smoothing"),
    outputs=len,
    losses=losses,
    losses_for=losses_for,
    loss_names=tuple(LOSSES),
    predict=predict_maps,
    readable=class_numbers,
    at_once=4,
    metric=PixelMetric,
    read=read,
    captions=captions,
    examples=best_median_worst,
    drawn=drawn,
    chance_loss=chance_loss,
    weight=weight,
    sees_all=True,
    at_own_size=True,
    recipe="quick_fcn",
    recipe_of_model="segmentation",
    headline=headline,
    facts=facts,
    sections=sections,
    findings=findings_of,
    alt="mostly of {}",
    tags=("image-segmentation",),
    limits="It knows these classes only: every pixel gets one of them, whatever it shows.",
)
