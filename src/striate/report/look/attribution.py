"""The part on reasons: maps by every method of a few pictures, and what the maps are worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from striate.core.errors import StriateError
from striate.data.decode import Pixels
from striate.data.scan import Progress
from striate.report.look.heat import heated
from striate.report.look.part import Found
from striate.report.look.subject import UNKNOWN, Subject
from striate.visual.attribution.areas import Areas, areas, of_chance
from striate.visual.attribution.asked import Asked, Method
from striate.visual.attribution.dependence import Dependence, dependences
from striate.visual.attribution.layer import last_layer_of_maps
from striate.visual.attribution.methods import METHODS, Maps, as_array, ask
from striate.visual.attribution.score import CannotShow, best_classes, in_evaluation

SHOWN = 4
"""Pictures whose maps are shown."""
STEPS = 25
"""That integrated gradients and SmoothGrad average over, of maps that are shown."""
DRAWN_ANEW, DRAWN_STEPS = 2, 8
"""Pictures and steps of the maps whose network is drawn anew again and again."""


@dataclass(frozen=True)
class Judged:
    """What a method came to: its maps, (N, H, W), and what they are worth; or why there are none."""

    method: Method
    maps: Maps | None = None
    areas: Areas | None = None
    dependence: Dependence | None = None
    why_not: str = ""

    @property
    def depends(self) -> bool:
        """Whether its maps tell of the weights, as far as anyone knows."""
        return self.dependence is None or self.dependence.depends

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told: dict[str, Any] = {"method": self.method.name, "source": self.method.source}
        if self.why_not:
            return {**told, "left_out": self.why_not}
        if self.areas is not None:
            told |= {"deletion": self.areas.deletion, "insertion": self.areas.insertion}
        if self.dependence is not None:
            by_layer = dict(zip(self.dependence.layers, self.dependence.similarities, strict=True))
            told |= {"depends_on_weights": self.depends, "similarity": self.dependence.similarity}
            told |= {"similarity_down_to": by_layer}
        return told


@dataclass(frozen=True)
class Explained:
    """A picture, the class that it was answered with, and a map by each method, drawn."""

    name: str
    answer: str
    truth: str
    pixels: Pixels
    maps: list[tuple[Judged, Pixels]]


def look_at_reasons(subject: Subject, progress: Progress) -> Found:
    """Maps by all methods for the answers to a few pictures, spread over those that there are."""
    places = np.unique(np.linspace(0, len(subject.sample) - 1, SHOWN).round().astype(int)).tolist()
    with in_evaluation(subject.network, subject.seed):
        images = subject.sample.images(places)
        classes = best_classes(subject.network, images)
        asked = ask(subject.network, images, classes, steps=STEPS, seed=subject.seed)
        layer, told = _layer(asked)
        asked = replace(asked, layer=layer)
        judged = _judged(asked, told, progress)
        chance = of_chance(asked)
    explained = [
        _explained(subject, place, int(number), row, judged)
        for row, (place, number) in enumerate(zip(places, classes, strict=True))
    ]
    facts = {
        "layer": layer,
        "pictures": [{"name": each.name, "answer": each.answer, "truth": each.truth} for each in explained],
        "methods": [each.to_dict() for each in judged],
        "noise": {"deletion": chance.deletion, "insertion": chance.insertion},
    }
    return Found({"explained": explained, "judged": judged, "layer": layer, "chance": chance}, facts)


def _layer(asked: Asked) -> tuple[str, str]:
    """The layer whose maps are read; or why there is none."""
    try:
        return last_layer_of_maps(asked), ""
    except CannotShow as error:
        return "", str(error)


def _judged(asked: Asked, without_layer: str, progress: Progress) -> list[Judged]:
    total = 2 * len(METHODS)  # the first half are the maps, the second those of drawn weights
    found: dict[str, Judged] = {}
    for done, method in enumerate(METHODS.values()):
        progress(done, total)
        try:
            if method.of_layer and without_layer:
                raise CannotShow(without_layer)
            maps = method.maps(asked)
            found[method.name] = Judged(method, as_array(maps), areas(asked, maps))
        except StriateError as error:
            found[method.name] = Judged(method, why_not=str(error))
    shown = [each.method for each in found.values() if each.maps is not None]
    few = ask(
        asked.network, asked.images[:DRAWN_ANEW], asked.classes[:DRAWN_ANEW], asked.layer, DRAWN_STEPS, asked.seed
    )
    for name, dependence in dependences(shown, few, partial(_second_half, progress)).items():
        found[name] = replace(found[name], dependence=dependence)
    return list(found.values())


def _second_half(progress: Progress, done: int, total: int) -> None:
    progress(total + done, 2 * total)


def _explained(subject: Subject, place: int, number: int, row: int, judged: list[Judged]) -> Explained:
    sample = subject.sample
    pixels, label = sample.shown[place], int(sample.labels[place])
    drawn = [(each, heated(pixels, each.maps[row])) for each in judged if each.maps is not None]
    truth = "" if label == UNKNOWN else subject.class_name(label)
    return Explained(sample.names[place], subject.class_name(number), truth, pixels, drawn)
