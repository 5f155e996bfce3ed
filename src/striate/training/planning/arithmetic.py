"""What a training costs that nobody has tried: from its arithmetic, as fast as the machine was with those tried."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from striate.analysis.summary import Summary
from striate.runtime.runtime import Runtime
from striate.training.memory.forecast import training_bytes
from striate.training.planning.trial import Costs
from striate.training.recipe import Recipe


@dataclass(frozen=True)
class Work:
    """What a step does, and what it is expected to need.

    macs: multiply-accumulates of the forward pass of a batch. moved_bytes: what it writes for the backward pass.
    weight_bytes: of the weights, which a step moves once. at_once: pictures that go through the network
    together. needed_bytes: by the memory's forecast, for all of these
    and for one.
    """

    macs: float
    moved_bytes: float
    weight_bytes: float
    batch_size: int
    at_once: int
    needed_bytes: tuple[float, float]

    @classmethod
    def of(cls, cost: Summary, runtime: Runtime, recipe: Recipe) -> Work:
        """The work of a training whose network costs so much."""
        batch = recipe.batch_size
        moved = cost.kept.at(batch) if cost.kept is not None else 4.0 * batch * cost.activations
        at_once = runtime.at_once(batch)
        needed = [training_bytes(cost, pictures, runtime, recipe) or moved for pictures in (at_once, 1)]
        return cls(
            float(batch * cost.macs), float(moved), float(cost.parameter_bytes), batch, at_once, (needed[0], needed[1])
        )

    def bytes_at(self, pictures: int) -> float:
        """What so many pictures at once are expected to need."""
        whole, one = self.needed_bytes
        return one + (whole - one) * (pictures - 1) / max(1, self.at_once - 1)

    def scaled(self, costs: Costs) -> int | None:
        """What a whole batch needs, by what steps of some pictures have needed; None where nobody knows that."""
        if costs.growth_bytes is None:
            return None
        return round(costs.growth_bytes * self.needed_bytes[0] / self.bytes_at(costs.pictures))

    @property
    def parts(self) -> tuple[float, float, float]:
        """What takes time in a step."""
        return self.macs, self.moved_bytes, self.weight_bytes


def rates(tried: Sequence[tuple[Work, float]]) -> tuple[float, ...]:
    """Seconds that a multiply-accumulate, a byte of a map and a byte of weights take, none below 0.

    tried: work of steps and the seconds that they took. Least squares of relative errors; of every choice of terms the
    one without negative numbers that errs least.

    >>> light, heavy = Work(1e9, 1e6, 1e6, 8, 8, (1, 1)), Work(4e9, 1e6, 1e6, 8, 8, (1, 1))
    >>> [round(rate * 1e9, 3) for rate in rates([(light, 0.5), (heavy, 2.0)])]
    [0.5, 0.0, 0.0]
    """
    rows = np.array([work.parts for work, _ in tried]) / np.array([[seconds] for _, seconds in tried])
    ones, least, best = np.ones(len(rows)), np.inf, np.zeros(3)
    for count in range(1, min(3, len(rows)) + 1):
        for chosen in combinations(range(3), count):
            found = np.zeros(3)
            found[list(chosen)] = np.linalg.lstsq(rows[:, chosen], ones, rcond=None)[0]
            error = float(((rows @ found - 1) ** 2).sum())
            if (found >= 0).all() and error < least * (1 - 1e-9):
                least, best = error, found
    return tuple(best.tolist())


def estimated(work: Mapping[str, Work], tried: Mapping[str, Costs]) -> dict[str, Costs]:
    """The costs of those trainings that were not tried, by name. At least one was."""
    each = rates([(work[name], costs.step_s) for name, costs in tried.items()])
    checking = statistics.median(c.check_s * work[name].batch_size / c.step_s for name, c in tried.items())
    decode_s = statistics.median(costs.decode_s for costs in tried.values())
    grown = [
        costs.growth_bytes / work[name].bytes_at(costs.pictures) for name, costs in tried.items() if costs.growth_bytes
    ]
    more = statistics.median(grown) if grown else 1.0
    made = {}
    for name in work.keys() - tried.keys():
        step_s = float(np.dot(each, work[name].parts))
        growth = round(more * work[name].needed_bytes[0])
        each_s = step_s / work[name].batch_size
        made[name] = Costs(step_s, checking * each_s, decode_s, work[name].at_once, growth)
    return made
