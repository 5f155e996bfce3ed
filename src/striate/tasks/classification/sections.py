"""What a report tells of classification: key figures, what became of each class, the confusion matrix, mistakes."""

from __future__ import annotations

import math
from typing import Any

from striate.core.words import percent
from striate.ops.calibration import BINS
from striate.tasks.classification.examples import Mistake
from striate.tasks.classification.metric import Evaluation
from striate.tasks.confusion import confusion_of
from striate.tasks.task import Fact, Headline, Section

FOLDER = "classification"
"""Below report/template/."""
MOST_CLASS_ROWS = 40
"""Classes up to which the table is not folded."""
MOST_MISTAKES = 24
TOP5_FROM = 6
"""Classes from which on it says something that the correct one is among the first five."""


def headline(found: Evaluation, split: str) -> Headline:
    """The accuracy in a sentence."""
    return Headline(percent(found.accuracy), f"of {found.total:,} {split} pictures are classified correctly")


def facts(found: Evaluation) -> list[Fact]:
    """Accuracy, top-5 where there are enough classes, balanced accuracy, loss."""
    metrics = found.figures()
    top5 = [Fact("Among the first five", percent(found.top5_share), "top-5 accuracy")]
    return [
        Fact("Accuracy", percent(found.accuracy), f"{found.correct:,} of {found.total:,}"),
        *(top5 if len(found.classes) >= TOP5_FROM else []),
        Fact("Balanced accuracy", percent(metrics["balanced_accuracy"]), "mean recall of the classes"),
        Fact("Loss", f"{found.mean_loss:.3f}", "cross-entropy, nats"),
    ]


def sections(found: Evaluation, mistakes: list[Mistake]) -> list[Section]:
    """Classes, confusion, calibration, mistakes."""
    rows, confusion = weakest_first(found), confusion_of(found.classes, found.confusion.cpu().numpy())
    shown = mistakes[:MOST_MISTAKES]
    counts = {"total": found.total, "wrong": found.total - found.correct}
    sure = found.reliability
    calibration = {"rows": found.by_share(), "error": sure.error, "chance": sure.chance, "bins": BINS}
    return [
        Section("classes", "Classes", f"{FOLDER}/classes.html", {"rows": rows, "most_rows": MOST_CLASS_ROWS}),
        Section(
            "confusion", "Confusion", f"{FOLDER}/confusion.html", {"classes": found.classes, "confusion": confusion}
        ),
        Section("calibration", "As sure as right?", f"{FOLDER}/calibration.html", calibration, link="Calibration"),
        Section("mistakes", "Mistakes", f"{FOLDER}/mistakes.html", {"mistakes": shown, **counts}),
    ]


def weakest_first(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The rows of `Evaluation.per_class`, lowest recall first; classes without pictures come last."""
    return sorted(evaluation.per_class(), key=lambda row: math.inf if row["recall"] is None else row["recall"])
