"""Predictions, and what a table of them is, printed or in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from striate.answers import CELLS, TABLES, Table
from striate.answers.classes import CLASSIFICATION, Prediction
from striate.answers.detections import SHOWN_FROM
from striate.core.errors import StriateError
from striate.core.files import require_writable
from striate.data.decode import DecodeError, read_size

__all__ = [
    "CLASSIFICATION",
    "Listed",
    "Prediction",
    "as_rows",
    "by_picture",
    "columns_of",
    "is_csv",
    "problem_of",
    "require_output",
    "rows_of_picture",
]

ENDINGS = (".csv", ".json")
Row = tuple[object, ...]


def problem_of(prediction: Any) -> str | None:
    """Why there is no answer to a picture; None where there is one."""
    return getattr(prediction, "problem", None)


@dataclass(frozen=True)
class Listed:
    """What decides how a table has answers: their task, how many classes it lists, and from which score objects."""

    task: str
    top: int
    least: float = SHOWN_FROM


def columns_of(listed: Listed) -> Row | None:
    """The heading of a table; None of a task whose answers say it themselves.

    >>> columns_of(Listed("classification", 2))
    ('path', 'label', 'probability', 'label_2', 'probability_2', 'problem')
    """
    if listed.task in TABLES:
        return ("path", *TABLES[listed.task].columns(listed.least), "problem")
    if listed.task != CLASSIFICATION:
        return None
    further = [f"{what}_{rank}" for rank in range(2, listed.top + 1) for what in ("label", "probability")]
    return ("path", "label", "probability", *further, "problem")


def by_picture(predictions: Iterable[Any], listed: Listed) -> Iterator[list[Row]]:
    """A heading, then the rows of each picture, as they come.

    Of classification a row: path, the `top` most probable classes, and why there are none. Of a task of several rows a
    picture (`striate.answers.TABLES`) those, or one that says why there are none. Of another task: path, what tables
    have of an answer (`striate.answers.CELLS`), the places in pixels of the picture's file, or all that the first one
    says of itself for JSON, and why there is none.
    """
    columns = columns_of(listed)
    if columns is None:
        yield from ([row] for row in _fields(iter(predictions), listed.task))
        return
    yield [columns]
    table = TABLES.get(listed.task)
    for each in predictions:
        yield [_of_classes(each, listed.top)] if table is None else _of_several(each, table, len(columns))


def as_rows(predictions: Iterable[Any], listed: Listed) -> Iterator[Row]:
    """The same, row by row.

    >>> answers = [Prediction("a.png", "cat", 0.9, (("cat", 0.9),)), Prediction("b.png", None, None, (), "is empty")]
    >>> list(as_rows(answers, Listed("classification", 1)))
    [('path', 'label', 'probability', 'problem'), ('a.png', 'cat', 0.9, ''), ('b.png', '', '', 'is empty')]
    """
    return chain.from_iterable(by_picture(predictions, listed))


def _of_classes(answer: Prediction, top: int) -> Row:
    cells = [cell for pair in answer.ranked for cell in pair] or [""] * (2 * top)
    return (answer.path, *cells, answer.problem or "")


def _of_several(answer: Any, table: Table, width: int) -> list[Row]:
    """The rows of a picture that may have several: how many there are stands in each, before the problem."""
    try:
        rows = [] if problem_of(answer) else table.rows(answer, partial(read_size, Path(answer.path)))
    except DecodeError as error:  # a file that has gone meanwhile
        answer, rows = Prediction(answer.path, None, None, (), error.reason), []
    if problem := problem_of(answer):
        return [(answer.path, *[""] * (width - 2), problem)]
    return [(answer.path, *row, table.count(answer), "") for row in rows]


def rows_of_picture(task: str, row: Sequence[str]) -> int:
    """How many rows the picture has of which this is one, as it was written. Raises ValueError where it is none.

    >>> rows_of_picture("detection", ["a.png", "cat", "0.9", "1", "2", "3", "4", "5", ""])
    5
    """
    return max(1, int(row[-2] or 0)) if task in TABLES else 1


def _fields(predictions: Iterator[Any], task: str) -> Iterator[Row]:
    told = (_cells(each, task) for each in predictions)
    unanswered, first = [], next(told, None)
    while first is not None and first[1]:
        unanswered.append(first)
        first = next(told, None)
    names = [name for name in (first[0] if first is not None else ()) if name not in ("path", "problem")]
    yield ("path", *names, "problem")
    for answer, problem in chain(unanswered, [] if first is None else [first], told):
        cells = [answer.get(name, "") for name in names]
        plain = [json.dumps(cell) if isinstance(cell, list | dict) else cell for cell in cells]
        yield (answer["path"], *plain, problem)


def _cells(answer: Any, task: str) -> tuple[dict[str, Any], str]:
    """The cells of an answer by their columns, its path among them, and why there are no others."""
    if problem := problem_of(answer):
        return {"path": answer.path}, problem
    if task not in CELLS:
        return answer.to_dict(), ""
    try:
        return {"path": answer.path, **CELLS[task](answer, partial(read_size, Path(answer.path)))}, ""
    except DecodeError as error:  # a file that has gone meanwhile
        return {"path": answer.path}, error.reason


def is_csv(path: Path) -> bool:
    """Whether a file of predictions is comma-separated, by its ending."""
    return path.suffix.lower() == ".csv"


def require_output(path: Path) -> None:
    """Raise StriateError unless predictions can be written to a file of this ending, and there."""
    if path.suffix.lower() not in ENDINGS:
        raise StriateError(f"--output must end in {' or '.join(ENDINGS)}, got {path}")
    require_writable(path)
