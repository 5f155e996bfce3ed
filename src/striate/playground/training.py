"""`striate.playground.train`: a small network from Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from striate.core.bounds import require_within
from striate.core.values import converted
from striate.ops.threads import torch_threads
from striate.playground.learner import Learner, Score, SmallNetwork
from striate.playground.plane import grid
from striate.playground.points import Points
from striate.playground.settings import Settings, settings_of

STEPS = (0, 1_000_000)
MOST_NOTED = 200  # losses of a curve


@dataclass(frozen=True)
class Trained:
    """A small network that has learned.

    network: takes places (N, 2), gives (N), positive where it says class 1. curve: step, loss of training and of test,
    at some 200 steps. train, test: the scores at the end. points: what it learned from.
    """

    settings: Settings
    network: SmallNetwork
    points: Points
    curve: tuple[tuple[int, float, float], ...]
    train: Score
    test: Score

    @torch.no_grad()
    def surface(self, side: int = 100) -> np.ndarray:
        """What it says of the plane from -6 to 6, both ways: (side, side), the largest x2 in the first row."""
        surface: np.ndarray = self.network(grid(side)).reshape(side, side).numpy()
        return surface

    def __repr__(self) -> str:
        """In one line, for a notebook."""
        return (
            f"{self.settings.learner} on {self.settings.data}, hidden {self.settings.hidden}: training loss "
            f"{self.train.loss:.3g}, test loss {self.test.loss:.3g}, test accuracy {self.test.accuracy:.1%}"
        )


def train(data: str = "circle", *, steps: int = 1_000, **settings: Any) -> Trained:
    """Train a small network on points of the plane, on one thread; what `striate playground` shows, for notebooks.

    data: "circle", "xor", "gauss", "spiral", or "own", with points=[(x1, x2, class), ...]. steps: of gradient descent.
    settings: any field of `playground.Settings`, such as hidden=(4, 2), activation="relu" or rate=0.1.
    The same settings give the same network. Raises StriateError for what is not allowed.

    >>> import striate
    >>> one = striate.playground.train("xor", steps=500)
    >>> two = striate.playground.train("xor", hidden=(4,), rate=0.3, steps=500)
    >>> one.test.accuracy < 0.75, two.test.accuracy > 0.95
    (True, True)
    """
    steps = converted("steps", steps, int)
    require_within("steps", steps, STEPS)
    learner = Learner(settings_of({"data": data, **settings}))
    every = max(1, steps // MOST_NOTED)
    with torch_threads(1):
        curve = [_noted(learner)]
        while learner.step < steps and learner.points.train:
            learner.advance(min(every, steps - learner.step))
            curve.append(_noted(learner))
        train, test = learner.score()
    return Trained(learner.settings, learner.network, learner.points, tuple(curve), train, test)


def _noted(learner: Learner) -> tuple[int, float, float]:
    train, test = learner.score()
    return learner.step, train.loss, test.loss
