"""Every optimiser on a surface, each at the rate that suits it there best."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from striate.core.bounds import require_within
from striate.core.errors import unknown_name
from striate.ops.threads import torch_threads
from striate.playground.descent.methods import METHODS, Method
from striate.playground.descent.surfaces import SURFACES, Counted, Surface

STEPS = (1, 10_000)
RATES = tuple(10 ** (half / 2) for half in range(-8, 3))
NEAR = 0.01  # of the way from the start's height down to the least: there a minimum counts as reached
FAR = 1e4  # from the origin: beyond, a walk has left

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Path:
    """The walk of an optimiser. rate: None where it has none. places, heights: the start, then after every step.

    asked: heights, gradients and Hessians asked for until each of these. reached: the step from which on it is near a
    minimum and stays there, or None.
    """

    method: Method
    surface: Surface
    rate: float | None
    places: tuple[tuple[float, float], ...]
    heights: tuple[float, ...]
    asked: tuple[tuple[int, int, int], ...]
    reached: int | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON; evaluations are those until it was near a minimum, or all."""
        heights, gradients, hessians = self.asked[-1 if self.reached is None else self.reached]
        return {
            "surface": self.surface.name,
            "method": self.method.name,
            "order": self.method.order,
            "rate": self.rate,
            "steps": self.reached,
            "evaluations": {"heights": heights, "gradients": gradients, "hessians": hessians},
            "height": self.heights[-1],
            "place": self.places[-1],
        }


def race(surface: str, steps: int = 200, progress: Progress = lambda done, total: None) -> tuple[Path, ...]:
    """The paths of all methods on a surface, by name; of each the best over the rates 1e-4 to 10, half powers of ten.

    The best stays on what is shown of the surface, and is the first near a minimum to stay, or ends lowest.
    Raises StriateError for an unknown name, and for steps below 1 or above 10,000.

    >>> newton = race("ravine", 10)[7]
    >>> newton.method.name, newton.reached, newton.asked[1]
    ('Newton', 1, (2, 1, 1))
    """
    if surface not in SURFACES:
        raise unknown_name("surface", surface, SURFACES)
    require_within("steps", steps, STEPS)
    paths = []
    with torch_threads(1):
        for done, method in enumerate(METHODS.values()):
            progress(done, len(METHODS))
            rates = RATES if method.rates else (1.0,)
            paths.append(min((walked(method, SURFACES[surface], rate, steps) for rate in rates), key=_quality))
    progress(len(METHODS), len(METHODS))
    return tuple(paths)


def walked(method: Method, surface: Surface, rate: float, steps: int) -> Path:
    """One walk, which ends early where it leaves all bounds."""
    counted = Counted(surface)
    start = torch.tensor(surface.start, dtype=torch.float64)
    places, heights, asked = [surface.start], [float(surface.height(*start))], [(0, 0, 0)]
    for place in islice(method.walk(counted, rate), steps):
        height = float(surface.height(*place))
        if not (math.isfinite(height) and float(place.abs().max()) < FAR):
            break
        x, y = place.tolist()
        places.append((x, y))
        heights.append(height)
        asked.append(counted.asked)
    near = surface.least + NEAR * (heights[0] - surface.least)
    reached = 1 + max((step for step, height in enumerate(heights) if height > near), default=-1)
    at = reached if reached < len(heights) else None
    return Path(method, surface, rate if method.rates else None, tuple(places), tuple(heights), tuple(asked), at)


def _quality(path: Path) -> tuple[bool, float, float]:
    left = any(
        not lowest <= each <= highest
        for place in path.places
        for each, (lowest, highest) in zip(place, (path.surface.xs, path.surface.ys), strict=True)
    )
    return left, math.inf if path.reached is None else path.reached, path.heights[-1]
