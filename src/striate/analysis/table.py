"""The rows of a summary as text, as cells, as a spreadsheet and as plain data: always the same rows and sums."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from striate.analysis.rows import NOT_RUN, Row, number
from striate.core.csv_table import as_csv as csv_lines
from striate.core.units import in_bytes

if TYPE_CHECKING:
    from striate.analysis.summary import Summary

HEADINGS = ("layer", "kind", "output", "params", "MACs", "activations", "field px", "jump px")
NUMBERS_FROM = 3  # columns from here on are numbers


def as_text(summary: Summary, depth: int | None = None) -> str:
    """The table for a terminal, with totals that are the sums of the printed columns, and notes below.

    depth: fold rows next to each other under one module path of this many names into one line; None folds nothing.
    """
    lines = printed(summary, depth)
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    headings, *rows, total = (_aligned(line, widths) for line in lines)
    return "\n".join([title(summary), headings, rule, *rows, rule, total, *notes(summary)])


def as_markdown(summary: Summary, depth: int | None = None) -> str:
    """The table as GitHub draws it, notes below."""
    lines = [[_escaped(cell) for cell in line] for line in printed(summary, depth)]
    rule = ["---" if column < NUMBERS_FROM else "---:" for column in range(len(HEADINGS))]
    drawn = ["| " + " | ".join(line) + " |" for line in (lines[0], rule, *lines[1:])]
    return "\n".join([f"**{title(summary)}**", "", *drawn, "", *(f"- {note}" for note in notes(summary))]) + "\n"


def as_csv(summary: Summary, depth: int | None = None) -> str:
    """One line per row, plain integers, no totals: for a spreadsheet to add up."""
    dicts = [row_dict(row) for row in folded(summary.rows, depth)]
    lines = (["x".join(map(str, cell)) if isinstance(cell, list) else cell for cell in row.values()] for row in dicts)
    return csv_lines([list(dicts[0]), *lines])


def as_dict(summary: Summary) -> dict[str, Any]:
    """Totals, what was not counted and the rows, as plain lists, strings and numbers."""
    return {
        "name": summary.name,
        "input_shape": list(summary.input_shape),
        "params": summary.params,
        "macs": summary.macs,
        "activations": summary.activations,
        "field_px": summary.field_px,
        "parameter_bytes": summary.parameter_bytes,
        "saved_bytes": summary.saved_bytes,
        "saved_unknown": summary.kept_unknown,
        "run_on": summary.run_on,
        "why_real": summary.why_real,
        "peak_bytes": summary.peak_bytes,
        "not_counted": dict(summary.not_counted),
        "rows": [row_dict(row) for row in summary.rows],
    }


def row_dict(row: Row) -> dict[str, Any]:
    """A row as plain lists, strings and numbers; a list has one entry per axis."""
    return {
        "path": row.path,
        "kind": row.kind,
        "in_shape": list(row.in_shape),
        "out_shape": list(row.out_shape),
        "params": row.params,
        "macs": row.macs,
        "activations": row.activations,
        "field_px": [number(axis.size_px) for axis in row.field],
        "jump_px": [number(axis.jump_px) for axis in row.field],
        "offset_px": [number(axis.start_px) for axis in row.field],
        "dropped_px": list(row.dropped),
    }


def title(summary: Summary) -> str:
    """What the table is of."""
    if not summary.of_picture:
        return f"{summary.name}, for the inputs given"
    return f"{summary.name}, one picture of {_times(summary.input_shape[1:])}"


def notes(summary: Summary) -> list[str]:
    """Sentences below the table: memory, what the MACs do not contain, windows that do not fit."""
    names = ", ".join(f"{name} x {count}" for name, count in summary.not_counted.items())
    per = "per picture" if summary.of_picture else "for these inputs"
    kept, why = "unknown", f" ({summary.kept_unknown})" if summary.kept_unknown else ""
    if summary.kept is not None:
        kept = in_bytes(summary.kept.per_picture_bytes if summary.of_picture else summary.kept.fixed_bytes)
    memory = (
        f"memory: {in_bytes(summary.parameter_bytes)} of weights; inference at least {in_bytes(summary.peak_bytes)} "
        f"more (what Python holds and the kernels' work space come on top); training keeps {kept} {per}{why}"
    )
    real = [f"run on real tensors, as tensors without numbers do not do: {summary.why_real}"] * bool(summary.why_real)
    cut = [f"{row.path or row.kind} {_pixels(row.dropped)}" for row in summary.rows if row.dropped_px]
    dropped = [f"windows that do not fit, and what they never see at the far end: {', '.join(cut)}"] if cut else []
    return [*real, memory, f"not counted as MACs: {names or 'nothing'}; biases", *dropped]


def folded(rows: Sequence[Row], depth: int | None) -> list[Row]:
    """Rows next to each other under one module path of `depth` names, merged into one with their sums.

    The merged row keeps the path that they share and says in `kind` how many rows it stands for; its field and output
    are the last one's. A row alone stays as it is.
    """
    if depth is None:
        return list(rows)
    groups = groupby(rows, key=lambda row: ".".join(row.path.split(".")[:depth]) if row.path else row.kind)
    return [_merged(prefix, list(group)) for prefix, group in groups]


def _merged(prefix: str, rows: list[Row]) -> Row:
    if len(rows) == 1:
        return rows[0]
    last = [row for row in rows if row.kind != NOT_RUN or row is rows[0]][-1]
    return Row(
        prefix,
        f"{len(rows)} rows",
        rows[0].in_shape,
        last.out_shape,
        sum(row.params for row in rows),
        sum(row.macs for row in rows),
        sum(row.activations for row in rows),
        last.field,
        tuple(max(axis) for axis in zip(*(row.dropped for row in rows if row.dropped), strict=True)),
    )


def printed(summary: Summary, depth: int | None) -> list[tuple[str, ...]]:
    """Headings, rows and total as printed cells."""
    total = ("total", "", "", f"{summary.params:,}", f"{summary.macs:,}", f"{summary.activations:,}", "", "")
    return [HEADINGS, *map(_line, folded(summary.rows, depth)), total]


def _line(row: Row) -> tuple[str, ...]:
    numbers = (f"{row.params:,}", f"{row.macs:,}", f"{row.activations:,}")
    field = tuple("" if not row.field else f"{value:g}" for value in (row.field_px, row.jump_px))
    return (row.path, row.kind, _times(row.out_shape[1:]), *numbers, *field)


def _times(sides: Sequence[int]) -> str:
    return "x".join(map(str, sides))


def _pixels(sides: Sequence[int]) -> str:
    return f"{sides[0] if len(set(sides)) == 1 else _times(sides)} px"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if column >= NUMBERS_FROM else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(padded).rstrip()


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("_", "\\_")
