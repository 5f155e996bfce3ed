"""A learning curve as one offline page, and its chart as a file of its own."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from striate.core.files import write_bytes
from striate.frozen.dataset_curve import DataCurve
from striate.frozen.learning_curve import LearningCurve
from striate.report.learning_chart import FRAME, chart_of
from striate.report.offline import rendered, svg_file, write_page

NAME = "learning-curve"


def write_curve(folder: Path, found: DataCurve) -> tuple[Path, Path]:
    """Write learning-curve.html and learning-curve.svg into a folder, and return both.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    page, drawing = folder / f"{NAME}.html", folder / f"{NAME}.svg"
    write_page(page, render_curve(found))
    write_bytes(drawing, svg_file(draw(found.curve, alone=True)))
    return page, drawing


def render_curve(found: DataCurve) -> str:
    """The page of a learning curve."""
    return rendered(
        "learning_curve.html",
        found=found,
        curve=found.curve,
        forecast=found.curve.forecast(found.twice),
        svg=Markup(draw(found.curve)),  # ours; all text in it is numbers
    )


def draw(curve: LearningCurve, *, alone: bool = False) -> str:
    """The chart as SVG; alone: with a ground of its own."""
    return rendered("learning_curve.svg", chart=chart_of(curve), place=FRAME, alone=alone)
