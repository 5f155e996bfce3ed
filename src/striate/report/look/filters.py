"""The part with the first layer's filters as pictures, and the directions of its edges."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from striate.analysis.wiring import wiring
from striate.core.errors import StriateError
from striate.data.decode import Pixels
from striate.data.scan import Progress
from striate.report.look.part import Found
from striate.report.look.patches import Cutter, Patch, driven_of
from striate.report.look.subject import Subject
from striate.visual.attribution.score import in_evaluation
from striate.visual.filters import BINS, KINDS, Filter, Weights, first_filters

MOST_SHOWN = 256
HIGHER_SHOWN = 20
HEADINGS = {
    "edges": "Edges and stripes without colour, by direction",
    "coloured edges": "Edges and stripes in colours, by direction",
    "colours": "Colours without a direction, by hue",
    "others": "Others, longest first",
    "silent": "Filters that do nothing",
}


class Tile(NamedTuple):
    """A filter as a picture, and what is told of it."""

    number: int
    pixels: Pixels
    told: str


class Bar(NamedTuple):
    """A bar of the histogram, in its pixels. label: the direction, where there is room for it."""

    x: float
    height: float
    filters: int
    direction_deg: int
    label: str


class Higher(NamedTuple):
    """A layer of filters beyond the first: of some, most selective first, the patch that drives each, and words."""

    path: str
    filters: int
    patches: tuple[tuple[Patch, str], ...]


def look_at_filters(subject: Subject, progress: Progress) -> Found:
    """The filters that read the picture, sorted, with a histogram of the directions of those that look for edges.

    Higher ones, whose weights are over other maps, are shown by what drives them, where there are pictures.
    """
    size = tuple(subject.pictures.images([0]).shape[1:]) if subject.pictures else None
    found = first_filters(subject.network, wiring(subject.network, size), progress)
    higher = _higher(subject, found.path, progress) if subject.pictures else []
    shown = found.filters[:MOST_SHOWN]
    groups = [(HEADINGS[kind], [_tile(each) for each in shown if each.kind == kind]) for kind in KINDS]
    directions, counts = found.directions, found.counts
    edges = sum(directions)
    side = found.filters[0].weights.shape[1:]
    values = {
        "path": found.path,
        "count": len(found.filters),
        "size": "×".join(map(str, side)),
        "fitted": any(each.gabor for each in found.filters),
        "groups": [group for group in groups if group[1]],
        "left_out": len(found.filters) - len(shown),
        "bars": _bars(directions),
        "edges": edges,
        "held": sum(count > 0 for count in directions),
        "bins": BINS,
        "higher": higher,
        "along": (directions[0] + directions[BINS // 2]) / max(1, edges),
    }
    facts = {
        "layer": found.path,
        "counts": counts,
        "directions": directions,
        "filters": [_fact(each) for each in found.filters],
    }
    return Found(values, facts)


def as_picture(weights: Weights, largest: float = 0.0) -> Pixels:
    """Weights (C, h, w) as uint8 (h, w, 3 or 1): grey is 0, light is above it, up to the largest of them.

    Other than one or three channels are shown by their strongest pattern. largest: of more weights, if given.

    >>> as_picture(np.array([[[1.0, 0.0, -1.0]]])).ravel().tolist()
    [255, 128, 0]
    """
    if len(weights) not in (1, 3):
        _, strengths, patterns = np.linalg.svd(weights.reshape(len(weights), -1), full_matrices=False)
        weights = (strengths[0] * patterns[0]).reshape(1, *weights.shape[1:])
    largest = largest or float(np.abs(weights).max()) or 1.0
    pixels: Pixels = np.floor(127.5 * (1 + weights / largest) + 0.5).astype(np.uint8).transpose(1, 2, 0)
    return pixels


def _higher(subject: Subject, first: str, progress: Progress) -> list[Higher]:
    """Of the layers of maps beyond the first, what drives the most selective units."""
    image = subject.sample.images([0])
    cutter = Cutter(subject.network, (image.shape[1], image.shape[2], image.shape[3]))
    with in_evaluation(subject.network, subject.seed):
        try:
            driven = driven_of(subject, progress)
        except StriateError:  # which the part of units tells
            return []
    found = []
    for each in driven:
        if each.end.layer == first or each.rows * each.columns == 1:
            continue
        chosen = [unit for unit in each.selectivity.order.tolist() if not each.dead[unit]][:HIGHER_SHOWN]
        patches = [(cutter.patches(subject, each, unit, 1)[0], f"Unit {unit} of {each.end.layer}") for unit in chosen]
        found.append(Higher(each.end.layer, len(each), tuple(patches)))
    return found


def _tile(each: Filter) -> Tile:
    told = f"Unit {each.number}"
    if each.kind in KINDS[:2]:
        told += f": {each.orientation_deg:.0f}°"
        if each.gabor:
            told += f", {each.gabor.cycles_px:.2f} cycles per pixel"
    return Tile(each.number, as_picture(each.weights), told)


def _bars(directions: list[int]) -> list[Bar]:
    highest = max(*directions, 1)
    step = 180 // BINS
    return [
        Bar(28 * place, 90 * count / highest, count, step * place, f"{step * place}°" if place % 3 == 0 else "")
        for place, count in enumerate(directions)
    ]


def _fact(each: Filter) -> dict[str, Any]:
    gabor = each.gabor
    return {
        "unit": each.number,
        "kind": each.kind,
        "orientation_deg": each.orientation_deg if each.kind in KINDS[:2] else None,
        "cycles_px": gabor.cycles_px if gabor else None,
        "explained": gabor.explained if gabor else None,
    }
