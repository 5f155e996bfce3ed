"""Parts of a drawing and the lines between them, each given its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from striate.report.diagram.places import Size, across
from striate.report.diagram.ranks import Edge, Ranked, ranked

GAP_PX = 18.0  # between parts of a rank
FALL_PX = (20.0, 60.0)  # between ranks; more where lines go far aside
STEEPNESS = 0.1

Point = tuple[float, float]


class Part(NamedTuple):
    """What is to be placed. top, bottom: where lines meet it, below its upper edge."""

    size: Size
    top: float
    bottom: float


class Arranged(NamedTuple):
    """xs: of the line through each part. ys: of its upper edge. lines: points from the upper end to the lower."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    lines: dict[Edge, tuple[Point, ...]]
    width: float
    height: float


def arranged(parts: Sequence[Part], edges: Sequence[Edge]) -> Arranged:
    """Parts in ranks from the top down. edges: from a part to one of a higher number, each once."""
    graph = ranked(len(parts), edges)
    sizes = [part.size for part in parts]
    xs = across(graph, sizes, GAP_PX)
    bands = _bands(graph, sizes, xs)
    ys, middle = [0.0] * len(parts), [0.0] * len(xs)
    band_of = [(0.0, 0.0)] * len(xs)
    for rank, (top, bottom) in zip(graph.ranks, bands, strict=True):
        for node in rank:
            middle[node], band_of[node] = (top + bottom) / 2, (top, bottom)
            if node < graph.real:
                ys[node] = middle[node] - sizes[node].height / 2
    lines = dict[Edge, tuple[Point, ...]]()
    for (source, target), route in graph.routes.items():
        points = [(xs[source], ys[source] + parts[source].bottom), (xs[source], band_of[source][1])]
        for bend in route[1:-1]:
            points += [(xs[bend], edge) for edge in band_of[bend]]
        points += [(xs[target], band_of[target][0]), (xs[target], ys[target] + parts[target].top)]
        lines[source, target] = tuple(points)
    width = max((xs[node] + size.right for node, size in enumerate(sizes)), default=0.0)
    width = max([width, *xs])
    return Arranged(tuple(xs[: len(parts)]), tuple(ys), lines, width, bands[-1][1] if bands else 0.0)


def _bands(graph: Ranked, sizes: Sequence[Size], xs: Sequence[float]) -> list[tuple[float, float]]:
    """Upper and lower edge of each rank."""
    bands = list[tuple[float, float]]()
    for rank in graph.ranks:
        aside = max((abs(xs[node] - xs[above]) for node in rank for above in graph.above[node]), default=0.0)
        top = bands[-1][1] + min(max(FALL_PX[0], STEEPNESS * aside), FALL_PX[1]) if bands else 0.0
        bands.append((top, top + max((sizes[node].height for node in rank if node < graph.real), default=0.0)))
    return bands
