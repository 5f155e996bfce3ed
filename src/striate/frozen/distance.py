"""How far apart two pictures are to a trained network, layer by layer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen
from striate.core.values import checked
from striate.deploy.any_network import AnyNetwork, any_network
from striate.deploy.given import Picture
from striate.deploy.preprocessing import Preprocessing
from striate.deploy.run import Run
from striate.frozen.channel_weights import read_channel_weights
from striate.models import Model
from striate.ops.threads import torch_threads
from striate.runtime.global_state import global_state_kept
from striate.visual.distance import Measure, chosen_layers

EMBEDDED = "embedded"


@dataclass(frozen=True, repr=False)
class Distance(OneScreen):
    """How far apart two pictures are: the sum of what each layer says.

    by_layer: 0 where a layer makes the same of both, at most 4 where it makes the opposite, in uniform weights.
    model: what the network is called. weights: the file of the channels' weights; None where each counts 1. drawn:
    whether the network's own weights are drawn and not trained.
    """

    model: str
    by_layer: dict[str, float]
    weights: str | None = None
    drawn: bool = False

    @property
    def value(self) -> float:
        """The distance; 0 of equal pictures."""
        return sum(self.by_layer.values())

    def __float__(self) -> float:
        return self.value

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"distance": self.value, "model": self.model, "weights": self.weights, "layers": self.by_layer}

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return {"distance": f"{self.value:.4f}", **{layer: f"{term:.4f}" for layer, term in self.by_layer.items()}}


@checked
@global_state_kept()
def distance(
    one: Picture,
    other: Picture,
    model: Run | str | Path | nn.Module = EMBEDDED,
    *,
    code: Model | None = None,
    layers: Sequence[str] = (),
    weights: str | Path | None = None,
) -> Distance:
    """How far apart two pictures are to a network: the deep-feature distance of Zhang et al., arXiv:1801.03924.

    one, other: pictures as to `Run.predict`; both are seen at the network's size. model: a run, "embedded", a weight
    file, a network of the zoo, whose weights are then drawn, FILE.py:NAME, or a module. code: of a run of one's own
    network, that network. layers: paths of modules; its stages if not given. weights: a file of the channels'
    weights, which `fit_distance` makes; each counts 1 without.
    Exactly 0 for equal pictures, and the same both ways. Raises StriateError for what is no picture and no network, and
    for a layer that there is not.

    >>> import numpy as np
    >>> black, white = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    >>> distance(black, black).value, distance(black, white).value > 0.1
    (0.0, True)
    """
    for picture in (one, other):
        if isinstance(picture, str | os.PathLike) and Path(picture).is_dir():
            raise StriateError(
                f"{picture} is a folder, and a distance is between two pictures; a folder alone is searched for "
                "pictures that are nearly equal"
            )
    opened = any_network(model, code)
    measure = measure_of(opened, layers, weights)
    preprocess = Preprocessing.of(opened.preprocess)
    device = next(opened.network.parameters()).device
    with torch_threads(1):  # so that equal pictures give equal bits
        images = [preprocess(picture)[None].to(device) for picture in (one, other)]
        terms = measure.between(*images)[0].tolist()
    by_layer = dict(zip(measure.layers, terms, strict=True))
    return Distance(opened.name, by_layer, None if weights is None else str(weights), opened.drawn)


def measure_of(opened: AnyNetwork, layers: Sequence[str] = (), weights: str | Path | None = None) -> Measure:
    """The distance that an opened network, its layers and a file of weights stand for. Raises as `distance` does."""
    if weights is not None:
        if layers:
            raise StriateError(f"{weights} says itself which layers it is of; leave them out")
        return read_channel_weights(Path(weights), opened)
    return Measure(opened.network, chosen_layers(opened.network, layers))
