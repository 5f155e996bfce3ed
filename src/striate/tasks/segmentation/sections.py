"""What a report tells of segmentation: key figures, what became of each class, the best and the worst pictures."""

from __future__ import annotations

import math

from striate.core.words import interval, percent
from striate.tasks.segmentation.examples import Segmented, swatches
from striate.tasks.segmentation.metric import PixelEvaluation
from striate.tasks.task import Fact, Headline, Section

FOLDER = "segmentation"
"""Below report/template/."""
MOST_CLASS_ROWS = 40
"""Classes up to which the table is not folded."""


def headline(found: PixelEvaluation, split: str) -> Headline:
    """The mean IoU in a sentence."""
    return Headline(
        percent(found.figures()["mean_iou"]), f"mean IoU of the classes on {found.total:,} {split} pictures"
    )


def facts(found: PixelEvaluation) -> list[Fact]:
    """Mean IoU against that of one answer for all pixels, accuracies, Dice, outlines, loss."""
    figures = found.figures()
    one_answer, of_classes = (percent(figures[key]) for key in ("mean_iou_of_one_answer", "class_accuracy"))
    return [
        Fact(
            "Mean IoU",
            percent(figures["mean_iou"]),
            f"one answer for all: {one_answer}",
        ),
        Fact(
            "Pixel accuracy",
            percent(figures["pixel_accuracy"]),
            f"mean of classes {of_classes}",
        ),
        Fact("Dice", percent(figures["mean_dice"]), f"95 % interval {interval(found.dice_interval)}"),
        Fact("Outlines", percent(figures["boundary_f1"]), "F1 within 0.75 % of the diagonal"),
        Fact("Loss", f"{found.mean_loss:.3f}", "cross-entropy of a pixel, nats"),
    ]


def sections(found: PixelEvaluation, examples: list[Segmented]) -> list[Section]:
    """Classes; pictures with their masks, answers and errors."""
    colours = dict(swatches(found.names))
    rows = sorted(found.per_class(), key=lambda row: math.inf if row["iou"] is None else row["iou"])
    values = {"rows": rows, "most_rows": MOST_CLASS_ROWS, "colours": colours}
    return [
        Section("classes", "Classes", f"{FOLDER}/classes.html", values),
        Section("pictures", "Best and worst", f"{FOLDER}/pictures.html", {"examples": examples, "colours": colours}),
    ]
