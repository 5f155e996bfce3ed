"""A search from its data to its result: new trials, those that go on, and the winner against the defaults."""

from __future__ import annotations

import math
import platform
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from striate.core.errors import ChangedPicture, Interrupted, StorageError, StriateError
from striate.core.flags import in_python
from striate.core.units import counted
from striate.runtime.malloc import keep_freed_memory
from striate.training.folder.layout import locked
from striate.training.monitor.reporter import Reporter
from striate.training.recipe import Recipe
from striate.training.results import Diverged
from striate.training.search.bench import Bench, forget
from striate.training.search.budget import NEW_SHARE, Budget, trials_for
from striate.training.search.drawing import drawn, inside, narrowed, on_grid, size_of
from striate.training.search.rungs import ONE_IN, best_of, merit, next_to_go_on, steps_between
from striate.training.search.space import Range, Space, Values, recipe_at
from striate.training.search.study import Study
from striate.training.search.telling import is_best, line_of
from striate.training.search.tried import Tried

TRIALS = "trials"
LATELY = 20  # trials whose pace says how long the next ones take
WAIT_SECONDS = 0.05  # for another process that is just taking a trial


@dataclass(frozen=True)
class Settings:
    """What was asked for, and what follows for the whole search.

    trials: new ones at most, None for as many as the budget allows. rungs: epochs after which trials are compared.
    points: per axis of a grid. epoch_s: about how long an epoch takes.
    """

    space: Space
    method: str
    trials: int | None
    rungs: tuple[int, ...]
    points: int
    epoch_s: float


