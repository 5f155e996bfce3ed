"""The rows of a summary as text and as plain data."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from striate.analysis.rows import Row

if TYPE_CHECKING:
    from striate.analysis.summary import Summary

HEADINGS = ("layer", "kind", "output", "params", "MACs", "activations")
NUMBERS_FROM = 3  # columns from here on are numbers


def as_text(summary: Summary, depth: int | None = None) -> str:
    """The table for a terminal, with totals below it that are the sums of the printed columns.

    depth: fold the rows under one module path of this many names into one line; None prints every row.
    """
    lines = [line_of(row) for row in folded(summary.rows, depth)]
    total = ("total", "", "", f"{summary.params:,}", f"{summary.macs:,}", f"{summary.activations:,}")
    widths = [max(len(line[column]) for line in (HEADINGS, *lines, total)) for column in range(len(HEADINGS))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    shape = "x".join(map(str, summary.input_shape[1:]))
    printed = [_aligned(line, widths) for line in (HEADINGS, *lines)]
    return "\n".join(
        [
            f"{summary.name}, one picture of {shape}",
            printed[0],
            rule,
            *printed[1:],
            rule,
            _aligned(total, widths),
            notes(summary),
        ]
    )


def notes(summary: Summary) -> str:
    """What the MACs do not contain, by name."""
    names = ", ".join(f"{name} x {number}" for name, number in summary.not_counted.items())
    return f"not counted as MACs: {names or 'nothing'}; biases"


def as_dict(summary: Summary) -> dict[str, Any]:
    """Totals, what was not counted and the rows, as plain lists, strings and numbers."""
    return {
        "name": summary.name,
        "input_shape": list(summary.input_shape),
        "params": summary.params,
        "macs": summary.macs,
        "activations": summary.activations,
        "not_counted": dict(summary.not_counted),
        "rows": [
            {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(row).items()} for row in summary.rows
        ],
    }


def line_of(row: Row) -> tuple[str, ...]:
    """A row's cells, as printed."""
    shape = "x".join(map(str, row.out_shape[1:]))
    return (row.path, row.kind, shape, f"{row.params:,}", f"{row.macs:,}", f"{row.activations:,}")


def folded(rows: tuple[Row, ...], depth: int | None) -> list[Row]:
    """Rows next to each other under one module path of `depth` names, merged into one with their sums.

    The merged row keeps the path they share and says in `kind` how many rows it stands for; a row alone stays as it is.
    """
    if depth is None:
        return list(rows)
    groups = groupby(rows, key=lambda row: ".".join(row.path.split(".")[:depth]) if row.path else row.kind)
    return [_merged(prefix, list(group)) for prefix, group in groups]


def _merged(prefix: str, rows: list[Row]) -> Row:
    if len(rows) == 1:
        return rows[0]
    return Row(
        prefix,
        f"{len(rows)} rows",
        rows[0].in_shape,
        rows[-1].out_shape,
        sum(row.params for row in rows),
        sum(row.macs for row in rows),
        sum(row.activations for row in rows),
    )


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = [
        cell.rjust(width) if column >= NUMBERS_FROM else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
