"""Progress for people: a bar on a terminal, a block in a notebook, else a line per epoch; the log has all of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TextIO

from striate.core.errors import StriateError
from striate.core.flags import reader_words
from striate.core.units import counted, duration
from striate.core.visible import visible
from striate.report.facts import ReportFacts
from striate.tasks.classification import CLASSIFICATION
from striate.tasks.task import LOSS, Figure, Task
from striate.training.folder.layout import REPORT, append_log
from striate.training.folder.state import Counters
from striate.training.monitor.notebook import Notebook, in_notebook
from striate.training.monitor.terminal import Terminal

SAY_EVERY_SECONDS = 60.0  # a line, where epochs take longer: a log file shows no bar


class Screen(Protocol):
    """Where a person looks; every text is one line without control characters."""

    def say(self, text: str) -> None:
        """A remark."""

    def tell_step(self, text: str) -> None:
        """How far a long epoch is: for a screen that shows no progress."""

    def tell_epoch(self, text: str, *, best: bool) -> None:
        """What an epoch came to. best: of all so far."""

    def open(self, name: str, total: int, unit: str) -> None:
        """Work begins that is to be shown as it goes."""

    def advance(self, done: int, note: str, left_s: float | None) -> None:
        """So much of it is done. left_s: seconds to go, None while nobody knows."""

    def close(self) -> None:
        """It is over."""


class Reporter:
    """Tells how a run goes, on standard error, so that standard output stays for results; in a notebook, in its cell.

    A program's screen speaks of Python's arguments; the log, as all files of a run, of the command line's.
    total_epochs: of the whole run, set by `begin` once it is known. task: whose figures are told. quiet: shows nothing;
    the log has it all the same.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        notebook = stream is None and not quiet and in_notebook()
        self._screen: Screen = Notebook() if notebook else Terminal(stream, quiet=quiet)
        self._words = reader_words()  # of who made this: other threads have no caller
        self.log: Path | None = None
        self.total_epochs = 0
        self.task: Task = CLASSIFICATION
        self._shares: Sequence[float] = (0.0, 1.0)  # of the work that is done after every epoch
        self._total = 1  # steps or pictures of what is under way
        self._since: tuple[float, float] | None = None  # when the first word of it came, and the share done then
        self._pace_since: tuple[float, int] | None = None  # when, and how many pictures of the epoch were seen then
        self._said = time.monotonic()  # when the last line was
        self._under_way = False

    def say(self, text: str) -> None:
        """One line for the person and the log."""
        self._screen.say(visible(self._words(text)))
        self._kept(text)

    def note(self, text: str) -> None:
        """One line for the log alone, if there is one that can be written."""
        if self.log is not None:
            with suppress(StriateError, OSError):
                append_log(self.log, text)

    def reading(self, done: int, total: int) -> None:
        """Pictures decoded so far."""
        self._pictures("decoding", done, total)

    def solving(self, done: int, total: int) -> None:
        """Pictures on which something was solved for so far."""
        self._pictures("solving", done, total)

    def searching(self, done: int, total: int, unit: str, note: str) -> None:
        """How far a search is."""
        if not self._under_way:
            self._open("searching", total, unit)
        self._advance(min(done, total), note)

    def _pictures(self, doing: str, done: int, total: int) -> None:
        if not self._under_way:
            self._open(doing, total, "pictures")
        self._advance(done, "")
        if done == total:
            self.close()

    def begin(self, total_steps: int, shares: Sequence[float]) -> None:
        """Training begins, or goes on. shares: of its work that are done after 0, 1, ... epochs, from 0 to 1."""
        self.total_epochs, self._shares = len(shares) - 1, shares
        self._open("training", total_steps, "steps")

    def expect(self, total_steps: int, steps_of_an_epoch: int) -> None:
        """Training is going to have so many steps, which was decided anew."""
        self._total, self.total_epochs = total_steps, -(-total_steps // steps_of_an_epoch)

    def step(self, counters: Counters, lr: float) -> None:
        """Some steps were made."""
        seen, now = max(1, counters.seen), time.monotonic()
        since, seen_then = self._pace_since or (now, counters.seen)
        self._pace_since = since, seen_then
        moved = counters.seen > seen_then and now > since  # some clocks tick fifteen milliseconds at a time
        pace = f"  {(counters.seen - seen_then) / (now - since):,.0f} images/s" if moved else ""
        told = {name: self.task.figure(name) for name in counters.sums}
        counted_so_far = "".join(f"  {f.title} {f.line(counters.sums[name] / seen):>6}" for name, f in told.items())
        note = f"loss {counters.loss_sum / seen:.3f}{counted_so_far}  lr {lr:.2g}{pace}"
        self._advance(counters.step, note)
        if now - self._said > SAY_EVERY_SECONDS:
            line = f"step {counters.step:,}/{self._total:,}  {note}{self._and_left(counters.step)}"
            self._screen.tell_step(visible(line))
            self._kept(line)

    def epoch(self, line: dict[str, Any]) -> None:
        """An epoch was finished, and most often validated."""
        self._pace_since = None
        figures = "".join(told_of_epoch(figure, line) for figure in self.task.curves)
        better = "" if "best" not in line else " *" if line["best"] else "  "
        pace = f"{line['images_per_second']:,.0f} images/s"
        times = f"{duration(line['seconds'])} gone{self._and_left(line['step'])}"
        text = f"epoch {line['epoch']:>3}/{self.total_epochs}{figures}{better}  {pace}  {times}"
        self._screen.tell_epoch(visible(text), best=line.get("best", False))
        self._kept(text)
        for finding in line.get("findings", ()):
            if finding["step"] == line["step"]:  # else it was said at that step
                self.say(f"seen in epoch {finding['epoch']}, step {finding['step']:,}: {finding['text']}")

    def result(self, facts: ReportFacts) -> None:
        """The run was tested and its report is written."""
        found = facts.evaluation
        self.say(
            f"{facts.evaluated_split} {facts.task.line_of(found)} on {counted(found.total, 'picture')}; "
            f"trained in {duration(facts.seconds)}, best epoch {facts.best_epoch}; "
            f"report: {(self.log or Path()) / REPORT}"
        )

    def close(self) -> None:
        """Take the progress off the screen."""
        self._screen.close()
        self._under_way = False

    def _kept(self, text: str) -> None:
        self._said = time.monotonic()
        if self.log is not None:
            with suppress(FileNotFoundError):  # a folder that has gone: `keeper` brings the run elsewhere
                append_log(self.log, text)

    def _open(self, name: str, total: int, unit: str) -> None:
        self._screen.open(name, total, unit)
        self._total, self._since, self._under_way = total, None, True

    def _advance(self, done: int, note: str) -> None:
        if self._under_way:
            self._screen.advance(done, note, self._left_s(done))

    def _and_left(self, done: int) -> str:
        left = self._left_s(done)
        return "" if left is None else f", {duration(left)} left"

    def _left_s(self, done: int) -> float | None:
        """Seconds left: what the rest of the work takes at the pace since its first word; None before there is one."""
        place, now = done / self._total * (len(self._shares) - 1), time.monotonic()
        epoch = min(int(place), len(self._shares) - 2)
        low, high = self._shares[epoch : epoch + 2]
        share = low + (place - epoch) * (high - low)
        since, before = self._since = self._since or (now, share)
        return (now - since) * (1 - share) / (share - before) if share > before else None


def told_of_epoch(figure: Figure, line: dict[str, Any]) -> str:
    """A figure of an epoch in training and validation, as far as the line has it.

    >>> told_of_epoch(LOSS, {"train_loss": 0.5, "val_loss": 0.25})
    '  loss 0.5000  val loss 0.2500'
    >>> told_of_epoch(Figure("iou", "mean IoU", "iou", unit="%"), {"train_loss": 0.5, "val_loss": 0.25, "val_iou": 0.5})
    '  val mean IoU 50.00%'
    """
    train, val = line.get(f"train_{figure.key}"), line.get(f"val_{figure.key}")
    again = f"{figure.title} " if train is None or figure.key == LOSS.key else ""  # the same figure, "val" is enough
    parts = [] if train is None else [f"  {figure.title} {figure.line(train):>6}"]
    return "".join(parts if val is None else [*parts, f"  val {again}{figure.line(val):>6}"])
