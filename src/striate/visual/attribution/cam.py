"""By the maps of a layer and what each of them, or each of their places, counts for the class.

All are enlarged bilinearly to the size of the pictures.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.meta.weightless import MetaMode
from striate.visual.attribution.asked import Asked
from striate.visual.attribution.layer import read_layer
from striate.visual.attribution.score import CannotShow

CLOSE = 1e-4
"""Relative to the largest, how far numbers may be from others and count as the same: rounding, no more."""


def grad_cam(asked: Asked) -> Tensor:
    """Maps weighed by the mean gradient of each, what is positive. Selvaraju et al., arXiv:1610.02391, section 3."""
    return _enlarged(weighed(*read_layer(asked)), asked)


def weighed(maps: Tensor, gradients: Tensor) -> Tensor:
    """Maps and the gradients there, both (N, C, h, w), to Grad-CAM's map (N, h, w), of the size of the maps."""
    weights = gradients.mean((2, 3), keepdim=True)  # equation 1
    return (weights * maps).sum(1).relu()  # equation 2


def grad_cam_plus_plus(asked: Asked) -> Tensor:
    """Maps weighed by positive gradients, each place by how much it adds. Chattopadhay et al., arXiv:1710.11063.

    Of the exponential of the score, whose higher derivatives are powers of the first one: equations 11 and 19, up to a
    positive factor for each picture.
    """
    maps, gradients = read_layer(asked)
    spread = 2 * gradients**2 + maps.sum((2, 3), keepdim=True) * gradients**3
    shares = torch.where(spread != 0, gradients**2 / torch.where(spread != 0, spread, 1.0), 0.0)
    weights = (shares * gradients.relu()).sum((2, 3), keepdim=True)
    return _enlarged((weights * maps).sum(1).relu(), asked)


def layer_cam(asked: Asked) -> Tensor:
    """Every place of every map weighed by its own positive gradient. Jiang et al., IEEE TIP 30 (2021), equation 6."""
    maps, gradients = read_layer(asked)
    return _enlarged((gradients.relu() * maps).sum(1).relu(), asked)


@torch.no_grad()
def cam(asked: Asked) -> Tensor:
    """The maps that the head averages, weighed as the class's logit weighs their means. Zhou et al., arXiv:1512.04150.

    Whether a head is that is told by its numbers: maps whose means are what the linear layer reads that gives the
    logits; or whose means are the logits themselves, as in Network in Network.
    """
    answer, linear = _linear_layers(asked)
    averaged = [(read, weight) for read, gave, weight in linear if answer is not None and _same(gave, answer)]
    for read, weight in [*averaged, *([] if answer is None else [(answer, None)])]:
        with _MapsOfMeans(read) as seen:
            asked.score.logits(asked.images)
        if seen.maps is not None:
            weights = F.one_hot(asked.classes, read.shape[1]) if weight is None else weight[asked.classes]
            return _enlarged((weights[:, :, None, None] * seen.maps).sum(1), asked)
    raise CannotShow(
        f"CAM needs a head that is the mean over each map and one linear layer, and {asked.name} has another; Grad-CAM "
        "is the same of such a head, and can be of any"
    )


def _linear_layers(asked: Asked) -> tuple[Tensor | None, list[tuple[Tensor, Tensor, Tensor]]]:
    """The logits (N, K), where there are such, and what linear layers read (N, C), gave (N, K) and weigh (K, C)."""
    found: list[tuple[Tensor, Tensor, Tensor]] = []

    def note(module: nn.Module, given: Any, gave: Any) -> None:
        weight = module.weight
        if isinstance(weight, Tensor) and weight[0, 0].numel() == 1 and given[0].shape[2:].numel() == 1:
            found.append((given[0].flatten(1).clone(), gave.flatten(1).clone(), weight.flatten(1)))

    with ExitStack() as hooks:
        for module in asked.network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                hooks.callback(module.register_forward_hook(note).remove)
        return asked.score.logits(asked.images), found


class _MapsOfMeans(MetaMode):  # type: ignore[no-untyped-call]
    """The context in which the last maps (N, C, h, w) are kept whose means over the places are certain numbers (N, C).

    It sees what every operator gives, and so maps that no module does.
    """

    def __init__(self, means: Tensor) -> None:
        super().__init__()
        self.means = means
        self.maps: Tensor | None = None

    def ran(self, operator: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Look at what it gave."""
        if isinstance(result, Tensor) and result.dim() == 4:
            for maps in (result, result.permute(0, 3, 1, 2)):
                if max(maps.shape[2:]) > 1 and _same(maps.mean((2, 3)), self.means):
                    self.maps = maps.clone()  # what follows may change it in place


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    return bool((one - other).abs().max() <= CLOSE * other.abs().max().clamp(min=1e-6))


def _enlarged(heat: Tensor, asked: Asked) -> Tensor:
    return F.interpolate(heat[:, None].float(), asked.size, mode="bilinear", align_corners=False)[:, 0]
