"""What a made-up picture is to be most of: objectives, which add up.

Olah, Mordvintsev and Schubert, "Feature visualization", Distill (2017), doi:10.23915/distill.00007.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.core.errors import StriateError

ANSWER = ""
"""In the place of a layer's path: what the whole network answers."""
LIKENESS_POWER = 4
"""Of a caricature: how much the direction counts beside the length."""
BELOW = 0.05
"""How much of what is below 0 counts, so that a channel that is silent everywhere has a way up."""

Outputs = Mapping[str, Tensor]
"""What layers give by their paths, maps (N, C, h, w); units are maps of one place."""
Value = Callable[[Tensor, Outputs], Tensor]


@dataclass(frozen=True, eq=False)
class Objective:
    """A number for each of N pictures, to be made as large as can be. Objectives add up, and numbers scale them.

    told: in words. layers: paths of the modules whose outputs it reads; see ANSWER. value: of images (N, C, H, W) and
    what these layers make of them, (N,), with gradients.

    >>> both = channel("layer3", 7) - 0.5 * total_variation()
    >>> both.told, both.layers
    ('channel 7 of layer3 - 0.5 * total variation', ('layer3',))
    """

    told: str
    layers: tuple[str, ...]
    value: Value

    def __add__(self, other: Objective) -> Objective:
        layers = tuple(dict.fromkeys(self.layers + other.layers))
        return Objective(
            f"{self.told} + {other.told}", layers, lambda images, of: self.value(images, of) + other.value(images, of)
        )

    def __sub__(self, other: Objective) -> Objective:
        total = self + (-1) * other
        return Objective(f"{self.told} - {_as_one(other.told)}", total.layers, total.value)

    def __mul__(self, factor: float) -> Objective:
        told = f"{factor:g} * {_as_one(self.told)}"
        return Objective(told, self.layers, lambda images, of: factor * self.value(images, of))

    __rmul__ = __mul__


def _as_one(told: str) -> str:
    """A sum between brackets; what stands between brackets already is one thing."""
    outside = re.sub(r"\(.*\)", "", told)
    return f"({told})" if " + " in outside or " - " in outside else told


def channel(layer: str, number: int) -> Objective:
    """A channel of a layer, in the mean over its places."""
    return Objective(
        f"channel {number} of {layer}", (layer,), lambda images, of: _channel(of, layer, number).mean((1, 2))
    )


def excited(layer: str, number: int) -> Objective:
    """A channel where it answers: of its places what is above 0, and a little of what is below, in the mean.

    Before its activation the mean of a filter is that of the picture: this shows its pattern, `channel` a colour.
    """

    def value(images: Tensor, of: Outputs) -> Tensor:
        return F.leaky_relu(_channel(of, layer, number), BELOW).mean((1, 2))

    return Objective(f"answers of channel {number} of {layer}", (layer,), value)


def unit(layer: str, number: int, place: tuple[int, int] | None = None) -> Objective:
    """One unit: a channel of a layer at one place, row and column, the middle if not given."""

    def value(images: Tensor, of: Outputs) -> Tensor:
        map_ = _channel(of, layer, number)
        row, column = place or (map_.shape[1] // 2, map_.shape[2] // 2)
        if not (-map_.shape[1] <= row < map_.shape[1] and -map_.shape[2] <= column < map_.shape[2]):
            raise StriateError(f"layer {layer!r} has {map_.shape[1]} x {map_.shape[2]} places, got {row}, {column}")
        return map_[:, row, column]

    return Objective(f"unit {number} of {layer}", (layer,), value)


def whole_layer(layer: str) -> Objective:
    """All of a layer, whatever it finds: the mean of its squares, as of Mordvintsev et al. (2015)."""
    return Objective(f"layer {layer}", (layer,), lambda images, of: of[layer].square().flatten(1).mean(1))


def direction(layer: str, vector: Tensor) -> Objective:
    """A direction (C,) in the space of a layer's channels: the mean over places of what lies along it."""

    def value(images: Tensor, of: Outputs) -> Tensor:
        maps = of[layer]
        if vector.shape != maps.shape[1:2]:
            raise StriateError(
                f"layer {layer!r} has {maps.shape[1]} channels, got a direction of shape {tuple(vector.shape)}"
            )
        along = vector.to(maps) / vector.norm().clamp(min=1e-12).to(maps)
        return torch.einsum("nchw,c->n", maps, along) / (maps.shape[2] * maps.shape[3])

    return Objective(f"a direction of {layer}", (layer,), value)


def of_class(number: int) -> Objective:
    """The network's logit of a class; of pixels its mean over them."""
    return Objective(f"class {number}", (ANSWER,), lambda images, of: _channel(of, ANSWER, number).mean((1, 2)))


def total_variation() -> Objective:
    """How much neighbouring pixels differ, in the mean; to be taken away from what is to be smooth."""

    def value(images: Tensor, of: Outputs) -> Tensor:
        down, right = images.diff(dim=2).abs(), images.diff(dim=3).abs()
        return down.flatten(1).mean(1) + right.flatten(1).mean(1)

    return Objective("total variation", (), value)


def diversity(layer: str) -> Objective:
    """How much the pictures that are made together differ by what their channels do together, -1 to 0.

    It is the mean cosine between the Gram matrix of a picture and those of the others, times -1.
    """

    def value(images: Tensor, of: Outputs) -> Tensor:
        maps = of[layer].flatten(2)
        grams = F.normalize((maps @ maps.transpose(1, 2)).flatten(1), dim=1)
        others = max(1, len(maps) - 1)
        return -((grams @ grams.T).sum(1) - grams.square().sum(1)) / others

    return Objective(f"diversity of {layer}", (layer,), value)


def caricature(layer: str, activations: Tensor) -> Objective:
    """What a picture gives at a layer, (C, h, w), exaggerated: along it and far, by the dot product and the cosine.

    Carter, Armstrong, Schubert, Johnson and Olah, "Activation atlas", Distill (2019), doi:10.23915/distill.00015.
    """

    def value(images: Tensor, of: Outputs) -> Tensor:
        maps = F.interpolate(of[layer], activations.shape[1:], mode="bilinear", align_corners=False)
        wanted = activations.to(maps).flatten()
        found = maps.flatten(1)
        cosine = F.cosine_similarity(found, wanted[None], dim=1)
        return found @ wanted / wanted.numel() * cosine.clamp(min=0.1) ** LIKENESS_POWER

    return Objective(f"a caricature by {layer}", (layer,), value)


def _channel(of: Outputs, layer: str, number: int) -> Tensor:
    """A channel's maps (N, h, w). Raises StriateError for one that is not there."""
    maps = of[layer]
    if not 0 <= number < maps.shape[1]:
        what = f"layer {layer!r} has channels" if layer else "the network has classes"
        raise StriateError(f"{what} 0 to {maps.shape[1] - 1}, got {number}")
    return maps[:, number]
