"""Optimisers, schedules and augmentations as a person writes them, for the tests to name."""

from __future__ import annotations

import math
from functools import partial

import torch
from PIL import Image, ImageOps


class Remembering(torch.optim.Optimizer):
    """Sign descent that keeps all kinds of things: nested, numbers, None, odd shapes, on itself too."""

    def __init__(self, params, lr=0.01):
        super().__init__(params, {"lr": lr, "seen": 0})
        self.calls = 0
        self.parameters = [parameter for group in self.param_groups for parameter in group["params"]]

    @torch.no_grad()
    def step(self, closure=None):
        self.calls += 1
        for group in self.param_groups:
            group["seen"] += 2
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    flat = torch.zeros(parameter.numel(), dtype=torch.float64)
                    state.update(parts=[flat, (None, "text")], slow={"mean": 0.0, "steps": 0})
                state["parts"][0].mul_(0.9).add_(parameter.grad.flatten())
                state["slow"]["steps"] += 1
                state["slow"]["mean"] += float(parameter.grad.sum()) / math.sqrt(self.calls + group["seen"])
                direction = state["parts"][0].view(parameter.shape).sign().float()
                parameter.sub_(direction + math.tanh(state["slow"]["mean"]), alpha=group["lr"])


def adamw(parameters):
    """Decay on weights alone, and another rate for the rest."""
    weights, rest = [p for p in parameters if p.dim() > 1], [p for p in parameters if p.dim() <= 1]
    groups = [{"params": weights, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0, "lr": 0.001}]
    return torch.optim.AdamW(groups, lr=0.004, amsgrad=True)


rmsprop = partial(torch.optim.RMSprop, lr=0.002, momentum=0.9, centered=True)
adafactor = partial(torch.optim.Adafactor, lr=0.02)
nadam = partial(torch.optim.NAdam, lr=0.003)


def falling(step, steps):
    """A line that falls to 0."""
    return 1 - step / steps


def spots(pictures):
    """Bright rows in half of the pictures, drawn and set in place."""
    pictures[torch.rand(len(pictures)) < 0.5, :, :3] = 255
    return pictures


def inverted(picture: Image.Image) -> Image.Image:
    """One of Pillow's, the other way round in half of the cases."""
    return ImageOps.invert(picture) if torch.rand(1) < 0.5 else picture


class Darker:
    """A transform with settings, made without arguments."""

    def __call__(self, pictures):
        return pictures // 2


class Holding(torch.optim.SGD):
    """Keeps what cannot be saved."""

    def step(self, closure=None):
        super().step()
        self.state[self.param_groups[0]["params"][0]]["when"] = {1, 2}


def holding(parameters):
    return Holding(parameters, lr=0.01)


def small(pictures):
    return pictures[:, :, 1:]


def floating(pictures):
    return pictures.float()


def resized(picture: Image.Image) -> Image.Image:
    return picture.resize((9, 9))


def failing(*given):
    raise RuntimeError("no luck\ntoday")
