"""The part on reasons: maps of every method of a few pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from striate.core.errors import StriateError
from striate.data.decode import Pixels
from striate.data.scan import Progress
from striate.report.look.heat import heated
from striate.report.look.part import Found
from striate.report.look.subject import UNKNOWN, Subject
from striate.visual.attribution.asked import Asked, Method
from striate.visual.attribution.layer import last_layer_of_maps
from striate.visual.attribution.methods import METHODS, as_array, ask
from striate.visual.attribution.score import CannotShow, best_classes, in_evaluation

SHOWN = 4
"""Pictures whose maps are shown."""


@dataclass(frozen=True)
class Explained:
    """A picture, the class that it was answered with, and a map of each method."""

    name: str
    answer: str
    truth: str
    pixels: Pixels
    maps: list[tuple[Method, Pixels]]


def look_at_reasons(subject: Subject, progress: Progress) -> Found:
    """Maps of all methods for the answers to a few pictures, spread over those that there are."""
    places = np.unique(np.linspace(0, len(subject.sample) - 1, SHOWN).round().astype(int)).tolist()
    with in_evaluation(subject.network, subject.seed):
        images = subject.sample.images(places)
        classes = best_classes(subject.network, images)
        asked = ask(subject.network, images, classes, seed=subject.seed)
        layer, told = _layer(asked)
        asked = replace(asked, layer=layer)
        maps: dict[str, Any] = {}
        reasons: dict[str, str] = {}
        for done, method in enumerate(METHODS.values()):
            progress(done, len(METHODS))
            try:
                if method.of_layer and told:
                    raise CannotShow(told)
                maps[method.name] = as_array(_one_by_one(method, asked))
            except CannotShow as error:
                reasons[method.name] = str(error)
        progress(len(METHODS), len(METHODS))
    explained = [
        _explained(subject, place, int(number), {name: found[row] for name, found in maps.items()})
        for row, (place, number) in enumerate(zip(places, classes, strict=True))
    ]
    rows = [(method, reasons.get(method.name, "")) for method in METHODS.values()]
    facts = {
        "layer": layer,
        "pictures": [{"name": each.name, "answer": each.answer, "truth": each.truth} for each in explained],
        "methods": [_fact(method, why) for method, why in rows],
    }
    return Found({"explained": explained, "rows": rows, "layer": layer}, facts)


def _one_by_one(method: Method, asked: Asked) -> torch.Tensor:
    return method.maps(asked)


def _layer(asked: Asked) -> tuple[str, str]:
    """The layer whose maps are read; or why there is none."""
    try:
        return last_layer_of_maps(asked), ""
    except StriateError as error:
        return "", str(error)


def _explained(subject: Subject, place: int, number: int, maps: dict[str, Any]) -> Explained:
    sample = subject.sample
    pixels, label = sample.shown[place], int(sample.labels[place])
    drawn = [(METHODS[name], heated(pixels, values)) for name, values in maps.items()]
    truth = "" if label == UNKNOWN else subject.class_name(label)
    return Explained(sample.names[place], subject.class_name(number), truth, pixels, drawn)


def _fact(method: Method, why_not: str) -> dict[str, Any]:
    return {"method": method.name, "source": method.source, **({"left_out": why_not} if why_not else {})}
