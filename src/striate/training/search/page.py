"""What the page of a search shows, from its result."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from striate.core.commands import command
from striate.report.search import SearchFacts, Setting, TrialRow
from striate.tasks.task import Figure
from striate.training.search.found import WINNER, SearchResult
from striate.training.search.space import Axis, Range, Space
from striate.training.search.tried import Tried


def facts_of(result: SearchResult, figure: Figure, space: Space) -> SearchFacts:
    """The facts of a page."""
    known = [each.figure for each in result.trials if each.figure is not None]
    low, high = min(known), max(known)
    ordered = result.ordered
    rows = [*ordered, *(each for each in result.trials if each not in ordered)]

    def row(tried: Tried) -> TrialRow:
        share = 0.5 if tried.figure is None or low == high else (tried.figure - low) / (high - low)
        return TrialRow(
            tried.number,
            tuple(tried.values.get(axis.name, "") for axis in space),
            tried.epochs,
            tried.figure,
            figure.shown(tried.figure),
            share,
            tried.stage,
            tried.why,
            tried.number == result.winner,
        )

    pairs = result.comparison.pairs if result.comparison else ()
    return SearchFacts(
        title=f"{result.model} on {result.data}",
        figure=f"validation {figure.title}",
        ends=(figure.shown(low), figure.shown(high)),
        settings=tuple(setting(axis, result.importance.get(axis.name)) for axis in space),
        trials=tuple(row(each) for each in rows if each.values),
        sentences=(result.sentence, *result.edges),
        pairs=tuple((each.seed, figure.shown(each.winner), figure.shown(each.defaults)) for each in pairs),
        rungs=result.rungs,
        method=result.method,
        seconds=result.seconds,
        command=command("train", result.data, "--recipe", Path(result.folder) / WINNER),
    )


def setting(axis: Axis, importance: float | None) -> Setting:
    """An axis as the page draws it."""
    ends = (f"{axis.low:g}", f"{axis.high:g}") if isinstance(axis, Range) else (axis.texts[0], axis.texts[-1])
    return Setting(axis.name, str(axis).partition("=")[2], partial(place, axis), ends, importance)


def place(axis: Axis, value: object) -> float:
    """Where a value lies on an axis, from 0 to 1."""
    if isinstance(axis, Range):
        return axis.share(float(str(value)))
    return axis.texts.index(str(value)) / (len(axis.texts) - 1)
