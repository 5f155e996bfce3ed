"""One block in a notebook's cell, written over as the run goes on."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any

from striate.training.monitor.terminal import Fading, clock

SHOW_EVERY_SECONDS = (
    0.5  # a cell is drawn by a browser, and every update is a message that the notebook's file may keep
)
LAST_EPOCHS = 5
REMARKS = 40  # as lines of the cell; what is said after them shows in the block
LAST_REMARKS = 3


class Notebook:
    """Remarks as lines on standard output (standard error is red there), all that moves in one block of bounded height.

    The block has the best epoch, the last epochs, and what is under way.
    """

    def __init__(self) -> None:
        self._stream = Fading(sys.stdout)
        self._handle: Any = None
        self._shown = float("-inf")  # when the block was drawn last
        self._stale = False
        self._best: str | None = None
        self._epochs: tuple[str, ...] = ()
        self._remarks = 0
        self._late: tuple[str, ...] = ()  # a tuple: threads that read pictures say something too
        self._work = ("", 0, "")
        self._line = ""

    def say(self, text: str) -> None:
        """A line below the block, or the newest in it where there were many."""
        self._remarks += 1
        if self._remarks <= REMARKS:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        else:
            self._late, self._stale = (*self._late, text)[-LAST_REMARKS:], True

    def tell_step(self, text: str) -> None:
        """Nothing: the block shows it already."""

    def tell_epoch(self, text: str, *, best: bool) -> None:
        """A line of the block."""
        self._epochs = (*self._epochs, text)[-LAST_EPOCHS:]
        self._best = text if best else self._best
        self._draw()

    def open(self, name: str, total: int, unit: str) -> None:
        """The block gets a last line of what is under way."""
        self._work = name, total, unit

    def advance(self, done: int, note: str, left_s: float | None) -> None:
        """Write that line."""
        name, total, unit = self._work
        left = "" if left_s is None else f"{clock(left_s)} left"
        self._line = "  ".join(filter(None, (f"{name} {done:,}/{total:,} {unit}", note, left)))
        self._draw()

    def close(self) -> None:
        """The block as it is at the end; where there are epochs, without the last line."""
        if self._epochs and self._line:
            self._line, self._stale = "", True
        if self._stale:
            self._draw(now=True)

    def _draw(self, *, now: bool = False) -> None:
        self._stale = True
        if not now and time.monotonic() - self._shown < SHOW_EVERY_SECONDS:
            return
        self._stale, self._shown = False, time.monotonic()
        block = _bundle("\n".join(self._lines()))
        if self._handle is None:
            from IPython.display import display

            self._handle = display(block, raw=True, display_id=True)
        else:
            self._handle.update(block, raw=True)

    def _lines(self) -> list[str]:
        lines = [self._best, *self._epochs] if self._best and self._best not in self._epochs else [*self._epochs]
        if self._late:
            lines += [f"{self._remarks - REMARKS:,} more remarks, all in log.txt; the last:", *self._late]
        return [*lines, self._line] if self._line else lines


def in_notebook() -> bool:
    """Whether the process is a notebook's kernel; IPython is not imported to find out."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _bundle(text: str) -> dict[str, str]:
    return {"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}
