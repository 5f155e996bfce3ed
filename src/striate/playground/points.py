"""Points of the plane in two classes, and which of them train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from striate.playground.settings import MOST_POINTS, REACH, Settings

Generator = np.random.Generator
HALF = MOST_POINTS // 2  # points of either class
NOISE_REACH = 4.0  # noise 0.5 has a standard deviation of half of that
TURNS, GAP = 1.75, 0.3  # of a spiral's arm; between the quarters of xor


@dataclass(frozen=True)
class Points:
    """Places (N, 2) and their classes (N), 0 or 1; the first `train` of them train, the others test."""

    places: np.ndarray
    classes: np.ndarray
    train: int


def points_of(settings: Settings) -> Points:
    """The points of a setting, a function of its data, noise, train_share and seed.

    >>> points = points_of(Settings(data="xor", train_share=0.3))
    >>> points.places.shape, points.train, bool(((points.places.prod(1) > 0) == points.classes).all())
    ((500, 2), 150, True)
    """
    draw = np.random.default_rng(settings.seed)
    if settings.data == "own":
        table = np.array(settings.points, np.float64).reshape(-1, 3)
        places, classes = table[:, :2], table[:, 2]
    else:
        of_class = MAKERS[settings.data]
        places = np.concatenate([of_class(draw, 0), of_class(draw, 1)])
        places = places + draw.normal(0, settings.noise * NOISE_REACH / 2, places.shape)
        classes = np.repeat([0.0, 1.0], HALF)
    order = draw.permutation(len(places))
    places = places[order].clip(-REACH, REACH).astype(np.float32)
    train = max(1, round(settings.train_share * len(places))) if len(places) else 0
    return Points(places, classes[order].astype(np.float32), train)


def _circle(draw: Generator, kind: int) -> np.ndarray:
    """A disc inside a ring, which is class 0."""
    radius = draw.uniform(0, 2.5, HALF) if kind else draw.uniform(3.5, 5, HALF)
    return _polar(radius, draw.uniform(0, 2 * np.pi, HALF))


def _xor(draw: Generator, kind: int) -> np.ndarray:
    """Two opposite quarters of a square; in class 1 both coordinates have one sign."""
    sizes = draw.uniform(GAP, 5, (HALF, 2))
    first = draw.choice([-1, 1], HALF)
    signed: np.ndarray = sizes * np.stack([first, first if kind else -first], 1)
    return signed


def _gauss(draw: Generator, kind: int) -> np.ndarray:
    """A round cloud on one side of the diagonal."""
    return draw.normal(2 if kind else -2, 0.7, (HALF, 2))


def _spiral(draw: Generator, kind: int) -> np.ndarray:
    """One of two arms."""
    share = np.arange(HALF) / HALF
    return _polar(5 * share, 2 * np.pi * TURNS * share + np.pi * kind)


MAKERS: dict[str, Callable[[Generator, int], np.ndarray]] = {
    "circle": _circle,
    "xor": _xor,
    "gauss": _gauss,
    "spiral": _spiral,
}


def _polar(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1)
