"""Optimisers as walks from place to place; torch's own where torch has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.optim import SGD, Adadelta, Adagrad, Adam, Optimizer, RMSprop

from striate.playground.descent.surfaces import Counted

Walk = Callable[[Counted, float], Iterator[Tensor]]
"""Of a surface and a rate: place after place, without end."""

MOST_HALVINGS = 30
GROWTH = 1.5  # of the step of black-box search after a success; after a failure it shrinks by the fourth root


@dataclass(frozen=True)
class Method:
    """An optimiser. order: of the derivatives that it asks for. rates: whether it has a rate to choose."""

    name: str
    order: int
    walk: Walk
    rates: bool = True


def _start(surface: Counted) -> Tensor:
    return torch.tensor(surface.surface.start, dtype=torch.float64)


def _torch_walk(make: Callable[..., Optimizer], surface: Counted, rate: float) -> Iterator[Tensor]:
    place = _start(surface).requires_grad_()
    optimizer = make([place], lr=rate)
    while True:
        place.grad = surface.gradient(place)
        optimizer.step()
        yield place.detach().clone()


def _newton(surface: Counted, rate: float) -> Iterator[Tensor]:
    """Whole steps to where gradient and Hessian say that the slope is none, halved while they lead up.

    It goes to saddles as well as to minima, and ends where no step leads down. rate: of the whole step.
    Source: Nocedal and Wright, "Numerical optimization", 2006, section 3.3.
    """
    place = _start(surface)
    height = surface.height(place)
    while True:
        step = torch.linalg.lstsq(surface.hessian(place), -surface.gradient(place)[:, None]).solution[:, 0] * rate
        for _ in range(MOST_HALVINGS):
            if (there := surface.height(place + step)) < height:
                place, height = place + step, there
                break
            step = step / 2
        else:
            return
        yield place


def _evolution(surface: Counted, rate: float) -> Iterator[Tensor]:
    """Black-box search: a random place near the best one, kept if it is lower. rate: how near, at first.

    The (1+1) evolution strategy with the rule that a fifth of all places should be kept.
    Source: Rechenberg, "Evolutionsstrategie", 1973; in this form Kern et al., Natural Computing 3, 2004, section 3.1.
    """
    draw = torch.Generator().manual_seed(0)
    place, near = _start(surface), rate
    height = surface.height(place)
    while True:
        other = place + near * torch.randn(2, generator=draw, dtype=torch.float64)
        lower = (there := surface.height(other)) <= height
        if lower:
            place, height = other, there
        near *= GROWTH if lower else GROWTH**-0.25
        yield place


METHODS = {
    method.name: method
    for method in (
        Method("SGD", 1, partial(_torch_walk, SGD)),
        Method("momentum", 1, partial(_torch_walk, partial(SGD, momentum=0.9))),
        Method("Nesterov", 1, partial(_torch_walk, partial(SGD, momentum=0.9, nesterov=True))),
        Method("Adagrad", 1, partial(_torch_walk, Adagrad)),
        Method("Adadelta", 1, partial(_torch_walk, Adadelta)),
        Method("RMSprop", 1, partial(_torch_walk, RMSprop)),
        Method("Adam", 1, partial(_torch_walk, Adam)),
        Method("Newton", 2, _newton, rates=False),
        Method("black-box search", 0, _evolution),
    )
}
