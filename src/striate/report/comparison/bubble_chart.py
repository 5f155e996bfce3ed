"""Networks as circles: published error against multiply-accumulates, the area is the parameters. Geometry only.

Positions are pixels of the drawing, y downwards. Labels are placed so that they cover no other label.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from striate.analysis.zoo import Overview, short
from striate.models.catalog import Protocol
from striate.report.colours import FAMILIES

WIDTH, HEIGHT = 960, 600
LEFT, RIGHT, TOP, BOTTOM = 64, 936, 76, 540  # edges of the area where the circles are
LARGEST_PX, SMALLEST_PX = 42.0, 4.0  # radii
LETTER_PX, LINE_PX = 7.0, 15.0  # of the labels' letters, at most
ROUND = (1, 2, 5)  # ticks are these, times powers of ten
DISTANCES_PX = (0, 10, 22, 36, 54, 76, 102, 134, 170)  # of a label from its circle; beyond the first with a line
DIRECTIONS = 16

Tick = tuple[float, str]
Scale = Callable[[float], float]


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
    x_of, x_ticks = _logarithmic([network.macs for network in networks])
    errors = {network.name: error.top5_pct for network in networks if (error := network.error(protocol))}
    y_of, y_ticks = _linear(list(errors.values()))
    papers = list(dict.fromkeys(network.paper for network in networks))

    def radius(params: float) -> float:
        return max(SMALLEST_PX, LARGEST_PX * math.sqrt(params / largest))

    def bubble(network: Overview) -> Bubble:
        family = papers.index(network.paper) % len(FAMILIES)
        size = radius(network.inference_params)
        return Bubble(network, x_of(network.macs), y_of(errors[network.name]), size, family, NOWHERE)

    bubbles = [bubble(network) for network in sorted(networks, key=lambda network: -network.inference_params)]
    keys = sorted({_round_down(largest / part) for part in (3, 12, 60)}, reverse=True)
    middles = [RIGHT - 80 - 100 * place for place in range(len(keys))]
    sizes = tuple((x, radius(key), _plain(key)) for x, key in zip(middles, keys, strict=True))
    return Chart(tuple(labelled(bubbles)), x_ticks, y_ticks, sizes, protocol)


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


def _logarithmic(values: Sequence[float]) -> tuple[Scale, tuple[Tick, ...]]:
    low, high = math.log10(min(values)), math.log10(max(values))
    middle, half = (low + high) / 2, max((high - low) / 2, 0.2)
    margin = LARGEST_PX + 24

    def x_of(value: float) -> float:
        share = (math.log10(value) - middle + half) / (2 * half)
        return LEFT + margin + share * (RIGHT - LEFT - 2 * margin)

    powers = range(math.floor(low) - 1, math.ceil(high) + 2)
    ticks = [factor * 10.0**power for power in powers for factor in ROUND]
    return x_of, tuple((x_of(tick), _plain(tick)) for tick in ticks if LEFT <= x_of(tick) <= RIGHT)


def _linear(values: Sequence[float]) -> tuple[Scale, tuple[Tick, ...]]:
    low, high = min(values), max(values)
    middle, half = (low + high) / 2, max((high - low) / 2, 0.5)
    margin = LARGEST_PX + 14

    def y_of(value: float) -> float:
        return BOTTOM - margin - (value - middle + half) / (2 * half) * (BOTTOM - TOP - 2 * margin)

    step = next(s for power in range(-1, 3) for s in (f * 10.0**power for f in ROUND) if 2 * half / s <= 8)
    first, last = math.floor(low / step) - 4, math.ceil(high / step) + 4
    ticks = [number * step for number in range(first, last + 1) if number >= 0]
    return y_of, tuple((y_of(tick), f"{tick:g}") for tick in ticks if TOP <= y_of(tick) <= BOTTOM)


def _round_down(value: float) -> float:
    """The next smaller of 1, 2, 5 times a power of ten.

    >>> _round_down(138_357_544), _round_down(6_917_877)
    (100000000.0, 5000000.0)
    """
    power = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in ROUND if factor * power <= value)


def _plain(count: float) -> str:
    """A round count without zeros after the point.

    >>> _plain(5e9), _plain(200e6), _plain(1e3)
    ('5 G', '200 M', '1 k')
    """
    number, _, unit = short(count).partition(" ")
    return f"{float(number):g} {unit}".rstrip()
