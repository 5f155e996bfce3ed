"""A summary's rows as a person likes to read them: few enough for a screen, the stages of a deep network folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from striate.analysis.kept_by_row import keys
from striate.analysis.memory import Kept
from striate.analysis.rows import Row
from striate.analysis.summary import Summary
from striate.analysis.table import folded
from striate.analysis.timing import Timing

SCREEN = 40  # lines that are read without losing the thread
NOTHING = Kept(0, 0)


class Line(NamedTuple):
    """A row, or several folded into one. kept: what training keeps of it. forward_ms: measured, of the whole batch."""

    row: Row
    kept: Kept
    forward_ms: float = 0.0


Group = list[Line]


def measured(summary: Summary, kept: Sequence[Kept], timing: Timing | None = None) -> list[Line]:
    """Every row with what training keeps of it and, where the network was timed, its milliseconds.

    kept: of `kept_by_row`. What only training makes gets a line of its own at the end.
    """
    timed = timing.rows if timing else ()
    ms = dict(zip(keys((row.path, row.kind) for row in timed), (row.forward_ms for row in timed), strict=True))
    rows = summary.rows
    known = zip(rows, kept, keys((row.path, row.kind) for row in rows), strict=True)
    lines = [Line(row, of_row, ms.get(key, 0.0)) for row, of_row, key in known]
    total = summary.kept or NOTHING
    rest = Kept(
        total.per_picture_bytes - sum(line.kept.per_picture_bytes for line in lines),
        total.fixed_bytes - sum(line.kept.fixed_bytes for line in lines),
    )
    return lines if rest == NOTHING else [*lines, Line(Row("", "only in training", (), (), 0, 0, 0), rest)]


def readable(lines: Sequence[Line]) -> tuple[list[Line], str]:
    """The most detailed view that fits a screen, and a sentence that says what is not shown one by one.

    Tried are: every row; norms and activations on the line of their layer; one line per module of ever shorter paths.
    """
    if len(lines) <= SCREEN:
        return list(lines), ""
    joined = [_joined(group) for group in _layers(lines)]
    if len(joined) <= SCREEN:
        return (
            joined,
            f"element-wise rows are on the line of their layer; --depth all shows all {len(lines)} rows",
        )
    views = ((depth, stages(lines, depth)) for depth in range(_deepest(lines) - 1, 0, -1))
    depth, view = next((view for view in views if len(view[1]) <= SCREEN), (1, stages(lines, 1)))
    return view, f"folded to --depth {depth}; --depth {depth + 1} unfolds, --depth all shows all {len(lines)} rows"


def stages(lines: Sequence[Line], depth: int) -> list[Line]:
    """Lines next to each other under one module path of `depth` names, folded into one; beyond the deepest, none."""
    if depth > _deepest(lines):
        return list(lines)
    groups = groupby(lines, key=lambda line: ".".join(line.row.path.split(".")[:depth]) or line.row.kind)
    return [_sum(folded([line.row for line in group], depth)[0], group) for group in (list(g) for _, g in groups)]


def _deepest(lines: Sequence[Line]) -> int:
    return max(line.row.path.count(".") for line in lines) + 1


def _layers(lines: Sequence[Line]) -> Iterator[Group]:
    """Each layer with the norms, activations and additions after it that change no shape, in the same module."""
    group: Group = []
    for line in lines:
        if group and not _belongs(line.row, group[0].row):
            yield group
            group = []
        group.append(line)
    yield group


def _belongs(row: Row, layer: Row) -> bool:
    module = layer.path.rpartition(".")[0]
    near = bool(row.path) and bool(layer.path) and module in (row.path, row.path.rpartition(".")[0])
    return near and not row.macs and not row.activations and row.out_shape == layer.out_shape


def _joined(group: Group) -> Line:
    if len(group) == 1:
        return group[0]
    row = folded([line.row for line in group], 0)[0]
    return _sum(replace(row, path=group[0].row.path, kind=", ".join(line.row.kind for line in group)), group)


def _sum(row: Row, group: Iterable[Line]) -> Line:
    lines = list(group)
    kept = Kept(sum(line.kept.per_picture_bytes for line in lines), sum(line.kept.fixed_bytes for line in lines))
    return Line(row, kept, sum(line.forward_ms for line in lines))
