"""A bar on a terminal; on anything else only the lines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TextIO

from rich import progress
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text


class Terminal:
    """Lines on a stream, and below them a bar if it is a terminal. stream: standard error if None."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        shown = Fading(None if quiet else stream or sys.stderr)
        # Where rich sees a notebook it would make a block of every line; as lines of one stream they are one.
        self._console = Console(file=shown, highlight=False, soft_wrap=True, force_jupyter=False)  # type: ignore[arg-type]
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def say(self, text: str) -> None:
        """A line."""
        self._console.print(text, markup=False, emoji=False)

    def tell_step(self, text: str) -> None:
        """A line."""
        self.say(text)

    def tell_epoch(self, text: str, *, best: bool) -> None:
        """A line; the text has a mark at the best."""
        self.say(text)

    def open(self, name: str, total: int, unit: str) -> None:
        """Show a bar."""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=self._console.width // 6),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            _Cut(f"{unit}  {{task.fields[note]}}", table_column=Column()),
            TextColumn("{task.fields[left]}", style="progress.remaining", table_column=Column(no_wrap=True)),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=total, note="", left="-:--:--")
        self._bar.start()

    def advance(self, done: int, note: str, left_s: float | None) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note, left=clock(left_s))

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _Cut(TextColumn):
    """The column that gives way first where a terminal is narrow: its end is cut off, and it never wraps."""

    def render(self, task: progress.Task) -> Text:
        """The text of a row."""
        text = super().render(task)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


class Fading:
    """A stream that takes everything and shows it for as long as there is somebody to show it to.

    A terminal that was closed, a pipe that nobody reads any more and a full disk behind a redirection must not end a
    training: its folder has the log.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Show a text."""
        self._try(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Show it now."""
        self._try(lambda stream: stream.flush())

    def _try(self, use: Callable[[TextIO], object]) -> None:
        try:
            if self._stream is not None:
                use(self._stream)
        except (OSError, ValueError):  # ValueError: closed by this process
            self._stream = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def clock(seconds: float | None) -> str:
    """Time left: always of one width, or the bar would jump."""
    return "-:--:--" if seconds is None else str(timedelta(seconds=round(seconds)))
