"""The report as one HTML file that needs nothing but itself: no script, nothing loaded, pictures inside."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from striate.core.files import write_bytes
from striate.core.units import compact, duration
from striate.core.version import __version__
from striate.report import words
from striate.report.charts import FRAME, charts_of, thinned
from striate.report.classes import confusion_of, weakest_first
from striate.report.facts import ReportFacts
from striate.report.pictures import shown
from striate.report.space import maps_of, shown_look_ups

TEMPLATES = Path(__file__).parent / "template"
SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
MOST_MISTAKES, MOST_SAMPLES = 24, 16
MOST_CLASS_ROWS, MOST_LAYER_ROWS, MOST_EPOCH_ROWS = 40, 30, 200


def write_report(path: Path, facts: ReportFacts) -> None:
    """Write the report of a run as one HTML file, whole or not at all.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    # File names may hold bytes that are no UTF-8 (lone surrogates here): they become question marks.
    write_bytes(path, render(facts).encode("utf-8", "replace"))


def render(facts: ReportFacts) -> str:
    """The page of a report. Every text from outside is escaped by the template engine."""
    evaluation = facts.evaluation
    page = environment().get_template("report.html.jinja")
    return page.render(
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
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),  # ours; escaped CSS would be wrong
        version=__version__,
    )


def environment() -> Environment:
    """The template engine: escapes everything, fails on a name that does not exist."""
    engine = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.globals["frame"] = FRAME
    engine.filters |= {
        "percent": words.percent,
        "interval": words.interval,
        "compact": lambda count: words.kept_together(compact(count)),
        "duration": lambda seconds: words.kept_together(duration(seconds)),
        "number": words.number,
        "flat": words.flat,
        "tail": tail,
        "shape": shape,
    }
    return engine


def median_speed(history: list[dict[str, Any]]) -> float | None:
    """Training pictures per second in the median epoch; None where it was not taken."""
    speeds = [entry["images_per_second"] for entry in history if entry["images_per_second"]]
    return median(speeds) if speeds else None


def tail(name: str) -> str:
    """The last part of a path of any system.

    >>> tail("photos/cat/a.jpg"), tail("C:\\\\photos\\\\b.jpg"), tail("digits[7]")
    ('a.jpg', 'b.jpg', 'digits[7]')
    """
    return re.split(r"[/\\]", name)[-1] or name


def shape(sizes: tuple[int, ...]) -> str:
    """A shape without the batch.

    >>> shape((1, 64, 28, 28)), shape(())
    ('64×28×28', '–')
    """
    return "×".join(map(str, sizes[1:])) or words.NO_VALUE
