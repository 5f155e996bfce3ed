"""The report of a run as an offline page."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from striate.report.charts import charts_of, thinned
from striate.report.classes import confusion_of, weakest_first
from striate.report.facts import ReportFacts
from striate.report.offline import rendered, write_page
from striate.report.pictures import shown
from striate.report.space import maps_of, shown_look_ups

SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
MOST_MISTAKES, MOST_SAMPLES = 24, 16
MOST_CLASS_ROWS, MOST_LAYER_ROWS, MOST_EPOCH_ROWS = 40, 30, 200


def write_report(path: Path, facts: ReportFacts) -> None:
    """Write the report of a run as one HTML file, whole or not at all.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    write_page(path, render(facts))


def render(facts: ReportFacts) -> str:
    """The page of a report."""
    evaluation = facts.evaluation
    return rendered(
        "report.html",
        facts=facts,
        evaluation=evaluation,
        metrics=evaluation.to_dict(),
        split_name=SPLIT_NAMES.get(facts.evaluated_split, facts.evaluated_split),
        network=facts.cost.name if facts.cost else facts.recipe.get("model", "network"),
        speed=median_speed(facts.history),
        charts=charts_of(facts.history, facts.best_epoch),
        epochs=thinned(facts.history, facts.best_epoch, MOST_EPOCH_ROWS),
        findings=[finding for entry in facts.history for finding in entry.get("findings", ())],
        vitals=[entry for entry in facts.history if "update_ratio" in entry],
        class_rows=weakest_first(evaluation),
        confusion=confusion_of(evaluation),
        mistakes=[(mistake, shown(mistake.pixels)) for mistake in facts.mistakes[:MOST_MISTAKES]],
        samples=[(sample, shown(sample.pixels)) for sample in facts.augmented[:MOST_SAMPLES]],
        most_class_rows=MOST_CLASS_ROWS,
        most_layer_rows=MOST_LAYER_ROWS,
        maps=maps_of(facts.space) if facts.space else [],
        look_ups=shown_look_ups(facts.space) if facts.space else [],
    )


def median_speed(history: list[dict[str, Any]]) -> float | None:
    """Training pictures per second in the median epoch; None where it was not taken."""
    speeds = [entry["images_per_second"] for entry in history if entry["images_per_second"]]
    return median(speeds) if speeds else None
