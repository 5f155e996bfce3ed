"""The page of a search: its table, parallel coordinates, what each setting decides, random values beside a grid's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from striate.report.charts import Frame
from striate.report.learning_chart import path
from striate.report.offline import rendered, write_page

COORDINATES = Frame(width=720, height=360, left=60, right=660, top=40, bottom=310)
SQUARE = Frame(width=320, height=320, left=46, right=306, top=14, bottom=274)
BEST_SHARE = 5  # one in so many trials is drawn in the strong colour


@dataclass(frozen=True)
class Setting:
    """A field that was searched. text: its range or choices. share: where a value lies, from 0 to 1; ends: as text.

    importance: shares of one; None where there were too few trials to tell.
    """

    name: str
    text: str
    share: Callable[[object], float]
    ends: tuple[str, str]
    importance: float | None


@dataclass(frozen=True)
class TrialRow:
    """A trial. values: by setting. figure: on validation, None where it came to none; share: where that lies among all,
    from 0 to 1. why: it ended.
    """

    number: int
    values: tuple[object, ...]
    epochs: int
    figure: float | None
    shown: str
    share: float
    stage: str
    why: str
    winner: bool


@dataclass(frozen=True)
class SearchFacts:
    """What the page shows. figure: title and heading of what trials are compared by; ends: its least and its most.

    trials: the best first, those without a figure last. sentences: the result first.
    """

    title: str
    figure: str
    ends: tuple[str, str]
    settings: tuple[Setting, ...]
    trials: tuple[TrialRow, ...]
    sentences: tuple[str, ...]
    pairs: tuple[tuple[int, str, str], ...]
    rungs: tuple[int, ...]
    method: str
    seconds: float
    command: str


@dataclass(frozen=True)
class Line:
    """A trial in parallel coordinates: its path, which class it is drawn in, and what it says to who points at it."""

    path: str
    kind: str
    label: str


@dataclass(frozen=True)
class Dots:
    """Points of two settings in a square, with a mark for each value beside its axis. sentence: what they say."""

    points: tuple[tuple[float, float], ...]
    across: tuple[float, ...]
    up: tuple[float, ...]
    sentence: str


def write_search(path: Path, facts: SearchFacts) -> None:
    """Write the page of a search as one HTML file, whole or not at all.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    write_page(path, render_search(facts))


def render_search(facts: SearchFacts) -> str:
    """The page of a search."""
    coordinates = rendered("search_coordinates.svg", lines=lines_of(facts), axes=axes_of(facts), place=COORDINATES)
    drawings = [
        Markup(rendered("search_dots.svg", dots=dots, place=SQUARE, names=names))
        for dots, names in _random_and_grid(facts)
    ]
    return rendered("search.html", facts=facts, coordinates=Markup(coordinates), drawings=drawings)


def axes_of(facts: SearchFacts) -> list[tuple[float, str, tuple[str, str]]]:
    """Pixel, name and ends of each axis of the parallel coordinates, the last the figure."""
    names = [(setting.name, setting.ends) for setting in facts.settings] + [(facts.figure, facts.ends)]
    return [(_x(number, len(names)), name, ends) for number, (name, ends) in enumerate(names)]


def lines_of(facts: SearchFacts) -> list[Line]:
    """The trials that came to a figure, the worst first, so that the best lie on top."""
    known = [trial for trial in facts.trials if trial.figure is not None]
    lines = []
    for place, trial in reversed(list(enumerate(known))):
        shares = [setting.share(value) for setting, value in zip(facts.settings, trial.values, strict=True)]
        points = [(_x(number, len(shares) + 1), _y(share)) for number, share in enumerate([*shares, trial.share])]
        kind = "winner" if trial.winner else "good" if place < max(3, len(known) // BEST_SHARE) else "other"
        lines.append(Line(path(points), kind, f"trial {trial.number + 1}: {facts.figure} {trial.shown}"))
    return lines


def _x(number: int, count: int) -> float:
    return COORDINATES.left + (COORDINATES.right - COORDINATES.left) * number / max(1, count - 1)


def _y(share: float) -> float:
    return COORDINATES.bottom + share * (COORDINATES.top - COORDINATES.bottom)


def _random_and_grid(facts: SearchFacts) -> list[tuple[Dots, tuple[str, str]]]:
    """The trials in their two most important settings, and a grid of as many; nothing where there are not two."""
    ranked = sorted(enumerate(facts.settings), key=lambda pair: -(pair[1].importance or 0))[:2]
    if len(ranked) < 2:
        return []
    (one, first), (two, second) = ranked
    shares = [(first.share(trial.values[one]), second.share(trial.values[two])) for trial in facts.trials]
    side = max(1, math.isqrt(len(shares)))
    places = [0.5] if side == 1 else [number / (side - 1) for number in range(side)]
    grid = [(across, up) for across in places for up in places]
    names = (first.name, second.name)
    tried = dots_of(shares, f"These {len(shares):,} trials", first.name)
    return [(tried, names), (dots_of(grid, f"A grid of {len(grid):,}", first.name), names)]


def dots_of(shares: Sequence[tuple[float, float]], what: str, name: str) -> Dots:
    """Points by their shares of both axes.

    >>> dots_of([(0, 0), (0, 1), (1, 0.5)], "A grid of 3", "peak_lr").sentence
    'A grid of 3 tries 2 values of peak_lr'
    """
    width, height = SQUARE.right - SQUARE.left, SQUARE.bottom - SQUARE.top
    points = tuple((SQUARE.left + across * width, SQUARE.bottom - up * height) for across, up in shares)
    distinct = len({round(across, 6) for across, _ in shares})
    verb = "try" if what.startswith("These") else "tries"
    return Dots(
        points,
        tuple(sorted({x for x, _ in points})),
        tuple(sorted({y for _, y in points})),
        f"{what} {verb} {distinct:,} values of {name}",
    )
