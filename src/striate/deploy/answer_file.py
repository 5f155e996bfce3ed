"""A .csv file of answers that grows as they come, and goes on where it stopped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from striate.answers.classes import CLASSIFICATION, NONE_OF_THESE
from striate.core.csv_table import MARK, as_spreadsheet, cell_of, rows_of
from striate.core.errors import StorageError, StriateError
from striate.core.files import FULL, new_file, regular_file
from striate.data.streaming import BATCH_SIZE, Undecoded
from striate.deploy.predictions import Listed, Row, by_picture, columns_of, rows_of_picture
from striate.deploy.predictor import Predictor

SHOWN_COLUMNS = 8


@dataclass
class AnswerFile:
    """A file of answers, of which every row is whole; the old one of its name stays until the first are there.

    columns: its heading, () before it is begun. answered: how many pictures it holds. size_bytes: up to the end of the
    last of them. problems: path and reason of those that have no answer.
    """

    path: Path
    columns: Row = ()
    answered: int = 0
    size_bytes: int = 0
    problems: list[str] = field(default_factory=list)

    def write(self, answers: Iterator[Any], listed: Listed) -> None:
        """Add answers as they come, BATCH_SIZE at a time, as they are computed.

        Raises StorageError where the disk is full, and StriateError where the columns are not those that it has.
        """
        parts = by_picture(answers, listed)
        ((columns,),) = islice(parts, 1)
        if self.columns and columns != self.columns:
            raise _other_columns(self.path, self.columns, columns)
        while pictures := list(islice(parts, BATCH_SIZE)):
            rows = chain.from_iterable(pictures)
            if not self.columns:
                content = MARK + as_spreadsheet([columns, *rows])
                with new_file(self.path) as file:
                    file.write(content)
                self.columns = columns
            else:
                content = as_spreadsheet(rows)
                self._append(content)
            self.size_bytes += len(content)
            self.count([(str(first[0]), str(first[-1])) for first, *_ in pictures])
        self._sync()

    def count(self, pictures: Sequence[tuple[str, str]]) -> None:
        """Count pictures, given their paths and why they have no answer."""
        self.answered += len(pictures)
        self.problems += [f"{path} {problem}" for path, problem in pictures if problem]

    def _append(self, content: bytes) -> None:
        try:
            with self.path.open("r+b", buffering=0) as file:
                file.truncate(self.size_bytes)
                file.seek(self.size_bytes)
                rest = memoryview(content)
                while rest:
                    rest = rest[file.write(rest) :]
        except OSError as error:
            self._cut()
            raise StorageError(
                f"{FULL.get(error.errno or 0, error.strerror)} while writing {self.path}, which holds the answers to "
                f"{self.answered:,} pictures: mend that and run the command again with --resume"
            ) from error
        except BaseException:
            self._cut()
            raise

    def _cut(self) -> None:
        with suppress(OSError):
            os.truncate(self.path, self.size_bytes)

    def _sync(self) -> None:
        if self.columns:
            with self.path.open("r+b") as file:
                os.fsync(file.fileno())


def go_on(
    path: Path, given: Sequence[Undecoded], predictor: Predictor, listed: Listed
) -> tuple[AnswerFile, list[Undecoded]]:
    """A file that was begun, and the pictures that it does not answer yet, in their order; a new one if there is none.

    It is taken up to the last whole batch, because answers in bf16 depend, in their last digits, on who is asked with
    whom: so it becomes what it would have been without the interruption.
    Raises StriateError for a file that is damaged, has other columns, or classes that the network does not know.
    """
    begun, wanted = AnswerFile(path), Counter(cell_of(picture.name) for picture in given)
    left, waiting = wanted.copy(), list[list[str]]()

    def take(end: int) -> None:
        left.subtract(row[0] for row in waiting if left[row[0]] > 0)
        begun.size_bytes = end
        begun.count([(row[0], row[-1]) for row in waiting])
        waiting.clear()

    end = 0
    for row, end in _pictures(path, predictor, listed):
        if not begun.columns:
            begun.columns, begun.size_bytes = tuple(row), end
            continue
        waiting.append(row)
        if len(waiting) == BATCH_SIZE:
            take(end)
    if waiting and not left - Counter(row[0] for row in waiting):  # nothing is asked again
        take(end)
    return begun, _without(given, wanted - left)


def _pictures(path: Path, predictor: Predictor, listed: Listed) -> Iterator[tuple[list[str], int]]:
    """The heading, and of each whole picture its last row, each with the byte that it ends before."""
    rows = _rows(path, predictor, listed)
    yield from islice(rows, 1)
    for row, end in rows:
        try:
            others = rows_of_picture(listed.task, row) - 1
        except ValueError:
            raise StriateError(f"{path} is damaged: {row[-2]!r} is no number of objects") from None
        rest = list(islice(rows, others))
        if len(rest) < others:  # of a picture whose rows were cut off
            return
        if any(each[0] != row[0] for each, _ in rest):
            raise StriateError(f"{path} is damaged: {row[0]} has other than {others + 1} rows")
        yield rest[-1] if rest else (row, end)


def _rows(path: Path, predictor: Predictor, listed: Listed) -> Iterator[tuple[list[str], int]]:
    """The heading and all rows of a file, each with the byte that it ends before, as far as they are a network's."""
    columns = columns_of(listed)
    known = {cell_of(name) for name in ("", NONE_OF_THESE, *predictor.classes)}
    width = 0
    try:
        with regular_file(path) as file:
            for row, end in rows_of(file, path):
                if not width and tuple(row) != (columns or tuple(row)):
                    raise _other_columns(path, row, columns or ())
                if width and len(row) != width:
                    raise StriateError(f"{path} is damaged: {row[:1]} has {len(row)} cells, not {width}")
                if width and columns is not None and row[1] not in known:
                    raise StriateError(
                        f"{path} is another network's: this one knows no class {row[1]!r}; leave --resume out to begin "
                        "anew, or name another --output"
                    )
                if width and listed.task == CLASSIFICATION:
                    _require_calibration(path, row, predictor)
                width = len(row)
                yield row, end
    except FileNotFoundError:
        return
    except OSError as error:
        raise StriateError(f"{path} cannot be read ({error.strerror or error})") from error


