"""Comma-separated values: for programs just what is there, in a file also what a spreadsheet needs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from striate.core.files import write_bytes

FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[Sequence[object]]) -> str:
    """Lines for other programs: every cell as it is."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """A file that spreadsheets open as it is meant.

    It begins with the mark by which Excel knows UTF-8, and a text that a spreadsheet would take for a formula has an
    apostrophe before it. Numbers are numbers.
    """
    text = as_csv([[_no_formula(cell) for cell in row] for row in rows])
    write_bytes(path, text.encode("utf-8-sig", "backslashreplace"))


def _no_formula(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell
