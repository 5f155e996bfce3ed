"""All that decides a small network and its training, in one record: an address holds the whole of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from striate.core.bounds import SPLIT_SEED, require_within
from striate.core.errors import StriateError, unknown_name
from striate.core.values import convert_fields

REACH = 6.0  # the plane is shown from -REACH to REACH, both ways
MOST_LAYERS, MOST_NEURONS, MOST_POINTS = 6, 8, 500

Data = Literal["circle", "xor", "gauss", "spiral", "own"]
Feature = Literal["x1", "x2", "x1^2", "x2^2", "x1*x2", "sin x1", "sin x2"]
Point = tuple[float, float, float]  # x1, x2, and its class: 0 or 1

BOUNDS = {
    "noise": (0.0, 0.5), "train_share": (0.1, 0.9), "batch": (1, MOST_POINTS), "seed": SPLIT_SEED, "rate": (1e-5, 10.0),
    "l1": (0.0, 10.0), "l2": (0.0, 10.0),
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """A small network, its points and how it learns them.

    data: where the points come from, "own" being those of `points`: (x1, x2, class), class 0 or 1. noise: 0 to 0.5 of
    the width of a class. train_share: of the points; the others test. batch: points in a step. seed: of the points, the
    first weights and the order. features: what the network is given of a point. learner: a network that minimises the
    cross-entropy, Rosenblatt's perceptron, or a linear support vector machine (hinge loss, l2 for the margin); the last
    two have no hidden layers. hidden: neurons of every hidden layer. rate: of plain gradient descent. l1, l2: what the
    sum of the weights' sizes, and half that of their squares, costs; biases are free.
    Raises StriateError for what is not allowed.

    >>> Settings(hidden=(4, 9))
    Traceback (most recent call last):
    striate.core.errors.StriateError: hidden must be at most 6 layers of 1 to 8 neurons, got (4, 9)
    """

    data: Data = "circle"
    points: tuple[Point, ...] = ()
    noise: float = 0.0
    train_share: float = 0.5
    batch: int = 10
    seed: int = 0
    features: tuple[Feature, ...] = ("x1", "x2")
    learner: Literal["network", "perceptron", "svm"] = "network"
    hidden: tuple[int, ...] = ()
    activation: Literal["tanh", "relu", "sigmoid", "linear"] = "tanh"
    rate: float = 0.03
    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        convert_fields(self)
        for name, bounds in BOUNDS.items():
            require_within(name, getattr(self, name), bounds)
        if len(self.hidden) > MOST_LAYERS or not all(1 <= neurons <= MOST_NEURONS for neurons in self.hidden):
            raise StriateError(
                f"hidden must be at most {MOST_LAYERS} layers of 1 to {MOST_NEURONS} neurons, got {self.hidden}"
            )
        if self.hidden and self.learner != "network":
            raise StriateError(
                f"the learner {self.learner!r} has no hidden layers, got {self.hidden}; leave hidden out"
            )
        if not self.features or len(set(self.features)) < len(self.features):
            raise StriateError(f"features must be one or more, each once, got {self.features}")
        self._require_points()

    def _require_points(self) -> None:
        if self.points and self.data != "own":
            raise StriateError(f"points are for data 'own', and this is {self.data!r}")
        if len(self.points) > MOST_POINTS:
            raise StriateError(f"points must be at most {MOST_POINTS}, got {len(self.points)}")
        for x1, x2, kind in self.points:
            if not (abs(x1) <= REACH and abs(x2) <= REACH and kind in (0, 1)):
                raise StriateError(
                    f"a point must be (x1, x2, class), both between {-REACH:g} and {REACH:g} and class 0 or 1, "
                    f"got ({x1:g}, {x2:g}, {kind:g})"
                )


def settings_of(given: Mapping[str, Any]) -> Settings:
    """The record of what is given by name, all else as it stands. Raises StriateError for a name that there is not.

    >>> settings_of({"hiden": [4]})
    Traceback (most recent call last):
    striate.core.errors.StriateError: unknown setting 'hiden'; did you mean 'hidden'?
    """
    known = [field.name for field in fields(Settings)]
    for name in given:
        if name not in known:
            raise unknown_name("setting", name, known)
    return Settings(**given)
