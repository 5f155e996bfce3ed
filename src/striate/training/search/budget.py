"""The time that a search may take, what of it was spent before it was stopped, and how it is shared out."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from striate.core.durations import as_written
from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.core.reading import read_record
from striate.core.units import counted, duration
from striate.training.search.rungs import FEWEST_TRIALS, SEEDS, epochs_of, fewest_epochs, rungs_of

SPENT = "spent.json"
NEW_SHARE = 0.43  # of the time to search: what first rungs cost where a third goes on from each of three
SLACK = 1.1  # the last part, the new seeds, is tested besides, which no trial was


@dataclass(frozen=True)
class Spent:
    """spent.json: seconds that a search has taken, in all the times that it was started."""

    seconds: Annotated[float, Meta(ge=0, le=1e10)]


class Budget:
    """A budget in seconds, None for none, of a search in a folder.

    keeps: whether its time is written down there. reserved: seconds that are kept for the new seeds; prepared: those
    that were over when the first trial began.
    """

    def __init__(self, seconds: float | None, folder: Path, *, keeps: bool) -> None:
        self.seconds = math.inf if seconds is None else seconds
        self._path = folder / SPENT if keeps else None
        self._since = time.monotonic()
        there = self._path is not None and self._path.exists()
        self._before = read_record(folder / SPENT, Spent).seconds if there else 0.0
        self.reserved, self.prepared = 0.0, 0.0

    @property
    def spent(self) -> float:
        """Seconds up to now."""
        return self._before + time.monotonic() - self._since

    @property
    def left(self) -> float:
        """Seconds to search in: without those that are kept for the new seeds."""
        return self.seconds - self.reserved - self.spent

    @property
    def share(self) -> float:
        """Of the time to search, what is over; 0 without a budget."""
        searching = max(1e-9, self.seconds - self.reserved - self.prepared)
        return 0.0 if math.isinf(self.seconds) else (self.spent - self.prepared) / searching

    def keep(self) -> None:
        """Write down what was spent."""
        if self._path is not None:
            write_json(self._path, {"seconds": round(self.spent, 3)})

    def reserve(self, epoch_s: float, epochs: int) -> None:
        """Keep the time for winner and defaults with three new seeds each."""
        if not math.isinf(self.seconds):
            self.reserved = SLACK * 2 * SEEDS * epochs * epoch_s


def require_possible(budget: Budget, epoch_s: float, epochs: int, halving: bool) -> None:
    """Raise StriateError, with the smallest that is, for a budget in which nothing can be found out."""
    needed = fewest_epochs(rungs_of(epochs, halving)) * epoch_s
    if budget.spent + needed > budget.seconds:
        shortest = as_written(1.1 * (budget.spent + needed))
        raise StriateError(
            f"--budget {as_written(budget.seconds)} is too short: an epoch of this network takes {duration(epoch_s)} "
            f"here, and the shortest search ({FEWEST_TRIALS} trials in runs of {counted(epochs, 'epoch')}, then "
            f"winner and defaults with {SEEDS} seeds each) about {shortest}; give --budget {shortest}, or a smaller "
            "network, size or number of pictures"
        )


def trials_for(budget: Budget, epoch_s: float, rungs: tuple[int, ...]) -> int:
    """About how many trials fit."""
    affordable, trials = budget.left / epoch_s, FEWEST_TRIALS
    while trials < 100_000 and epochs_of(trials + 1, rungs) <= affordable:
        trials += 1
    return trials
