"""A learning curve as one offline page, and its chart as a file of its own."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from striate.core.files import write_bytes
from striate.core.version import __version__
from striate.features.dataset_curve import DataCurve
from striate.features.learning_curve import LearningCurve
from striate.report.learning_chart import FRAME, chart_of
from striate.report.page import TEMPLATES, environment

NAME = "learning-curve"


def write_curve(folder: Path, found: DataCurve) -> tuple[Path, Path]:
    """Write learning-curve.html and learning-curve.svg into a folder, and return both.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    page, drawing = folder / f"{NAME}.html", folder / f"{NAME}.svg"
    write_bytes(page, render_curve(found).encode("utf-8", "replace"))
    write_bytes(drawing, f'<?xml version="1.0" encoding="UTF-8"?>\n{draw(found.curve, alone=True)}\n'.encode())
    return page, drawing


def render_curve(found: DataCurve) -> str:
    """The page of a learning curve."""
    return environment().get_template("learning_curve.html.jinja").render(
        found=found,
        curve=found.curve,
        forecast=found.curve.forecast(found.twice),
        svg=Markup(draw(found.curve)),  # ours; all text in it is numbers
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        version=__version__,
    )  # fmt: skip


def draw(curve: LearningCurve, *, alone: bool = False) -> str:
    """The chart as SVG; alone: with a ground of its own."""
    template = environment().get_template("learning_curve.svg.jinja")
    return template.render(chart=chart_of(curve), place=FRAME, alone=alone)
