"""The runs below a folder at a glance."""

from __future__ import annotations

import datetime
import os
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any

from striate.answers.classes import CLASSIFICATION
from striate.core.errors import StriateError
from striate.core.reading import Share, read_record
from striate.core.settings import settings_of
from striate.data.manifest import MANIFEST
from striate.models.stored import WEIGHTS
from striate.tasks import task_named
from striate.tasks.task import Figure
from striate.training.folder.begun import read_begun
from striate.training.folder.damage import refuse_damaged
from striate.training.folder.layout import EVALUATION, METRICS, RECIPE, read_validations


def tested_by(figure: Figure) -> type[Any]:
    """Of evaluation.json, what is shown at a glance: the split, and a figure as it is stated there."""
    return make_dataclass("Tested", [("split", str), (figure.stated, Share if figure.unit == "%" else float)])


def list_runs(folder: Path) -> list[dict[str, Any]]:
    """One record per run folder below `folder`, newest first; a damaged one says so in its state, and why in `problem`.

    figure, value: what says how good a network of the run's task is, by its key; accuracy: the same, where it is that.
    settings: equal for runs that differ in their seed alone.
    Raises StriateError when `folder` is a file.
    """
    if folder.is_file():
        raise StriateError(f"{folder} is a file; `striate runs` takes the folder that holds the run folders")
    runs = {path.parent for name in (RECIPE, METRICS) for path in folder.glob(f"**/{name}") if _is_run(path.parent)}
    return [_overview(run) for run in sorted(runs, key=_begun_s, reverse=True)]


def _is_run(folder: Path) -> bool:
    """Whether a folder is a run, or one that has lost its recipe.json."""
    return os.path.lexists(folder / RECIPE) or any((folder / name).is_file() for name in (MANIFEST, WEIGHTS))


def _begun_s(run: Path) -> float:
    """When a run was begun, in seconds since 1970; 0 where nobody can tell, as of a link to nowhere."""
    try:
        return (run / RECIPE).stat().st_mtime
    except OSError:
        return 0.0


def _overview(run: Path) -> dict[str, Any]:
    begun_at = datetime.datetime.fromtimestamp(_begun_s(run), datetime.timezone.utc)
    row: dict[str, Any] = {"run": str(run), "begun": begun_at.isoformat(timespec="seconds")}
    row |= dict.fromkeys(("model", "data", "recipe", "split"), "?")
    row |= {"epochs": 0, "epochs_done": 0, "seed": None, "accuracy": None, "state": "damaged"}
    row |= {"task": CLASSIFICATION, "figure": "accuracy", "value": None, "settings": None}
    try:
        begun, record = read_begun(run)
        figure = task_named(begun.task).figures[0]
        row |= {"task": begun.task, "figure": figure.key}
        row |= {"model": begun.recipe.model, "data": begun.source, "epochs": begun.recipe.epochs}
        row |= {"recipe": begun.recipe_name, "seed": begun.seed, "settings": settings_of(record)}
        lines = read_validations(run)
        tested = read_record(run / EVALUATION, tested_by(figure)) if (run / EVALUATION).exists() else None
        refuse_damaged(run, finished=tested is not None)
    except StriateError as error:
        return row | {"problem": str(error)}
    better = max if figure.higher_is_better else min
    validated = (line.get(f"val_{figure.key}") for line in lines)
    best = better((value for value in validated if isinstance(value, int | float)), default=None)
    value = getattr(tested, figure.stated) if tested else best
    return row | {
        "epochs_done": len(lines),
        "value": value,
        "accuracy": value if figure.key == "accuracy" else None,
        "split": tested.split if tested else "val",
        "state": "finished" if tested else "unfinished: go on with --resume",
    }
