"""Where in the space a trial is: drawn at random, on a grid, or by TPE of what was found so far.

All of it is a function of the seed, the number of the trial and, for TPE, of the trials before: so nobody draws the
same twice, whoever draws, and a search that was killed goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from striate.core.errors import StriateError
from striate.training.search.rungs import best_of
from striate.training.search.space import Range, Space, Values
from striate.training.search.tried import Tried

METHODS = ("random", "grid", "tpe")
BEST_SHARE = 5  # one in so many decides the narrowed range, at least three
FEWEST_BEST = 3


def drawn(space: Space, seed: int, number: int) -> Values:
    """A point at random, each axis by itself (Bergstra and Bengio, JMLR 13 (2012) 281).

    >>> from striate.training.search.space import Choices
    >>> space = (Range("peak_lr", 1e-4, 1.0, log=True), Choices("optimizer", ("sgd", "adamw")))
    >>> drawn(space, 0, 1) == drawn(space, 0, 1), drawn(space, 0, 1) == drawn(space, 0, 2)
    (True, False)
    """
    shares = np.random.default_rng([seed, number]).random(len(space)).tolist()
    return {axis.name: axis.at(share) for axis, share in zip(space, shares, strict=True)}


def points_per_axis(space: Space, trials: int) -> int:
    """Of every range, so that a grid has at most so many points in all, choices counted.

    >>> points_per_axis((Range("a", 0, 1), Range("b", 0, 1)), 100)
    10
    """
    ranges = sum(isinstance(axis, Range) for axis in space)
    count = 1
    while ranges and size_of(space, count + 1) <= trials:
        count += 1
        if all(len(axis.points(count + 1)) == len(axis.points(count)) for axis in space):
            break  # whole numbers, all of which are there
    return count


def size_of(space: Space, count: int) -> int:
    """Points of a grid."""
    return int(np.prod([len(axis.points(count)) for axis in space]))


def on_grid(space: Space, points: int, seed: int, number: int) -> Values | None:
    """The point of a grid that has a number, in an order that is spread over all of it; None beyond the last."""
    grid = list(product(*(axis.points(points) for axis in space)))
    if number >= len(grid):
        return None
    order = np.random.default_rng(seed).permutation(len(grid))
    return dict(zip([axis.name for axis in space], grid[order[number]], strict=True))


def narrowed(space: Space, tried: Sequence[Tried], higher_is_better: bool) -> Space:
    """The space around the best of the coarse trials; choices stay as they are."""
    known = [each for each in tried if each.figures]
    count = max(FEWEST_BEST, len(known) // BEST_SHARE)
    best: list[Tried] = []
    while known and len(best) < count:
        best.append(best_of(known, higher_is_better))
        known.remove(best[-1])
    if len(best) < FEWEST_BEST:
        return space
    return tuple(
        axis.narrowed([each.values[axis.name] for each in best]) if isinstance(axis, Range) else axis for axis in space
    )


def inside(space: Space, values: Values) -> bool:
    """Whether a point lies in the space."""
    return all(
        axis.low <= values[axis.name] <= axis.high if isinstance(axis, Range) else values[axis.name] in axis.texts
        for axis in space
    )


def require_method(method: str) -> None:
    """Raise StriateError for a method that there is not."""
    if method not in METHODS:
        raise StriateError(f"--method must be {', '.join(METHODS[:-1])} or {METHODS[-1]}, got {method!r}")