def _require_calibration(path: Path, row: Sequence[str], predictor: Predictor) -> None:
    """Raise StriateError for a class, or none of these, that a network does not give a picture with such a share."""
    picture, label, share, *_ = row
    if not label or NONE_OF_THESE in predictor.classes:
        return
    least = predictor.calibration.none_below if predictor.calibration is not None else 0.0
    try:
        alike = (float(share) < least) == (label == NONE_OF_THESE)
    except ValueError:
        raise StriateError(f"{path} is damaged: the probability of {picture} is {share!r}") from None
    if not alike:
        raise StriateError(
            f"{path} was begun with another calibration of {predictor.path}: {picture} is {label!r} there with a share "
            f"of {float(share):.2%}, and {NONE_OF_THESE!r} is now what is below {least:.2%}; leave --resume out to "
            "begin anew, or name another --output"
        )


def _without(given: Sequence[Undecoded], answered: Counter[str]) -> list[Undecoded]:
    """The pictures but for those that are answered, each as often as it is."""
    left = []
    for picture in given:
        name = cell_of(picture.name)
        if answered[name] > 0:
            answered[name] -= 1
        else:
            left.append(picture)
    return left


def _other_columns(path: Path, there: Sequence[object], here: Sequence[object]) -> StriateError:
    return StriateError(
        f"{path} has other columns ({_named(there)}) than this call writes ({_named(here)}): give the --top or --score "
        "that it was begun with, leave --resume out to begin anew, or name another --output"
    )


def _named(columns: Sequence[object]) -> str:
    more = ["..."] if len(columns) > SHOWN_COLUMNS else []
    return ", ".join([*(str(column)[:40] for column in columns[:SHOWN_COLUMNS]), *more])
