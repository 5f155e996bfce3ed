"""What a report tells of localisation: key figures, what became of each class, pictures with both boxes."""

from __future__ import annotations

import math

from striate.core.words import interval, percent
from striate.tasks.localisation.examples import Located
from striate.tasks.localisation.metric import PlaceEvaluation
from striate.tasks.task import Fact, Headline, Section

FOLDER = "localisation"
"""Below report/template/."""
MOST_CLASS_ROWS = 40
"""Classes up to which the table is not folded."""


def headline(found: PlaceEvaluation, split: str) -> Headline:
    """How many answers are right, in a sentence."""
    right = percent(1 - found.places.figures()["error"])
    return Headline(right, f"of {found.total:,} {split} pictures have class and box right")


def facts(found: PlaceEvaluation) -> list[Fact]:
    """Localisation error, its parts, mean IoU, loss."""
    figures, ends = found.places.figures(), found.intervals
    return [
        Fact("Localisation error", percent(figures["error"]), f"95 % interval {interval(ends['error'])}"),
        Fact("Class error", percent(figures["class_error"]), f"95 % interval {interval(ends['class_error'])}"),
        Fact("Box error", percent(figures["box_error"]), f"class known; {interval(ends['box_error'])}"),
        Fact("Mean IoU", percent(figures["mean_iou"]), f"class known; {interval(ends['mean_iou'])}"),
        Fact("Loss", f"{figures['loss']:.3f}", "cross-entropy, and what boxes lack"),
    ]


def sections(found: PlaceEvaluation, examples: list[Located]) -> list[Section]:
    """Classes, hardest first; mistakes and what went well."""
    rows = sorted(found.per_class(), key=lambda row: -math.inf if row["error"] is None else row["error"], reverse=True)
    wrong = int((~found.places.right).sum())
    shown = {"mistakes": [e for e in examples if not e.right], "right": [e for e in examples if e.right]}
    return [
        Section("classes", "Classes", f"{FOLDER}/classes.html", {"rows": rows, "most_rows": MOST_CLASS_ROWS}),
        Section("boxes", "Boxes", f"{FOLDER}/boxes.html", {**shown, "wrong": wrong, "total": found.total}),
    ]
