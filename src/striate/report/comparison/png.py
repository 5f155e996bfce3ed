"""The chart of a comparison as a PNG picture, drawn by matplotlib at the places that `bubbles` decided."""

from __future__ import annotations

import io
from typing import Any

from striate.report.comparison.bubble_chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart
from striate.report.comparison.page import COLOURS, ERROR_TITLE, KEY_TITLE, MACS_TITLE, TITLE

INK, SOFT, GRID = "#1b1f27", "#59616e", "#dfe2e7"
DPI = 200  # of a drawing of 100 pixels per inch: twice as sharp
POINT = 0.72  # points per pixel of the drawing


def as_png(chart: Chart) -> bytes:
    """The chart on white, 1920 x 1200 pixels."""
    from matplotlib.figure import Figure  # half a second, needed only here

    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.set_axis_off()
    _frame(axes, chart)
    _circles(axes, chart)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _frame(axes: Any, chart: Chart) -> None:
    for x, label in chart.x_ticks:
        axes.plot([x, x], [TOP, BOTTOM], color=GRID, linewidth=0.7, zorder=0)
        _write(axes, x, BOTTOM + 18, label)
    for y, label in chart.y_ticks:
        axes.plot([LEFT, RIGHT], [y, y], color=GRID, linewidth=0.7, zorder=0)
        _write(axes, LEFT - 10, y, label, ha="right")
    _write(axes, LEFT, 30, TITLE, ha="left", size=18, color=INK, weight="bold")
    _write(axes, LEFT, TOP - 14, f"{ERROR_TITLE} {chart.protocol}", ha="left")
    _write(axes, (LEFT + RIGHT) / 2, BOTTOM + 42, MACS_TITLE)


def _circles(axes: Any, chart: Chart) -> None:
    from matplotlib.patches import Circle

    for bubble in chart.bubbles:
        colour = COLOURS[bubble.family][0]
        axes.add_patch(Circle((bubble.x, bubble.y), bubble.radius, color=colour, alpha=0.3, linewidth=0))
        axes.add_patch(Circle((bubble.x, bubble.y), bubble.radius, fill=False, edgecolor=colour, linewidth=1))
        if bubble.line:
            axes.plot(bubble.line[::2], bubble.line[1::2], color=SOFT, linewidth=0.6)
    for bubble in chart.bubbles:
        _write(axes, bubble.label.x, bubble.label.y, bubble.network.name, color=INK)
    for x, radius, label in chart.sizes:
        axes.add_patch(Circle((x, TOP - 44), radius, fill=False, edgecolor=SOFT, linewidth=0.8))
        _write(axes, x + radius + 6, TOP - 44, label, ha="left")
    last_x, last_radius, _ = chart.sizes[-1]
    _write(axes, last_x - last_radius - 14, TOP - 44, KEY_TITLE, ha="right")


def _write(
    axes: Any,
    x: float,
    y: float,
    text: str,
    *,
    ha: str = "center",
    size: float = 12,
    color: str = SOFT,
    weight: str = "normal",
) -> None:
    axes.text(x, y, text, ha=ha, va="center", fontsize=size * POINT, color=color, fontweight=weight)
