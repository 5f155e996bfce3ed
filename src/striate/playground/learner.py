"""A small network that learns: its layers, its loss, and a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.playground.points import points_of
from striate.playground.settings import Settings

FEATURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "x1": lambda x1, x2: x1,
    "x2": lambda x1, x2: x2,
    "x1^2": lambda x1, x2: x1 * x1,
    "x2^2": lambda x1, x2: x2 * x2,
    "x1*x2": lambda x1, x2: x1 * x2,
    "sin x1": lambda x1, x2: x1.sin(),
    "sin x2": lambda x1, x2: x2.sin(),
}
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "linear": nn.Identity,
}
FIRST_BIAS = 0.1  # of hidden neurons: few ReLUs are dead at the start


class SmallNetwork(nn.Module):
    """Fully connected layers on features of a point: (N, 2) to (N), positive where it says class 1."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.features = [FEATURES[name] for name in settings.features]
        self.activation = ACTIVATIONS[settings.activation]()
        sizes = (len(self.features), *settings.hidden, 1)
        self.layers = nn.ModuleList(nn.Linear(fan_in, fan_out) for fan_in, fan_out in pairwise(sizes))
        draw = torch.Generator().manual_seed(settings.seed)
        for layer in self.linears:
            nn.init.xavier_uniform_(layer.weight, generator=draw)
            nn.init.constant_(layer.bias, 0.0 if layer is self.linears[-1] else FIRST_BIAS)

    def forward(self, places: Tensor) -> Tensor:
        """(N, 2) to (N)."""
        return self.maps(places)[-1][:, 0]

    def maps(self, places: Tensor) -> list[Tensor]:
        """What the features, every hidden layer and the output make of places: (N, neurons) of each."""
        x1, x2 = places.unbind(1)
        found = [torch.stack([feature(x1, x2) for feature in self.features], 1)]
        for layer in self.linears[:-1]:
            found.append(self.activation(layer(found[-1])))
        return [*found, self.linears[-1](found[-1])]

    @property
    def linears(self) -> list[nn.Linear]:
        """The hidden layers and the output."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


def _cross_entropy(scores: Tensor, signs: Tensor) -> Tensor:
    return F.softplus(-signs * scores).mean()


def _perceptron(scores: Tensor, signs: Tensor) -> Tensor:
    """Whose gradient is the perceptron's rule: only points on the wrong side move the line.

    Source: Rosenblatt, "The perceptron", Psychological Review 65, 1958; as a loss in Bottou, COMPSTAT 2010, table 1.
    """
    return F.relu(-signs * scores).mean()


def _hinge(scores: Tensor, signs: Tensor) -> Tensor:
    """Points within the margin cost too. Source: Cortes and Vapnik, Machine Learning 20, 1995, section 3."""
    return F.relu(1 - signs * scores).mean()


LOSSES = {"network": _cross_entropy, "perceptron": _perceptron, "svm": _hinge}


@dataclass(frozen=True)
class Score:
    """Mean loss, without what weights cost, and the share of points on their side of the line; NaN of no points."""

    loss: float
    accuracy: float


class Learner:
    """A network at some step of its training, a function of the settings and of the rates that it was given.

    >>> learner = Learner(Settings(data="gauss"))
    >>> learner.advance(50)
    >>> learner.step, learner.score()[1].accuracy
    (50, 1.0)
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.points = points_of(settings)
        self.network = SmallNetwork(settings)
        self.step = 0
        self._places = torch.from_numpy(self.points.places)
        self._signs = torch.from_numpy(2 * self.points.classes - 1)
        self._loss = LOSSES[settings.learner]
        self._batches = self._draw()

    def with_rates(self, rate: float, l1: float, l2: float) -> None:
        """Go on with these. Raises StriateError for what is not allowed."""
        if (rate, l1, l2) == (self.settings.rate, self.settings.l1, self.settings.l2):
            return
        self.settings = replace(self.settings, rate=rate, l1=l1, l2=l2)

    def advance(self, steps: int, seconds: float = float("inf")) -> None:
        """Make so many steps, or those of them that so many seconds allow, at least one. Without points it stands."""
        end = time.monotonic() + seconds
        for _ in range(steps if self.points.train else 0):
            self._advance_once(next(self._batches))
            if time.monotonic() > end:
                break

    @property
    def steps_an_epoch(self) -> int:
        """Batches that all points for training make."""
        return -(-self.points.train // self.settings.batch)

    @torch.no_grad()
    def score(self) -> tuple[Score, Score]:
        """On the points that train, and on those that test."""
        scores, train = self.network(self._places), self.points.train
        return self._score(scores, slice(None, train)), self._score(scores, slice(train, None))

    def _score(self, scores: Tensor, part: slice) -> Score:
        right = ((scores[part] > 0) == (self._signs[part] > 0)).float().mean()
        return Score(float(self._loss(scores[part], self._signs[part])), float(right))

    def _advance_once(self, batch: Tensor) -> None:
        loss = self._loss(self.network(self._places[batch]), self._signs[batch])
        for layer in self.network.linears:
            if self.settings.l1:
                loss = loss + self.settings.l1 * layer.weight.abs().sum()
            if self.settings.l2:
                loss = loss + self.settings.l2 / 2 * layer.weight.square().sum()
        parameters = list(self.network.parameters())
        # Plain gradient descent, without torch.optim, whose first step loads torch's compiler: seconds for nothing.
        with torch.no_grad():
            for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.sub_(slope, alpha=self.settings.rate)
        self.step += 1

    def _draw(self) -> Iterator[Tensor]:
        """Batches without end, in an order of (seed, epoch)."""
        epoch = 0
        while True:
            order = np.random.default_rng((self.settings.seed, epoch)).permutation(self.points.train)
            yield from torch.split(torch.from_numpy(order), self.settings.batch)
            epoch += 1
