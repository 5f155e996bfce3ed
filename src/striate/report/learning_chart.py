"""Accuracy over the number of pictures: the geometry. template/learning_curve.svg.jinja draws it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from striate.core.words import percent
from striate.frozen.learning_curve import LearningCurve
from striate.report.axis import Axis, value_axis
from striate.report.charts import Frame, Point

FRAME = Frame(width=640, height=360, left=56, right=616, top=46, bottom=306)
LINE_POINTS = 41


@dataclass(frozen=True)
class Measurement:
    """A point with its interval, in pixels: x, y, and the y of both ends. label: for who points at it."""

    x: float
    y: float
    low: float
    high: float
    label: str


@dataclass(frozen=True)
class LearningChart:
    """Ready to be drawn; positions are pixels, y downwards.

    line: of the fitted law. ahead: the part of it beyond all pictures. band: 95 % of the laws, as a closed line.
    """

    sentence: str
    line: str
    ahead: str
    band: str
    measured: tuple[Measurement, ...]
    forecast: Measurement
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def chart_of(curve: LearningCurve) -> LearningChart:
    """Put a learning curve on the drawing: pictures on a logarithmic axis, accuracy in per cent."""
    last = curve.sizes[-1].pictures
    first, twice = curve.sizes[0].pictures, 2 * curve.pictures
    places = np.geomspace(first, twice, LINE_POINTS).tolist()
    told = [curve.forecast(pictures) for pictures in places]
    shares = accuracy_axis(curve, [end for _, low, high in told for end in (low, high)])
    sizes = (*(size.pictures for size in curve.sizes), twice)
    pictures_axis = Axis(first, twice, sizes, tuple(f"{size:,}" for size in sizes), logarithmic=True)

    def x_of(pictures: float) -> float:
        return pictures_axis.place(pictures, FRAME.left, FRAME.right)

    def y_of(accuracy: float) -> float:
        return shares.place(100 * accuracy, FRAME.bottom, FRAME.top)

    def measurement(pictures: int, accuracy: float, low: float, high: float) -> Measurement:
        label = f"{pictures:,} pictures: {percent(accuracy)}, {percent(low)} to {percent(high)}"
        return Measurement(x_of(pictures), y_of(accuracy), y_of(low), y_of(high), label)

    line = [(x_of(n), y_of(accuracy)) for n, (accuracy, _, _) in zip(places, told, strict=True)]
    upper = [(x_of(n), y_of(high)) for n, (_, _, high) in zip(places, told, strict=True)]
    lower = [(x_of(n), y_of(low)) for n, (_, low, _) in zip(places, told, strict=True)]
    measured = tuple(measurement(size.pictures, size.accuracy, *size.interval) for size in curve.sizes)
    forecast = measurement(twice, *curve.forecast(twice))
    return LearningChart(
        sentence="Accuracy over pictures: " + "; ".join(one.label for one in (*measured, forecast)) + ", the forecast",
        line=path([point for point in line if point[0] <= x_of(last) + 1e-6]),
        ahead=path([point for point in line if point[0] >= x_of(last) - FRAME.width / LINE_POINTS]),
        band=f"{path([*upper, *lower[::-1]])}Z",
        measured=measured,
        forecast=forecast,
        x_ticks=pictures_axis.places(FRAME.left, FRAME.right),
        y_ticks=shares.places(FRAME.bottom, FRAME.top),
    )


def accuracy_axis(curve: LearningCurve, ends: list[float]) -> Axis:
    """An axis in per cent that holds all intervals."""
    ends = [*ends, *(end for size in curve.sizes for end in size.interval)]
    return value_axis(100 * min(ends), 100 * max(ends), ceiling=100)


def path(points: list[Point]) -> str:
    """A line as an SVG path.

    >>> path([(1, 2), (3, 4)])
    'M1.0 2.0L3.0 4.0'
    """
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
