"""How results are shown: lines and tables for people, JSON and CSV for machines.

Every text of the command line goes through here, so that names of files and classes act on no terminal.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from striate.core.csv_table import as_csv
from striate.core.errors import StriateError
from striate.core.visible import ACTING, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NEVER_CUT = 100_000  # columns: in a file or a pipe nothing is cut to the width of a screen


def say(text: object = "") -> None:
    """One line on standard output."""
    print(visible(str(text)), flush=True)


def tell(*lines: object) -> None:
    """Lines on standard error, for what is no answer."""
    for line in lines:
        print(f"striate: {visible(str(line))}", file=sys.stderr, flush=True)


def print_text(text: str) -> None:
    """Several lines on standard output, such as a drawing."""
    for line in text.removesuffix("\n").split("\n"):
        say(line)


def print_csv(rows: Iterable[Sequence[object]]) -> None:
    """Comma-separated lines on standard output, as they come; for a program names as they are, else visible."""
    for row in rows:
        text = as_csv([row])
        if sys.stdout.isatty():
            print_text(text)
        else:
            sys.stdout.write(text)
            sys.stdout.flush()


class LogLines(logging.Handler):
    """What the library logs, as lines on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one."""
        print(visible(record.getMessage()), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output, in it the characters that act on a terminal as JSON's own escapes."""
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    text = "\n".join(ACTING.sub(lambda character: json.dumps(character[0])[1:-1], line) for line in lines)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:  # an output that is not UTF-8
        text = json.dumps(value, indent=2)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str] = ()) -> None:
    """A table on standard output; `numeric` columns are right-aligned."""
    _console().print(_table(columns, rows, numeric))


def fits(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table can be shown on this terminal without folding its cells."""
    console = _console()
    return console.measure(_table(columns, rows, ()), options=console.options.update(width=NEVER_CUT)).maximum <= (
        console.width
    )


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, emoji=False, width=NEVER_CUT)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(visible(column), justify="right" if column in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(visible, row))
    return table


def parse_size(text: str | None) -> tuple[int, int] | None:
    """HxW, or one number for a square. Raises StriateError for anything else.

    >>> parse_size("224x160"), parse_size("64")
    ((224, 160), (64, 64))
    """
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise StriateError(f"--size takes HEIGHTxWIDTH in pixels, such as 224x224, got {text!r}")
    return int(parts[0]), int(parts[-1])


@contextmanager
def bar(text: str, things: str = "") -> Iterator[Callable[[int, int], None]]:
    """A callback of (done, total) that draws a bar on a terminal, on standard error, and nothing elsewhere.

    things: what is counted, such as "pictures". Beside the bar stand how many a second brings and the time left.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    speed = TextColumn("{task.fields[speed]}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), speed, TimeRemainingColumn())
    # What is printed meanwhile is for standard output, which may be a file.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(text, total=None, speed="")

        def tell_progress(done: int, total: int) -> None:
            rate = progress.tasks[0].finished_speed or progress.tasks[0].speed
            speed = f"{rate:,.1f} {things}/s".replace(" /", "/") if rate else ""
            progress.update(task, completed=done, total=total, speed=speed)

        yield tell_progress
