"""Networks as circles: published error against multiply-accumulates, the area is the parameters. Geometry only.

Positions are pixels of the drawing, y downwards. Labels are placed so that they cover no other label.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from striate.analysis.zoo import Overview
from striate.models.catalog import Protocol
from striate.report.axis import Axis, count_axis, count_label, fixed_axis, rounded_up
from striate.report.colours import FAMILIES

WIDTH, HEIGHT = 960, 600
LEFT, RIGHT, TOP, BOTTOM = 64, 936, 76, 540  # edges of the area where the circles are
LARGEST_PX, SMALLEST_PX = 42.0, 4.0  # radii
LETTER_PX, LINE_PX = 7.0, 15.0  # of the labels' letters, at most
DISTANCES_PX = (0, 10, 22, 36, 54, 76, 102, 134, 170)  # of a label from its circle; beyond the first with a line
DIRECTIONS = 16

Tick = tuple[float, str]


class Box(NamedTuple):
    """A label's place: its middle, width and height."""

    x: float
    y: float
    width: float
    height: float

    def overlap(self, other: Box) -> float:
        """Area that two boxes share."""
        across = (self.width + other.width) / 2 - abs(self.x - other.x)
        down = (self.height + other.height) / 2 - abs(self.y - other.y)
        return max(0.0, across) * max(0.0, down)

    def distance(self, x: float, y: float) -> float:
        """From a point to the nearest point of the box."""
        return math.hypot(max(0.0, abs(x - self.x) - self.width / 2), max(0.0, abs(y - self.y) - self.height / 2))

    def outside(self) -> bool:
        """Whether it leaves the area."""
        half_width, half_height = self.width / 2, self.height / 2
        inside_x = self.x - half_width >= LEFT and self.x + half_width <= RIGHT
        return not (inside_x and self.y - half_height >= TOP and self.y + half_height <= BOTTOM)


NOWHERE = Box(-1e6, -1e6, 0, 0)


@dataclass(frozen=True)
class Bubble:
    """A network. family: number of its paper's colour. line: from the circle to a label that is far, or None."""

    network: Overview
    x: float
    y: float
    radius: float
    family: int
    label: Box
    line: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Chart:
    """What is drawn. protocol: of the errors. sizes: circles of the key: middle, radius, what they stand for."""

    bubbles: tuple[Bubble, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    sizes: tuple[tuple[float, float, str], ...]
    protocol: Protocol


def chart_of(networks: Sequence[Overview], protocol: Protocol) -> Chart:
    """At least one network with an error at a protocol, largest circle first so that none is covered whole."""
    largest = max(network.inference_params for network in networks)
    macs = _macs_axis([network.macs for network in networks])
    errors = {network.name: error.top5_pct for network in networks if (error := network.error(protocol))}
    shown = _error_axis(errors.values())
    papers = list(dict.fromkeys(network.paper for network in networks))

    def radius(params: float) -> float:
        return max(SMALLEST_PX, LARGEST_PX * math.sqrt(params / largest))

    def bubble(network: Overview) -> Bubble:
        family = papers.index(network.paper) % len(FAMILIES)
        size = radius(network.inference_params)
        x, y = macs.place(network.macs, LEFT, RIGHT), shown.place(errors[network.name], BOTTOM, TOP)
        return Bubble(network, x, y, size, family, NOWHERE)

    bubbles = [bubble(network) for network in sorted(networks, key=lambda network: -network.inference_params)]
    keys = sorted({rounded_up(largest / part) for part in (7.5, 30, 110)}, reverse=True)
    middles = [RIGHT - 80 - 100 * place for place in range(len(keys))]
    sizes = tuple((x, radius(key), count_label(key)) for x, key in zip(middles, keys, strict=True))
    ticks = macs.places(LEFT, RIGHT), shown.places(BOTTOM, TOP)
    return Chart(tuple(labelled(bubbles)), *ticks, sizes, protocol)


def labelled(bubbles: Sequence[Bubble]) -> list[Bubble]:
    """With every label at the best of its places; three times over, as the first did not know the last."""
    placed = list(bubbles)
    for _ in range(3):
        for index, bubble in enumerate(placed):
            others = placed[:index] + placed[index + 1 :]
            places = _places(bubble)
            placed[index] = min(places, key=lambda place: _cost(place, others))
    return placed


def _places(bubble: Bubble) -> Iterator[Bubble]:
    """The label inside its circle if there is room, else around it at growing distances."""
    width = LETTER_PX * len(bubble.network.name)
    if 2 * bubble.radius > width:
        yield replace(bubble, label=Box(bubble.x, bubble.y, width, LINE_PX), line=None)
    for distance in DISTANCES_PX:
        for direction in range(DIRECTIONS):
            angle = 2 * math.pi * direction / DIRECTIONS
            across, down = math.cos(angle), -math.sin(angle)
            reach = bubble.radius + 3 + distance
            middle_x = bubble.x + across * (reach + width / 2)
            middle_y = bubble.y + down * (reach + LINE_PX / 2)
            edge = (bubble.x + across * bubble.radius, bubble.y + down * bubble.radius)
            line = (*edge, bubble.x + across * reach, bubble.y + down * reach) if distance else None
            yield replace(bubble, label=Box(middle_x, middle_y, width, LINE_PX), line=line)


def _cost(place: Bubble, others: Sequence[Bubble]) -> float:
    """How bad a place is: covering a label or leaving the area is worst, then covering circles, then being far."""
    cost = 1e6 * place.label.outside()
    cost += sum(1e4 + place.label.overlap(other.label) for other in others if place.label.overlap(other.label))
    for other in others:
        covered = other.radius - place.label.distance(other.x, other.y)
        cost += 40 + covered if covered > 0 else 0.0
        cost += 300 * (place.line is not None and _crosses(place.line, other.label))
    if place.line:
        cost += 25 + math.dist(place.line[:2], place.line[2:])
    beside = abs(place.label.y - place.y) < 1
    return cost + (0.0 if beside else 2.0) + (1.0 if place.label.x < place.x else 0.0)


def _crosses(line: tuple[float, float, float, float], label: Box) -> bool:
    x0, y0, x1, y1 = line
    points = ((x0 + (x1 - x0) * part / 6, y0 + (y1 - y0) * part / 6) for part in range(7))
    return any(label.distance(x, y) < 2 for x, y in points)


def _macs_axis(macs: Sequence[int]) -> Axis:
    """Logarithmic, with room for the largest circle on both sides."""
    low, high = _with_margin([math.log10(count) for count in macs], 0.2, LARGEST_PX + 24, RIGHT - LEFT)
    return count_axis(10**low, 10**high)


def _error_axis(errors: Collection[float]) -> Axis:
    """In per cent, with room for the largest circle above and below."""
    return fixed_axis(*_with_margin(errors, 0.5, LARGEST_PX + 14, BOTTOM - TOP), floor=0)


def _with_margin(values: Collection[float], least: float, margin_px: float, length_px: float) -> tuple[float, float]:
    """The ends of an axis on which values of a range of at least 2 * `least` keep a distance from both."""
    low, high = min(values), max(values)
    middle, half = (low + high) / 2, max((high - low) / 2, least)
    half *= length_px / (length_px - 2 * margin_px)
    return middle - half, middle + half
