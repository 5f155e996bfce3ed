"""How results are shown: tables for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from striate.core.errors import StriateError


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str] = ()) -> None:
    """A table on standard output; `numeric` columns are right-aligned."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:  # in a file or a pipe nothing is cut to the width of a screen
        console = Console(highlight=False, markup=False, width=200)
    console.print(table)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """HxW, or one number for a square. Raises StriateError for anything else.

    >>> parse_size("224x160"), parse_size("64")
    ((224, 160), (64, 64))
    """
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise StriateError(f"--size takes HEIGHTxWIDTH in pixels, such as 224x224, got {text!r}")
    return int(parts[0]), int(parts[-1])


def bar(text: str) -> Any:
    """A progress callback that draws a bar on a terminal, on standard error, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    progress = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    task = progress.add_task(text, total=None)

    def advance(done: int, total: int) -> None:
        if done == 1:
            progress.start()
        progress.update(task, completed=done, total=total)
        if done == total:
            progress.stop()

    return advance
