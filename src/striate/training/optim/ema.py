"""The moving average of the weights, which is what is validated and kept where a recipe asks for it."""

from __future__ import annotations

import copy

import torch
from torch import nn

from striate.models import Network

EVERY_STEPS = 5


def ema_copy(network: Network) -> Network:
    """A copy to average into; it is never trained."""
    copied = copy.deepcopy(network)
    return copied.requires_grad_(False)


@torch.no_grad()
def update_ema(ema: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the average towards the network, as if by 1 - decay in every step; every fifth step does it for five.

    step: updates made, from 1. Early on the average forgets faster, keeping (1 + n) / (10 + n) at its n-th move, so
    that the drawn weights leave no trace. Weights and the statistics of batch norm are averaged alike; counters are
    copied. Source: Szegedy et al., arXiv:1512.00567, section 8; the start as TensorFlow's ExponentialMovingAverage.

    >>> a, b = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    >>> for layer, value in ((a, 0.0), (b, 1.0)):
    ...     _ = nn.init.constant_(layer.weight, value)
    >>> update_ema(a, b, 0.9, 500)
    >>> round(a.weight.item(), 4) == round(1 - 0.9**5, 4)
    True
    """
    if step % EVERY_STEPS:
        return
    updates = step // EVERY_STEPS
    kept = min(decay**EVERY_STEPS, (1 + updates) / (10 + updates))
    mine, theirs = ema.state_dict(), network.state_dict()
    moving = [name for name, tensor in mine.items() if tensor.is_floating_point()]
    torch._foreach_lerp_([mine[name] for name in moving], [theirs[name] for name in moving], 1 - kept)
    for name in mine.keys() - set(moving):
        mine[name].copy_(theirs[name])
