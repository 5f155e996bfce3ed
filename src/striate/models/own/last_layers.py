"""The layers that give the logits of a network that has no name for them."""

from __future__ import annotations

from torch import nn

from striate.models.own.walk import Call


def last_layer(calls: tuple[Call, ...], classes: int) -> str:
    """Path of the last linear layer that gives as many numbers a picture as there are classes; "" where none does."""
    for call in reversed(calls):
        linear = isinstance(call.module, nn.Linear) or getattr(call.module, "kernel_size", None) == (1, 1)
        gave = call.gave or ()
        if linear and call.path and gave[:2] == (2, classes) and all(side == 1 for side in gave[2:]):
            return call.path
    return ""


def score_layers(calls: tuple[Call, ...], classes: int) -> tuple[str, ...]:
    """Paths of the convolutions that give a map for each class, in their order; none that enlarges, or steps over."""
    found = [
        call.path
        for call in calls
        if type(call.module) is nn.Conv2d
        and call.path
        and (call.module.out_channels, call.module.stride, call.module.groups) == (classes, (1, 1), 1)
    ]
    return tuple(dict.fromkeys(found))
