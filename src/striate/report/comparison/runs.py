"""Runs side by side as an offline page: figures, what differs by more than chance, curves, and where they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.deploy.run_comparison import Pair, RunComparison
from striate.report.axis import epoch_axis, value_axis
from striate.report.charts import Frame, Point, extremes, series
from striate.report.colours import FAMILIES
from striate.report.learning_chart import path
from striate.report.offline import rendered, write_page
from striate.report.pictures import Shown, shown
from striate.report.stability import apart
from striate.tasks.classification import Evaluation
from striate.tasks.task import Figure

FILE = "runs.html"
FRAME = Frame(width=640, height=300, left=52, right=470, top=34, bottom=258)
SHOWN_OF_A_PAIR, SHOWN = 12, 60
"""Pictures on which runs differ: of each pair, and in all, so that a page of many runs stays small."""
SEEN_PX = (128, 128)


@dataclass(frozen=True)
class RunCurves:
    """The figure of each run over its epochs, ready to be drawn, in pixels. lines: path, its end, name, its height."""

    sentence: str
    lines: tuple[tuple[str, Point, str, float], ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Disagreement:
    """A picture that two runs answer differently."""

    picture: Shown
    caption: str


def curves_of(histories: Mapping[str, Sequence[Mapping[str, Any]]], figure: Figure) -> RunCurves | None:
    """The validation figure of runs by name, from the lines of their metrics; None where no run has any."""
    scale = 100 if figure.unit == "%" else 1
    points = {name: series(list(map(dict, lines)), f"val_{figure.key}", scale) for name, lines in histories.items()}
    points = {name: known for name, each in points.items() if (known := [p for p in each if p[1] == p[1]])}
    if not points:
        return None
    epochs = epoch_axis(int(min(each[0][0] for each in points.values())), int(max(e[-1][0] for e in points.values())))
    values = value_axis(*extremes(points), ceiling=100 if figure.unit == "%" else float("inf"))

    def placed(each: list[Point]) -> list[Point]:
        return [
            (epochs.place(epoch, FRAME.left, FRAME.right), values.place(value, FRAME.bottom, FRAME.top))
            for epoch, value in each
        ]

    lines = {name: placed(each) for name, each in points.items()}
    heights = apart([line[-1][1] for line in lines.values()])
    told = "; ".join(f"{name}: {each[-1][1]:.4g} after epoch {each[-1][0]:g}" for name, each in points.items())
    return RunCurves(
        f"{figure.heading} on validation over the epochs: {told}",
        tuple(
            (path(line), line[-1], name, height) for (name, line), height in zip(lines.items(), heights, strict=True)
        ),
        epochs.places(FRAME.left, FRAME.right),
        values.places(FRAME.bottom, FRAME.top),
    )


def disagreements(found: RunComparison) -> list[tuple[Pair, list[Disagreement]]]:
    """Of each pair the pictures on which it differs most, as long as there is room for them."""
    left, shown_of = SHOWN, []
    for pair in found.pairs:
        places = pair.differ[: min(left, SHOWN_OF_A_PAIR)]
        left -= len(places)
        pictures = [Disagreement(_seen(found, place), caption(found, pair, place)) for place in places]
        shown_of.append((pair, pictures))
    return shown_of


def caption(found: RunComparison, pair: Pair, place: int) -> str:
    """What two runs say of a picture, by its place among those compared on."""
    one, other = found.runs[pair.one], found.runs[pair.other]
    if isinstance(one.result, Evaluation) and isinstance(other.result, Evaluation):
        classes = one.result.classes
        said = "; ".join(
            f"{run.short}: {classes[result.predicted[place]]} ({float(result.probabilities[place]):.0%})"
            for run, result in ((one, one.result), (other, other.result))
        )
        return f"{classes[one.result.truth[place]]}. {said}"
    gain = float(pair.gain.each[place])
    return f"{found.figure.title} of {one.short} less that of {other.short}: {found.difference(gain)}"


def _seen(found: RunComparison, place: int) -> Shown:
    return shown(found.dataset.pictures.decode(int(found.pictures[place]), 3, SEEN_PX))


def page_of(found: RunComparison, histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """One HTML file that needs nothing but itself. histories: of each run by name, the lines of its metrics."""
    return rendered(
        "runs.html",
        found=found,
        curves=curves_of(histories, found.figure),
        shown_of=disagreements(found),
        place=FRAME,
        families=len(FAMILIES),
    )


def write_runs(found: RunComparison, histories: Mapping[str, Sequence[Mapping[str, Any]]], folder: Path) -> Path:
    """Write the page into a folder, whole or not at all. Raises StriateError where it cannot be written."""
    file = folder / FILE
    write_page(file, page_of(found, histories))
    return file
