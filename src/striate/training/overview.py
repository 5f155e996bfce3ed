"""The runs below a folder at a glance."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.files import read_json
from striate.training.folder import EVALUATION, RECIPE, read_validations


def list_runs(folder: Path) -> list[dict[str, Any]]:
    """One record per run folder below `folder`, newest first; a damaged one says so in its state.

    Raises StriateError when `folder` is a file.
    """
    if folder.is_file():
        raise StriateError(f"{folder} is a file; `striate runs` takes the folder that holds the run folders")
    recipes = sorted(folder.glob(f"**/{RECIPE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [_overview(path.parent) for path in recipes]


def _overview(run: Path) -> dict[str, Any]:
    begun = datetime.datetime.fromtimestamp((run / RECIPE).stat().st_mtime, datetime.timezone.utc)
    row: dict[str, Any] = {"run": str(run), "begun": begun.isoformat(timespec="seconds")}
    try:
        record = read_json(run / RECIPE)
        row |= {
            "model": record["recipe"]["model"],
            "data": record["source"],
            "epochs": record["recipe"]["epochs"],
            "recipe": record["recipe_name"],
            "seed": record["seed"],
        }
        lines = read_validations(run)
        finished = read_json(run / EVALUATION) if (run / EVALUATION).exists() else None
    except (StriateError, KeyError, TypeError):
        row |= dict.fromkeys(("model", "data", "recipe", "split"), "?")
        return row | {"epochs": 0, "epochs_done": 0, "seed": None, "accuracy": None, "state": "damaged"}
    best = max((line["val_accuracy"] for line in lines), default=None)
    return row | {
        "epochs_done": len(lines),
        "accuracy": finished["top1"] if finished else best,
        "split": finished["split"] if finished else "val",
        "state": "finished" if finished else "unfinished: go on with --resume",
    }
