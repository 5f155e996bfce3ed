"""By the maps of a layer and what each of them, or each of their places, counts for the class.

All are enlarged bilinearly to the size of the pictures.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.visual.attribution.asked import Asked
from striate.visual.attribution.layer import read_layer
from striate.visual.attribution.score import CannotShow

CLOSE = 1e-4
"""Relative to the largest, how far numbers may be from others and count as the same: rounding, no more."""


def grad_cam(asked: Asked) -> Tensor:
    """Maps weighed by the mean gradient of each, what is positive. Selvaraju et al., arXiv:1610.02391, section 3."""
    maps, gradients = read_layer(asked)
    weights = gradients.mean((2, 3), keepdim=True)  # equation 1
    return _enlarged((weights * maps).sum(1).relu(), asked)  # equation 2


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

    Whether a head is that is told by its numbers: a layer's maps whose means are what the last linear layer reads,
    which gives the logits; or whose means are the logits themselves.
    """
    seen = _seen(asked)
    answer = seen.answer
    for read, weight in (
        (answer, None),
        *((read, weight) for read, gave, weight in seen.linear if _same(gave, answer)),
    ):
        for maps in reversed(seen.maps):
            if maps.shape[:2] == read.shape and _same(maps.mean((2, 3)), read):
                weights = F.one_hot(asked.classes, maps.shape[1]) if weight is None else weight[asked.classes]
                return _enlarged((weights[:, :, None, None] * maps).sum(1), asked)
    raise CannotShow(
        f"CAM needs a head that is the mean over each map and one linear layer, and {asked.name} has another; Grad-CAM "
        "is the same of such a head, and can be of any"
    )


class _Seen:
    """What passed the modules of a network: maps (N, C, h, w), and of linear layers what they read, gave and weigh."""

    def __init__(self) -> None:
        self.maps: list[Tensor] = []
        self.linear: list[tuple[Tensor, Tensor, Tensor]] = []
        self.answer = torch.empty(0)

    def note(self, module: nn.Module, given: Any, gave: Any) -> None:
        for tensor in (given[0] if given else None, gave):
            if isinstance(tensor, Tensor) and tensor.dim() == 4 and max(tensor.shape[2:]) > 1:
                self.maps.append(tensor.clone())  # what follows may change it in place
        if isinstance(module, nn.Linear | nn.Conv2d) and isinstance(gave, Tensor):
            read, weight = given[0], module.weight
            if weight[0, 0].numel() == 1 and read.shape[2:].numel() == 1 and read.dim() in (2, 4):
                self.linear.append((read.flatten(1).clone(), gave.flatten(1).clone(), weight.flatten(1)))


def _seen(asked: Asked) -> _Seen:
    seen = _Seen()
    if asked.score.pixels is not None:
        return seen
    with ExitStack() as hooks:
        for _, module in asked.network.named_modules():
            hooks.callback(module.register_forward_hook(seen.note).remove)
        answer = asked.score.logits(asked.images)
    if answer is not None:
        seen.answer = answer
    return seen


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    return bool((one - other).abs().max() <= CLOSE * other.abs().max().clamp(min=1e-6))


def _enlarged(heat: Tensor, asked: Asked) -> Tensor:
    return F.interpolate(heat[:, None].float(), asked.size, mode="bilinear", align_corners=False)[:, 0]
