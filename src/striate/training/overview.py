"""The runs below a folder at a glance."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.reading import Share, read_record
from striate.training.begun import read_begun
from striate.training.folder import EVALUATION, RECIPE, read_validations


@dataclass(frozen=True)
class Tested:
    """Of evaluation.json, what is shown at a glance."""

    split: str
    top1: Share


def list_runs(folder: Path) -> list[dict[str, Any]]:
    """One record per run folder below `folder`, newest first; a damaged one says so in its state, and why in `problem`.

    Raises StriateError when `folder` is a file.
    """
    if folder.is_file():
        raise StriateError(f"{folder} is a file; `striate runs` takes the folder that holds the run folders")
    recipes = sorted(folder.glob(f"**/{RECIPE}"), key=_begun_s, reverse=True)
    return [_overview(path.parent) for path in recipes]


def _begun_s(recipe: Path) -> float:
    """When a run was begun, in seconds since 1970; 0 where nobody can tell, as of a link to nowhere."""
    try:
        return recipe.stat().st_mtime
    except OSError:
        return 0.0


def _overview(run: Path) -> dict[str, Any]:
    begun_at = datetime.datetime.fromtimestamp(_begun_s(run / RECIPE), datetime.timezone.utc)
    row: dict[str, Any] = {"run": str(run), "begun": begun_at.isoformat(timespec="seconds")}
    try:
        begun, _ = read_begun(run)
        lines = read_validations(run)
        tested = read_record(run / EVALUATION, Tested) if (run / EVALUATION).exists() else None
    except StriateError as error:
        row |= dict.fromkeys(("model", "data", "recipe", "split"), "?")
        row |= {"epochs": 0, "epochs_done": 0, "seed": None, "accuracy": None, "state": "damaged"}
        return row | {"problem": str(error)}
    best = max((line["val_accuracy"] for line in lines), default=None)
    return row | {
        "model": begun.recipe.model,
        "data": begun.source,
        "epochs": begun.recipe.epochs,
        "recipe": begun.recipe_name,
        "seed": begun.seed,
        "epochs_done": len(lines),
        "accuracy": tested.top1 if tested else best,
        "split": tested.split if tested else "val",
        "state": "finished" if tested else "unfinished: go on with --resume",
    }