class Search:
    """A search under way in this process. leads: whether it is the one that ends it, and waits for others."""

    leads = True
    about = 0

    def __init__(self, bench: Bench, study: Study, settings: Settings, budget: Budget, reporter: Reporter) -> None:
        self.bench, self.study, self.settings, self.budget, self.reporter = bench, study, settings, budget, reporter
        self.base = replace(  # at whatever epoch a rung is, it is validated
            bench.prepared.plan.recipe, epochs=settings.rungs[-1], stop_after_epochs=None, validate_every_epochs=1
        )
        self.higher = bench.figure.higher_is_better
        self.epoch_s = settings.epoch_s
        self._paces: list[float] = []
        bench.watch.epoch_done = self._epoch_done

    def run(self) -> None:
        """Train trials until there is none left to begin or to go on with, or no time."""
        self._show()
        while self.budget.left > 0 and self._one():
            self.budget.keep()
            self._show()
        self.reporter.close()

    def recipe(self, values: Values) -> Recipe:
        """That of a point of the space."""
        return recipe_at(self.settings.space, self.base, values)

    def _one(self) -> bool:
        """Train one trial to its next rung; False where there is none to be had, now or later."""
        held = False
        for chosen in self._candidates():
            with claimed(self._folder(chosen)) as mine:
                if mine:
                    if self.study.now(chosen.number) == chosen:
                        self._train(chosen)
                    return True
                held = True
        unclaimed = any(each.state == "running" and not each.place for each in self.study.tried())
        if waiting := (held and self.leads) or unclaimed:  # for another process, or until one is known to be dead
            time.sleep(WAIT_SECONDS)
        return waiting

    def _candidates(self) -> Iterator[Tried]:
        """What may be trained next, the most urgent first: what was stopped, what is nobody's, new ones, survivors."""
        tried, first = self.study.tried(), self.settings.rungs[0]
        yield from (each for each in tried if each.state == "running" and each.place == self.study.place)
        for orphan in self.study.orphans():
            if (adopted := self.study.adopt(orphan, first, self._point)) is not None:
                yield adopted
        if self._new_is_due(tried) and (new := self.study.new(first, self._point)) is not None:
            yield new
        elif (survivor := self._goes_on(tried)) is not None:
            with claimed(self._folder(survivor)) as mine:
                if mine and self.study.now(survivor.number) == survivor:
                    rungs = self.settings.rungs
                    self.study.go_on(survivor, rungs[rungs.index(survivor.epochs) + 1])
            yield self.study.now(survivor.number)
        elif self._may_fill_up(tried) and (new := self.study.new(first, self._point)) is not None:
            yield new

    def _may_fill_up(self, tried: list[Tried]) -> bool:
        """Whether there is time for one more, when all survivors have gone on."""
        return self._new_count(tried) > 0 and not math.isinf(self.budget.seconds) and self._fits(self.settings.rungs[0])

    def _goes_on(self, tried: list[Tried]) -> Tried | None:
        left = self.budget.left / self.epoch_s
        return next_to_go_on(tried, self.settings.rungs, self.study.place, self.higher, left)

    def _fits(self, epochs: int) -> bool:
        return self.budget.left > 0.9 * epochs * self.epoch_s

    def _new_count(self, tried: list[Tried]) -> float:
        """How many new trials there may still be."""
        most = math.inf if self.settings.trials is None else self.settings.trials
        if self.settings.method == "grid":
            most = min(most, size_of(self.settings.space, self.settings.points))
        return most - len(tried)

    def _new_is_due(self, tried: list[Tried]) -> bool:
        """New trials come first, until a third of them going on from each rung takes the rest of the time."""
        return self._new_count(tried) > 0 and self.budget.share < NEW_SHARE and self._fits(self.settings.rungs[0])

    def _is_coarse(self, number: int) -> bool:
        trials = self.settings.trials
        return self.budget.share < NEW_SHARE / 2 and (trials is None or number < trials / 2)

    def _point(self, number: int) -> tuple[Values, str] | None:
        """Where a new trial is, and how that was chosen; None where the grid has no more points."""
        space, seed, method = self.settings.space, self.bench.prepared.plan.seed, self.settings.method
        if method == "grid":
            values = on_grid(space, self.settings.points, seed, number)
            return None if values is None else (values, "grid")
        if number == 0 and (defaults := self._defaults()) is not None:
            return defaults, "defaults"
        if method == "tpe":
            return self.study.tpe(self.study.tried()[:number], seed, number), "tpe"
        if self._is_coarse(number):
            return drawn(space, seed, number), "coarse"
        return drawn(self.fine(), seed, number), "fine"

    def _defaults(self) -> Values | None:
        """The recipe as it is, where that lies in the space."""
        values: Values = {}
        for axis in self.settings.space:
            own = getattr(self.base, axis.name)
            if isinstance(axis, Range):
                values[axis.name] = own
            else:
                alike = [text for text in axis.texts if getattr(self.recipe_of(axis, text), axis.name) == own]
                values[axis.name] = next(iter(alike), "")
        known = all(isinstance(values[axis.name], int | float | str) for axis in self.settings.space)
        return values if known and inside(self.settings.space, values) else None

    def recipe_of(self, axis: Any, text: str) -> Recipe:
        """The recipe with one choice made."""
        return recipe_at((axis,), self.base, {axis.name: text})

    def fine(self) -> Space:
        """The space narrowed around the best coarse trials, the same for all who search."""
        kept = self.study.get("fine")
        if kept is None:
            coarse = [each for each in self.study.tried() if each.stage in ("defaults", "coarse")]
            made = narrowed(self.settings.space, coarse, self.higher)
            ranges = {axis.name: [axis.low, axis.high] for axis in made if isinstance(axis, Range)}
            kept = self.study.keep("fine", ranges)
            self.reporter.say(f"fine: {', '.join(map(str, made))}, around the best of {counted(len(coarse), 'trial')}")
        return tuple(
            replace(axis, low=kept[axis.name][0], high=kept[axis.name][1]) if isinstance(axis, Range) else axis
            for axis in self.settings.space
        )

    def _folder(self, tried: Tried) -> Path:
        return self.bench.folder / TRIALS / tried.name

    def _train(self, tried: Tried) -> None:
        """Train a trial to its goal and write down what it came to."""
        since = time.monotonic()
        try:
            seed = self.bench.prepared.plan.seed
            recipe = self.recipe(tried.values)
            made = self.bench.train(self._folder(tried), recipe, seed, tried.goal, lambda: self.budget.left <= 0)
        except Diverged as diverged:
            said = f"cost {diverged.loss:.4g} at step {diverged.step:,}, above three times the first"
            said += f" ({diverged.first:.4g})" if diverged.first is not None else ""
            self.study.end(tried, said, tried.seconds)
            forget(self._folder(tried), weights=True)
        except (StorageError, ChangedPicture):
            raise
        except StriateError as error:  # of this point: a batch too large, a field that needs another
            if tried.number == 0:
                raise
            self.study.end(tried, error.in_flags, tried.seconds, failed=True)
        else:
            if made.figure is None:
                return  # no time: it waits where it is
            self.study.report(tried, tried.goal, made.figure, made.seconds, tried.goal == self.settings.rungs[-1])
            self._tidy(tried.goal)
            self._pace((time.monotonic() - since) / (tried.goal - tried.epochs))
        self._tell(self.study.now(tried.number))

    def _pace(self, epoch_s: float) -> None:
        """Of what epochs took lately, all that comes with them counted, follows what is kept for the new seeds."""
        self._paces = [*self._paces, epoch_s][-LATELY:]
        self.epoch_s = statistics.fmean(self._paces)
        self.budget.reserve(self.epoch_s, self.settings.rungs[-1])

    def _tidy(self, rung: int) -> None:
        """Forget the checkpoints of those that will not go on; one that does is trained to the same again."""
        there = [each for each in self.study.tried() if rung in each.figures]
        there.sort(key=lambda each: merit(replace(each, figures={rung: each.figures[rung]}), self.higher), reverse=True)
        for each in there[1 + 2 * len(there) // ONE_IN :]:
            if each.state == "paused" and each.place == self.study.place and self._folder(each).exists():
                forget(self._folder(each), weights=True)

    def _tell(self, tried: Tried) -> None:
        self.reporter.say(
            line_of(
                tried,
                self.settings.space,
                self.bench.figure,
                self._of(),
                best=is_best(tried, self.study.tried(), self.higher),
            )
        )

    def _of(self) -> str:
        """How many trials there will be, as far as anybody knows."""
        new = self._new_count(self.study.tried()) + len(self.study.tried())
        if not math.isinf(new):
            return f"{int(new):,}"
        return f"about {max(len(self.study.tried()), self.about):,}"

    def estimate(self) -> None:
        """Say about how many trials the budget allows."""
        if not math.isinf(self.budget.seconds):
            self.about = trials_for(self.budget, self.epoch_s, self.settings.rungs)

    def _epoch_done(self) -> None:
        self.budget.keep()
        self._show()

    def _show(self) -> None:
        """Move the bar."""
        tried = self.study.tried()
        with_figures = [each for each in tried if each.figures]
        best = best_of(with_figures, self.higher).figure if with_figures else None
        note = "" if best is None else f"best {self.bench.figure.title} {self.bench.figure.line(best)}"
        if math.isinf(self.budget.seconds):
            ends = sum(step / ONE_IN**rung for rung, step in enumerate(steps_between(self.settings.rungs)))
            total = max(1, round(self._new_count(tried) + len(tried)) * ends)
            done = sum(each.epochs for each in tried)
            self.reporter.searching(round(done), round(max(total, done)), "epochs", note)
        else:
            self.reporter.searching(round(self.budget.spent), round(self.budget.seconds), "seconds", note)


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Hold a trial's folder, unless another process does."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder))
        except StorageError:
            raise
        except StriateError:
            yield False
            return
        yield True


def place_of(folder: Path) -> str:
    """The machine and the folder, which is where checkpoints are."""
    return f"{platform.node()}:{folder.resolve()}"


@contextmanager
def stopped_as_one(folder: Path) -> Iterator[None]:
    """What stops a trial stops the search, and the same command goes on with both."""
    said = f"stopped; all trials in {folder} are kept, the one under way too: the same command goes on"
    try:
        with keep_freed_memory():
            yield
    except Interrupted as stop:  # of a trial, which would say how to go on with that alone
        stop.in_flags, stop.args = said, (in_python(said),)
        raise
    except KeyboardInterrupt:
        raise Interrupted(said, signal.SIGINT) from None
