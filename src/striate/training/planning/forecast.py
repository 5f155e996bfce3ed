"""What is forecast of a training, and how many epochs a budget has room for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from striate.core.units import duration
from striate.training.finetune.head import passes_before
from striate.training.planning.candidates import Candidate
from striate.training.planning.measured import Measured
from striate.training.planning.trial import Costs
from striate.training.recipe import Recipe

# From the command to the first step and from the last to the report, beside decoding, tuning and the test: libraries,
# checks, the page. Of runs on the machine of docs/measured.md.
AROUND_S = 8.0
TUNING_S, TUNING_SHARE = 20.0, 0.05  # as `training/speed/autotune` has them


@dataclass(frozen=True)
class Amounts:
    """How many pictures there are to decode, to train and validate on, and to test on."""

    all: int
    train: int
    val: int
    test: int


@dataclass(frozen=True)
class Forecast:
    """A training with what it is going to take on this machine.

    size: height and width in pixels. epoch_s: seconds of an epoch with its validation. around_s: of everything else,
    decoding included. memory_bytes: of the whole process at its peak, on a GPU of that; None where nobody can say.
    epochs: that the budget has room for. tried: whether steps of it were timed, else it is estimated from its
    arithmetic. known: what the house has measured on pictures such as these.
    """

    candidate: Candidate
    recipe: str
    size: tuple[int, int]
    params: int
    macs: int
    epoch_s: float
    around_s: float
    memory_bytes: int | None
    epochs: int
    tried: bool
    fits: bool
    known: Measured | None = None
    recommended: bool = False

    @property
    def least_s(self) -> float:
        """Seconds of the shortest run of it: one epoch."""
        return self.epoch_s + self.around_s

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = {name: value for name, value in asdict(self).items() if name not in ("candidate", "known")}
        known = None if self.known is None else asdict(self.known)
        return {**asdict(self.candidate), **told, "size": list(self.size), "measured": known}

    def because(self, why: str) -> Forecast:
        """The same, recommended."""
        return replace(self, recommended=bool(why))


def epoch_seconds(costs: Costs, steps: int, amounts: Amounts, recipe: Recipe) -> float:
    """Seconds of an epoch, with its share of validations."""
    return steps * costs.step_s + amounts.val * costs.check_s / recipe.validate_every_epochs


def around_seconds(costs: Costs, amounts: Amounts, recipe: Recipe, *, decoded: bool) -> float:
    """Seconds of a run outside its epochs. decoded: whether the pictures are in the cache already."""
    passes = amounts.test + passes_before(recipe, amounts.train, amounts.val)
    return AROUND_S + passes * costs.check_s + (0.0 if decoded else amounts.all * costs.decode_s)


def epochs_within(budget_s: float, epoch_s: float, around_s: float) -> int:
    """How many epochs there is time for, once settings have been measured.

    >>> epochs_within(1200, 60, 8), epochs_within(10, 60, 8)
    (19, 0)
    """
    left = budget_s - around_s
    return max(0, math.floor((left - min(TUNING_S, TUNING_SHARE * left)) / epoch_s))


def told_least(forecast: Forecast) -> str:
    """The shortest run of a training, in words."""
    return duration(math.ceil(forecast.least_s))
