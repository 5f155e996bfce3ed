"""A trial as its study shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from striate.training.search.space import Values

State = Literal["running", "paused", "finished", "ended", "failed"]
Stage = Literal["defaults", "coarse", "fine", "grid", "tpe"]


@dataclass(frozen=True)
class Tried:
    """A trial: a point of the space and what became of it.

    stage: how the point was chosen. state: paused waits with its checkpoint, or was left there when the search was
    over; ended is one whose cost came to more than three times the first, failed one that could not run. place: the
    machine and folder that have its files. goal: the epochs that it is on its way to. figures: what it reached on
    validation, by the epochs it had then. why: it ended or failed. seconds: of training so far.
    """

    number: int
    values: Values
    stage: Stage
    state: State
    place: str = ""
    goal: int = 0
    figures: dict[int, float] = field(default_factory=dict)
    why: str = ""
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Those of its newest figure; 0 before there is one."""
        return max(self.figures, default=0)

    @property
    def figure(self) -> float | None:
        """The newest."""
        return self.figures.get(self.epochs)

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.number:04}"
