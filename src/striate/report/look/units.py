"""The part on units: of every layer what drives its most selective ones, and which units answer to a class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from striate.core.errors import StriateError
from striate.data.scan import Progress
from striate.report.look.part import Found
from striate.report.look.patches import PATCH_PX, PICTURES, Cutter, Patch, driven_of, shown_patch
from striate.report.look.subject import Subject
from striate.report.look.visualisation import part_of, pictures_for
from striate.report.pictures import Shown
from striate.visual.attribution.score import in_evaluation
from striate.visual.dreams.objectives import excited
from striate.visual.units.driven import Driven

UNITS = 5
"""Of a layer, the most selective that are not dead."""
STEPS = 32
"""Of a picture that is made up."""
OF_CLASS, PATCHES_OF_CLASS = 4, 4
"""Units that are shown for a class, and patches of each."""


@dataclass(frozen=True)
class Unit:
    """A unit, what it tells, what drives it. kind: what it answers to most, "" where nobody knows. made_up: or None."""

    layer: str
    number: int
    kind: str
    selectivity: float
    patches: tuple[Patch, ...]
    made_up: Shown | None = None


@dataclass(frozen=True)
class Layer:
    """A layer and some of its units. dead: how many of all give the same number everywhere."""

    path: str
    count: int
    dead: int
    sees_all: bool
    exact: bool
    units: tuple[Unit, ...]


def look_at_units(subject: Subject, progress: Progress) -> Found:
    """Of every layer its most selective units with what drives them, and by class the units that answer to it most."""
    image = subject.sample.images([0])
    with in_evaluation(subject.network, subject.seed):
        driven = driven_of(subject, partial(part_of, progress, 0, 2))
        cutter = Cutter(subject.network, (image.shape[1], image.shape[2], image.shape[3]))
        layers = []
        for done, each in enumerate(driven):
            tick = partial(_within, progress, done, len(driven))
            layers.append(_layer(subject, cutter, each, driven, image, tick))
    progress(200, 200)
    by_kind = _by_kind(subject, driven)
    values = {
        "layers": layers,
        "by_kind": [
            (subject.sample.kind_name(kind), [_unit(subject, cutter, *one, PATCHES_OF_CLASS) for one in several])
            for kind, several in by_kind.items()
        ],
        "known": bool((subject.sample.kinds >= 0).any()),
        "pictures": len(subject.sample),
    }
    return Found(values, _facts(subject, driven, layers, by_kind))


def _layer(
    subject: Subject, cutter: Cutter, driven: Driven, all_driven: list[Driven], image: Tensor, tick: Progress
) -> Layer:
    chosen = [unit for unit in driven.selectivity.order.tolist() if not driven.dead[unit]][:UNITS]
    made: list[Shown] = []
    alone = sum(each.end.visible == driven.end.visible for each in all_driven) == 1
    if chosen and alone:
        try:
            objectives = [excited(driven.end.visible, unit) for unit in chosen]
            pictures = pictures_for(subject, objectives, image, tick, STEPS)
            made = [shown_patch(pixels, (0, 0, pixels.shape[1], pixels.shape[0]), 2 * PATCH_PX) for pixels in pictures]
        except StriateError:  # such as a network without gradients; the patches need none
            made = []
    units = tuple(
        _unit(subject, cutter, driven, unit, made_up=made[place] if made else None) for place, unit in enumerate(chosen)
    )
    _, height, width = cutter.size
    sees_all = all(patch.sees[2:] == (width, height) for unit in units for patch in unit.patches)
    return Layer(driven.end.layer, len(driven), int(driven.dead.sum()), sees_all, cutter.is_exact(driven), units)


def _unit(
    subject: Subject, cutter: Cutter, driven: Driven, unit: int, most: int = PICTURES, made_up: Shown | None = None
) -> Unit:
    kind = int(driven.selectivity.classes[unit])
    name = subject.sample.kind_name(kind) if kind >= 0 else ""
    patches = tuple(cutter.patches(subject, driven, unit, most))
    return Unit(driven.end.layer, unit, name, float(driven.selectivity.shares[unit]), patches, made_up)


def _by_kind(subject: Subject, driven: list[Driven]) -> dict[int, list[tuple[Driven, int]]]:
    """Of each kind the units that answer to it most and are most selective, over all layers."""
    found: dict[int, list[tuple[float, int, int]]] = {
        kind: [] for kind in np.unique(subject.sample.kinds).tolist() if kind >= 0
    }
    for place, each in enumerate(driven):
        for unit in np.flatnonzero(~each.dead).tolist():
            kind = int(each.selectivity.classes[unit])
            if kind in found:
                found[kind].append((-float(each.selectivity.shares[unit]), place, unit))
    return {kind: [(driven[place], unit) for _, place, unit in sorted(rows)[:OF_CLASS]] for kind, rows in found.items()}


def _facts(
    subject: Subject, driven: list[Driven], layers: list[Layer], by_kind: dict[int, list[tuple[Driven, int]]]
) -> dict[str, Any]:
    names = subject.sample.kind_name
    return {
        "layers": [
            {
                "layer": layer.path,
                "units": layer.count,
                "dead": np.flatnonzero(each.dead).tolist(),
                "selectivity": [round(float(share), 4) for share in each.selectivity.shares],
                "classes": [names(kind) if kind >= 0 else None for kind in each.selectivity.classes.tolist()],
                "shown": [{"unit": unit.number, "pictures": list(map(_fact, unit.patches))} for unit in layer.units],
            }
            for layer, each in zip(layers, driven, strict=True)
        ],
        "by_class": {
            names(kind): [
                {"layer": each.end.layer, "unit": unit, "selectivity": float(each.selectivity.shares[unit])}
                for each, unit in several
            ]
            for kind, several in by_kind.items()
        },
    }


def _fact(patch: Patch) -> dict[str, Any]:
    told = patch._asdict()
    del told["shown"]
    return told


def _within(progress: Progress, begun: int, total: int, done: int, of: int) -> None:
    """How far the second half is, when `begun` of `total` layers and a part of the next are done."""
    progress(100 + round(100 * (begun + done / of) / total), 200)
