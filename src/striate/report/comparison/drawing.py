"""The chart of a comparison as lines, circles and texts, in the order in which they are drawn: as SVG and as PNG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from striate.core.units import compact
from striate.models.catalog import Protocol
from striate.report.comparison.bubble_chart import BOTTOM, LEFT, RIGHT, TOP, Bubble, Chart

TITLE = "What a network costs and how often it errs"
ERROR_TITLE = "published top-5 error on ImageNet, %, at"  # and the protocol
MACS_TITLE = "multiply-accumulates for one picture"
KEY_TITLE = "area: parameters"
TEXT_PX = {"title": 18, "label": 12, "soft": 12}
BASELINE = 0.35  # of the letters' size, from the middle of a text down to the line that it stands on


@dataclass(frozen=True)
class Line:
    """A straight line; of the grid, or from a circle to its label."""

    kind: Literal["grid", "pointer"]
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Circle:
    """A network, filled with the colour of its family, or a circle of the key. told: for who points at it."""

    kind: Literal["network", "key"]
    x: float
    y: float
    radius: float
    family: int = 0
    told: str = ""


@dataclass(frozen=True)
class Text:
    """A text. x: its start, middle or end, as `anchor` says. y: its middle."""

    kind: Literal["title", "label", "soft"]
    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "middle"


Mark = Line | Circle | Text


def marks_of(chart: Chart) -> list[Mark]:
    """Everything that is drawn; positions are pixels of the chart."""
    return [*_frame(chart), *_key(chart), *_networks(chart)]


def facts(bubble: Bubble, protocol: Protocol) -> str:
    """A network in words."""
    network, error = bubble.network, bubble.network.error(protocol)
    published = f"{error.top5_pct:g} % at {protocol} ({error.source}), " if error else ""
    cost = f"{compact(network.macs)} MACs, {compact(network.inference_params)} parameters"
    return f"{network.name}: {published}{cost}"


def _frame(chart: Chart) -> list[Mark]:
    return [
        *(Line("grid", x, TOP, x, BOTTOM) for x, _ in chart.x_ticks),
        *(Line("grid", LEFT, y, RIGHT, y) for y, _ in chart.y_ticks),
        *(Text("soft", x, BOTTOM + 18, label) for x, label in chart.x_ticks),
        *(Text("soft", LEFT - 10, y, label, "end") for y, label in chart.y_ticks),
        Text("title", LEFT, 30, TITLE, "start"),
        Text("soft", LEFT, TOP - 14, f"{ERROR_TITLE} {chart.protocol}", "start"),
        Text("soft", (LEFT + RIGHT) / 2, BOTTOM + 42, MACS_TITLE),
    ]


def _key(chart: Chart) -> list[Mark]:
    last_x, last_radius, _ = chart.sizes[-1]
    return [
        *(Circle("key", x, TOP - 44, radius) for x, radius, _ in chart.sizes),
        *(Text("soft", x + radius + 6, TOP - 44, label, "start") for x, radius, label in chart.sizes),
        Text("soft", last_x - last_radius - 14, TOP - 44, KEY_TITLE, "end"),
    ]


def _networks(chart: Chart) -> list[Mark]:
    bubbles = chart.bubbles
    return [
        *(Circle("network", b.x, b.y, b.radius, b.family, facts(b, chart.protocol)) for b in bubbles),
        *(Line("pointer", *b.line) for b in bubbles if b.line),
        *(Text("label", b.label.x, b.label.y, b.network.name) for b in bubbles),
    ]
