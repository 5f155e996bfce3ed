"""Predictions, and what a table of them is, printed or in a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from striate.answers.classes import Prediction
from striate.core.csv_table import write_csv
from striate.core.errors import StriateError
from striate.core.files import require_writable, write_json

__all__ = ["Prediction", "as_rows", "problem_of", "require_output", "write_predictions"]

ENDINGS = (".csv", ".json")


def problem_of(prediction: Any) -> str | None:
    """Why there is no answer to a picture; None where there is one."""
    return getattr(prediction, "problem", None)


def as_rows(predictions: Sequence[Any], top: int) -> list[tuple[object, ...]]:
    """A heading and a row per picture: path, the `top` most probable classes, and why there are none.

    Of another task than classification: path, all that answers say of themselves for JSON, and why there are none.

    >>> as_rows([Prediction("a.png", "cat", 0.9, (("cat", 0.9),)), Prediction("b.png", None, None, (), "is empty")], 1)
    [('path', 'label', 'probability', 'problem'), ('a.png', 'cat', 0.9, ''), ('b.png', '', '', 'is empty')]
    """
    if any(not isinstance(each, Prediction) for each in predictions):
        return _fields(predictions)
    further = [f"{what}_{rank}" for rank in range(2, top + 1) for what in ("label", "probability")]
    rows: list[tuple[object, ...]] = [("path", "label", "probability", *further, "problem")]
    for each in predictions:
        cells = [cell for pair in each.top for cell in pair] or [""] * (2 * top)
        rows.append((each.path, *cells, each.problem or ""))
    return rows


def _fields(predictions: Sequence[Any]) -> list[tuple[object, ...]]:
    told = [{} if problem_of(each) else each.to_dict() for each in predictions]
    names = [name for name in dict.fromkeys(name for each in told for name in each) if name not in ("path", "problem")]
    rows: list[tuple[object, ...]] = [("path", *names, "problem")]
    for each, answer in zip(predictions, told, strict=True):
        cells = [answer.get(name, "") for name in names]
        plain = [json.dumps(cell) if isinstance(cell, list | dict) else cell for cell in cells]
        rows.append((each.path, *plain, problem_of(each) or ""))
    return rows


def require_output(path: Path) -> None:
    """Raise StriateError unless predictions can be written to a file of this ending, and there."""
    if path.suffix.lower() not in ENDINGS:
        raise StriateError(f"--output must end in {' or '.join(ENDINGS)}, got {path}")
    require_writable(path)


def write_predictions(path: Path, predictions: Sequence[Any], top: int) -> None:
    """Write them as .csv, for spreadsheets too, or .json, as `striate predict --json` prints them.

    Raises StriateError for another ending and where nothing can be written.
    """
    require_output(path)
    if path.suffix.lower() == ".csv":
        write_csv(path, as_rows(predictions, top))
    else:
        write_json(path, [each.to_dict() for each in predictions])
