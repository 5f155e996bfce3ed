"""Comma-separated values: for programs just what is there, in a file also what a spreadsheet needs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from striate.core.errors import StriateError

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
MARK = b"\xef\xbb\xbf"  # by which Excel knows UTF-8
MOST_LINE_BYTES = 1 << 20


def as_csv(rows: Iterable[Sequence[object]]) -> str:
    """Lines for other programs: every cell as it is."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def as_spreadsheet(rows: Iterable[Sequence[object]]) -> bytes:
    """Lines of a file that spreadsheets open as it is meant, where it begins with MARK.

    A text that a spreadsheet would take for a formula has an apostrophe before it. Numbers are numbers.
    """
    return as_csv([[_no_formula(cell) for cell in row] for row in rows]).encode("utf-8", "backslashreplace")


def cell_of(text: str) -> str:
    r"""What `rows_of` reads where `as_spreadsheet` wrote a text.

    >>> print(cell_of("=1.png"), cell_of("\udcff.png"))
    '=1.png \udcff.png
    """
    return str(_no_formula(text)).encode("utf-8", "backslashreplace").decode()


def rows_of(file: BinaryIO, path: Path) -> Iterator[tuple[list[str], int]]:
    """The rows of a file that `as_spreadsheet` wrote, each with the byte that it ends before.

    What was torn at the end is left out. path: what errors name. Raises StriateError for what is damaged elsewhere.

    >>> list(rows_of(io.BytesIO(MARK + as_spreadsheet([["path"], ["a, b.png"]]) + b'"c.p'), Path("x.csv")))
    [(['path'], 8), (['a, b.png'], 19)]
    """
    end, line = 0, b""

    def lines() -> Iterator[str]:
        nonlocal end, line
        while line := file.readline(MOST_LINE_BYTES):
            yield line.decode("utf-8-sig" if end == 0 else "utf-8")
            end += len(line)

    rows = csv.reader(lines(), strict=True)
    while True:
        try:
            row = next(rows, None)
        except (csv.Error, UnicodeDecodeError) as error:
            if not file.read(1):
                return
            raise StriateError(f"{path} is damaged in line {rows.line_num + 1:,}: {error}") from error
        if row is None:
            return
        if not line.endswith(b"\n"):
            if file.read(1):
                raise StriateError(f"{path} is damaged: line {rows.line_num:,} is too long")
            return
        yield row, end + len(line)


def _no_formula(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell
