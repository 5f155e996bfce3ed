"""A run that ends in time: the clock is looked at after every step, and the schedule fitted to the time that is left.

What a step is, its rate and the size of its pictures, is a function of its place in the schedule. A budget stretches or
shortens the schedule: from every decision on the places that are left are spread evenly over the steps that there is
time for. Decisions are written down before a step is made by them, and a resumed run repeats them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from striate.core.begun import seconds_gone
from striate.core.units import duration
from striate.training.budget.record import Budget, Decided, Stretch, write_decided
from striate.training.optim.schedule import PIXELS_AT_ANY_SIZE, side_px
from striate.training.recipe import Recipe

AIM = 0.985  # of the budget: what goes wrong makes a run longer rather than shorter
DECIDE_EVERY, FIRST_AFTER = 0.05, 0.02  # shares of the budget between two decisions, and before the first
MOVED = 0.1  # of the steps that were left: where these were thought to take longer than they do
FEWEST_STEPS = 3  # to go by
REMEMBERED = 3  # decisions whose pace counts: of all of a run, since machines change
SAMPLES = 20  # of the places that are left, whose pictures may grow


class Deadline:
    """When a run has to end, and how its schedule is stretched to end then.

    recipe: over the epochs of its schedule. steps: in an epoch. full_px: the side that the network sees in use.
    decided: so far. expect: told the steps of the whole run whenever that is decided. spent_s: by earlier processes,
    up to the state that this one goes on from.
    """

    def __init__(
        self,
        budget: Budget,
        recipe: Recipe,
        steps: int,
        full_px: int,
        folder: Path,
        decided: Decided,
        expect: Callable[[int], None] = lambda last: None,
    ) -> None:
        self.budget_s, self.total, self.spent_s = budget.seconds, recipe.epochs * steps, 0.0
        self.text, self.decided = budget.text, decided
        self._recipe, self._steps, self._full_px, self._folder, self._expect = recipe, steps, full_px, folder, expect
        self._before = self._since = self.elapsed()
        self._new = True  # no step of this process yet
        self._window: deque[tuple[float, float]] = deque([(0.0, 0.0)], REMEMBERED)  # seconds, and work in them
        self._between: list[float] = []
        self._steps_seen = 0

    def elapsed(self) -> float:
        """Seconds of the budget that are gone."""
        return self.spent_s + seconds_gone()

    def goes_on(self, spent_s: float) -> None:
        """Earlier processes have spent so many seconds."""
        self.spent_s = spent_s
        self._before = self._since = self.elapsed()

    def goes_on_in(self, folder: Path) -> None:
        """The run was brought to another folder, with what was written down when its state was saved last."""
        self._folder = folder
        write_decided(folder, self.decided)

    def place(self, step: int) -> int:
        """Where in the schedule a step is, both counted from 0."""
        return self.decided.at(step).place_of(step, self.total)

    @property
    def last(self) -> int:
        """Steps of the whole run, as far as is decided."""
        return self.decided.stretches[-1].last

    def told_end(self, made: int) -> str:
        """What is said when the steps are over."""
        epochs = f"{made / self._steps:.1f} epochs"
        return f"the budget of {self.text} ends the run at step {made:,}, after {epochs}; what is left is for the test"

    def told_rest(self) -> str:
        """What is said of a run that is interrupted."""
        return f", {duration(max(0.0, self.budget_s - self.elapsed()))} of its {self.text} left"

    def has_ended(self, made: int) -> bool:
        """Whether it is for the deadline that a run has ended after so many steps."""
        return made >= self.last or self.is_late

    @property
    def is_late(self) -> bool:
        """Whether there is no time for another step."""
        return self.elapsed() >= AIM * self.budget_s - self.decided.end_s

    def is_over(self, made: int) -> bool:
        """Whether a run ends after so many steps; the clock is looked at, and what follows from it decided."""
        now = self.elapsed()
        self._note(made, now - self._before)
        self._before = now
        if made <= self.decided.stretches[-1].step:  # decided before this process, which repeats it
            return made >= self.last
        if self.is_late:
            self._decide(made, made)
        elif self._is_due(made, now):
            self._decide(made, made + max(0, self._steps_left(made, now)))
        return made >= self.last

    def _is_due(self, made: int, now: float) -> bool:
        """Whether to decide anew: the pace is known, and a share of the time or of the steps that were left is gone."""
        stretch, first = self.decided.stretches[-1], len(self.decided.stretches) == 1
        waited = now - self._since >= (FIRST_AFTER if first else DECIDE_EVERY) * self.budget_s
        moved = made - stretch.step >= MOVED * (stretch.last - stretch.step)
        known = self._steps_seen >= FEWEST_STEPS or (first and made >= self.last)  # else it would end unmeasured
        return known and (waited or moved)

    def _note(self, made: int, taken: float) -> None:
        """A step took so long, with what came before it."""
        work = self._work(self.place(made - 1))
        seconds, done = self._window[-1]
        if self._new:
            self._new = False  # what comes before the first step is not like what comes between others
        elif self._steps > 1 and made % self._steps == 1:
            usual = self._pace() * work
            self._between.append(max(0.0, taken - usual))
        else:
            self._window[-1] = seconds + taken, done + work
            self._steps_seen += 1

    def _work(self, place: int) -> float:
        """What a step at a place costs, in units of no meaning."""
        return float(side_px(self._recipe, self._full_px, place, self._steps) ** 2 + PIXELS_AT_ANY_SIZE)

    def _pace(self) -> float:
        """Seconds of a unit of work, lately."""
        seconds, work = (sum(part) for part in zip(*self._window, strict=True))
        return seconds / work if work else 0.0

    def _steps_left(self, made: int, now: float) -> int:
        """How many more steps there is time for."""
        if not self._pace():
            return 1
        left = AIM * self.budget_s - self.decided.end_s - now
        place = self.place(made)
        places = [place + (self.total - 1 - place) * sample // SAMPLES for sample in range(SAMPLES + 1)]
        step_s = self._pace() * sum(map(self._work, places)) / len(places)
        between_s = sum(self._between) / len(self._between) if self._between else self.decided.between_s
        between_s = between_s if self._steps > 1 else 0.0  # which is part of every step's time then
        more = int(left / (step_s + between_s / self._steps))
        ends = max(0, made + more - 1) // self._steps - max(0, made - 1) // self._steps  # of epochs, on the way
        return int((left - ends * between_s) / step_s)

    def _decide(self, made: int, last: int) -> None:
        self.decided = self.decided.and_then(Stretch(made, self.place(made), last))
        write_decided(self._folder, self.decided)
        self._expect(last)
        self._since = self.elapsed()
        self._window.append((0.0, 0.0))
        self._steps_seen = 0
