"""The page over all folds of a cross-validation: the figure, each fold beside it, and what the task shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.core.commands import shown
from striate.report.offline import rendered, write_page
from striate.report.page import drawn
from striate.tasks.task import Task

JUDGED = "held-out"  # what the pictures are called: their networks did not see them


@dataclass(frozen=True)
class FoldRow:
    """A fold. figures: as they are stated. interval: of the first, over its pictures."""

    name: str
    pictures: int
    figures: dict[str, float]
    interval: tuple[float, float]
    seconds: float


@dataclass(frozen=True)
class FoldsFacts:
    """What the page shows. evaluation: of all pictures together. examples: of these, as the task chose them.

    deviation: of the first figure, from fold to fold. command: what repeats it.
    """

    title: str
    model: str
    data: str
    task: Task
    evaluation: Any
    examples: list[Any]
    folds: tuple[FoldRow, ...]
    deviation: float
    command: str


def write_folds(path: Path, facts: FoldsFacts) -> None:
    """Write the page as one HTML file, whole or not at all.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    write_page(path, render_folds(facts))


def render_folds(facts: FoldsFacts) -> str:
    """The page over all folds."""
    task, found = facts.task, facts.evaluation
    sections = [(section, drawn(section, JUDGED)) for section in task.sections(found, facts.examples)]
    return rendered(
        "folds.html",
        facts=facts,
        headline=task.headline_of(found, JUDGED),
        figure=task.figures[0],
        interval=task.figures[0].between(found.interval),
        key_figures=task.facts_of(found),
        sections=sections,
        command=shown(facts.command),
        seconds=sum(fold.seconds for fold in facts.folds),
    )
