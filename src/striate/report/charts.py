"""Curves over epochs: the geometry. template/chart.html.jinja draws it, style.css colours it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from striate.report.axis import Axis, epoch_axis, value_axis

if TYPE_CHECKING:
    from striate.tasks.task import Figure

MOST_POINTS = 500  # more cannot be told apart on 300 pixels
MARKED_UP_TO = 15  # epochs; with few of them, each is a dot

Point = tuple[float, float]


class Frame(NamedTuple):
    """Size of a drawing, and the edges of the area in it where the curves are, in pixels."""

    width: int = 352
    height: int = 230
    left: int = 44
    right: int = 342
    top: int = 22
    bottom: int = 194


FRAME = Frame()


@dataclass(frozen=True)
class Curve:
    """One line: its name, its points in pixels as the runs between gaps, and whether each point is marked."""

    name: str
    runs: tuple[tuple[Point, ...], ...]
    marked: bool

    @property
    def path(self) -> str:
        """The line as an SVG path."""
        return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run) for run in self.runs)

    @property
    def dots(self) -> list[Point]:
        """Points to mark; always those of a run of one, for a line of no length cannot be seen."""
        return [point for run in self.runs for point in run if self.marked or len(run) == 1]


@dataclass(frozen=True)
class Chart:
    """Curves with their axes, ready to be drawn. Positions are pixels of the drawing, y downwards.

    title, unit: of the values. sentence: what a person who cannot see the chart should hear. x_ticks, y_ticks:
    position and label. best_epoch, best_x: the epoch whose weights were kept. best_y: the last curve there; None where
    it has no value.
    """

    title: str
    unit: str
    sentence: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    best_epoch: int
    best_x: float
    best_y: float | None

    @property
    def best_anchor(self) -> str:
        """Which side of `best_x` its label may grow to without leaving the drawing."""
        if self.best_x < FRAME.left + 30:
            return "start"
        return "end" if self.best_x > FRAME.right - 30 else "middle"


def charts_of(history: list[dict[str, Any]], best_epoch: int, figures: tuple[Figure, ...]) -> list[Chart]:
    """Figures that a run has, and its rate, over the epochs. history: as in `ReportFacts`; empty gives no charts."""
    if not history:
        return []
    kept = thinned(history, best_epoch)
    charts = [figure_chart(figure, kept, best_epoch) for figure in figures]
    rate = {"learning rate": series(kept, "lr")}
    rates = chart("Learning rate", "per step", rate, best_epoch, value_axis(0, extremes(rate)[1]))
    return [*filter(None, charts), rates]


def figure_chart(figure: Figure, history: list[dict[str, Any]], best_epoch: int) -> Chart | None:
    """A figure over the epochs, shares in per cent; None where the history has it of neither part of the data."""
    shares = figure.unit == "%"
    parts = {"training": f"train_{figure.key}", "validation": f"val_{figure.key}"}
    found = {
        name: series(history, key, 100 if shares else 1)
        for name, key in parts.items()
        if any(key in entry for entry in history)
    }
    if not found:
        return None
    low, high = extremes(found)
    axis = value_axis(low, high, ceiling=100) if shares else value_axis(min(0.0, low), high)
    return chart(figure.heading, "in %" if shares else figure.unit, found, best_epoch, axis)


def series(history: list[dict[str, Any]], key: str, scale: float = 1) -> list[Point]:
    """A figure by epoch; what is not there is not a number."""
    return [(entry["epoch"], scale * number_or_nan(entry.get(key))) for entry in history]


def chart(title: str, unit: str, series: dict[str, list[Point]], best_epoch: int, values: Axis) -> Chart:
    """Put series of (epoch, value) on the drawing; a value that is not finite leaves a gap."""
    known = list(series.values())[-1]
    epochs = epoch_axis(min(int(known[0][0]), best_epoch), int(known[-1][0]))  # 0: before the first

    def x_of(epoch: float) -> float:
        return epochs.place(epoch, FRAME.left, FRAME.right)

    def y_of(value: float) -> float:
        return values.place(value, FRAME.bottom, FRAME.top)

    def curve(name: str, points: list[Point]) -> Curve:
        runs = tuple(tuple((x_of(epoch), y_of(value)) for epoch, value in run) for run in unbroken(points))
        return Curve(name, runs, marked=len(points) <= MARKED_UP_TO)

    best = [y_of(value) for epoch, value in known if epoch == best_epoch and math.isfinite(value)]
    return Chart(
        title=title,
        unit=unit,
        sentence=f"{title} {unit}".rstrip() + ": " + "; ".join(told(name, points) for name, points in series.items()),
        curves=tuple(curve(name, points) for name, points in series.items()),
        x_ticks=epochs.places(FRAME.left, FRAME.right),
        y_ticks=values.places(FRAME.bottom, FRAME.top),
        best_epoch=best_epoch,
        best_x=x_of(best_epoch),
        best_y=best[0] if best else None,
    )


def thinned(history: list[dict[str, Any]], best_epoch: int, most: int = MOST_POINTS) -> list[dict[str, Any]]:
    """Every n-th epoch, so that at most about `most` remain; the first, the best and the last stay.

    >>> [entry["epoch"] for entry in thinned([{"epoch": n} for n in range(1, 12)], best_epoch=6, most=3)]
    [1, 5, 6, 9, 11]
    """
    every = math.ceil(len(history) / most)
    last = len(history) - 1
    return [
        entry
        for number, entry in enumerate(history)
        if number % every == 0 or number == last or entry["epoch"] == best_epoch
    ]


def unbroken(points: list[Point]) -> Iterable[list[Point]]:
    """The runs of finite values between gaps.

    >>> list(unbroken([(1, 5.0), (2, math.nan), (3, 4.0), (4, 3.0)]))
    [[(1, 5.0)], [(3, 4.0), (4, 3.0)]]
    """
    groups = groupby(points, key=lambda point: math.isfinite(point[1]))
    return (list(run) for finite, run in groups if finite)


def extremes(series: dict[str, list[Point]]) -> tuple[float, float]:
    """The smallest and the largest finite value; 0 and 0 where there is none."""
    values = [value for points in series.values() for _, value in points if math.isfinite(value)] or [0.0]
    return min(values), max(values)


def number_or_nan(value: float | None) -> float:
    """A figure that was not taken as not-a-number, which leaves a gap in the curve."""
    return math.nan if value is None else value


def told(name: str, points: list[Point]) -> str:
    """A curve in words.

    >>> told("training", [(1, 2.302), (30, 0.0123)])
    'training from 2.3 in epoch 1 to 0.0123 in epoch 30'
    """
    (first, start), (last, end) = points[0], points[-1]
    return f"{name} from {start:.3g} in epoch {first:.0f} to {end:.3g} in epoch {last:.0f}"
