"""A table of paths and labels: CSV or TSV, with or without a header."""

from __future__ import annotations

import csv
import os
from array import array
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TextIO

import numpy as np

from striate.core.errors import StriateError, unknown_name
from striate.data.dataset import Dataset, FilePictures
from striate.data.decode import EXTENSIONS
from striate.data.folder import SPLIT_FOLDERS
from striate.data.splits import given_splits, split_dataset, split_number

DELIMITERS = (",", ";", "\t")
EXPECTED = 'expected are lines such as "cats/1.jpg,cat", under a header "path,label" or "path,label,split" or none'

Row = tuple[str, str, str]  # path, label, split or ""


def open_csv(file: Path, split_seed: int = 0) -> Dataset:
    """The pictures that a table names, one line each, in its order.

    Columns are path and label, and split (train, val or test) where a header says so; a header may name more and in
    any order. UTF-8, with or without byte order mark; separated by comma, semicolon or tab, whichever cuts the first
    line into most columns. Paths count from the table's folder. Classes are the sorted labels.
    Raises StriateError with the number of the line. Whether the files exist is the business of the check.
    """
    labels, split_of = array("q"), array("b")
    first_seen: dict[str, int] = {}

    def paths() -> Iterator[str]:
        for path, name, split in _rows(file):
            labels.append(first_seen.setdefault(name, len(first_seen)))
            split_of.append(split_number(split))
            yield _below(file.parent, path)

    pictures = FilePictures(file.parent, paths())
    if not len(pictures):
        raise StriateError(f"{file} has no line with a picture; {EXPECTED}")
    classes = sorted(first_seen)
    number = {name: place for place, name in enumerate(classes)}
    sorted_place = np.array([number[name] for name in first_seen], np.int64)
    return split_dataset(
        str(file),
        pictures,
        pictures.relative_paths,
        sorted_place[np.frombuffer(labels, np.int64)],
        classes,
        given_splits(np.frombuffer(split_of, np.int8)),
        split_seed,
    )


def _rows(file: Path) -> Iterator[Row]:
    """Path, label and split of every line that is not empty."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            yield from _rows_of(lines, str(file))
    except UnicodeDecodeError as error:
        raise StriateError(f"{file} is not UTF-8 text (byte {_bad_byte(file):,}); save it as UTF-8") from error
    except OSError as error:
        raise StriateError(f"{file} cannot be read ({error.strerror or error})") from error


def _rows_of(lines: TextIO, file: str) -> Iterator[Row]:
    first = next((line for line in lines if line.strip()), "")
    lines.seek(0)
    table = csv.reader(lines, delimiter=_delimiter(first), skipinitialspace=True, strict=True)
    columns: list[str] | None = None
    try:
        for cells in table:
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            where = f"{file} line {table.line_num}"
            if columns is None:
                columns = _columns(cells, where)
                if columns == [cell.lower() for cell in cells]:
                    continue
            yield _row(cells, columns, where)
    except csv.Error as error:
        raise StriateError(f"{file} line {table.line_num} is no line of a table ({error}); {EXPECTED}") from error


def _bad_byte(file: Path) -> int:
    """The place of the first byte that is no UTF-8."""
    try:
        file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _delimiter(first: str) -> str:
    """What cuts a line into most columns; a comma before a semicolon before a tab."""
    line = first.lstrip()
    return max(DELIMITERS, key=lambda delimiter: len(next(csv.reader([line], delimiter=delimiter), [])))


def _columns(first: list[str], where: str) -> list[str]:
    """The columns' names: the header's if the first line is one, otherwise path and label."""
    header = [cell.lower() for cell in first]
    if "path" in header and "label" in header:
        return header
    if PurePath(first[0]).suffix.lower() not in EXTENSIONS:
        raise StriateError(f"{where} is neither a header with path and label nor a picture, but {first}; {EXPECTED}")
    return ["path", "label"]


def _row(cells: list[str], columns: list[str], where: str) -> Row:
    if len(cells) != len(columns):
        raise StriateError(f"{where} has {len(cells)} columns, expected {len(columns)}: {', '.join(columns)}")
    row = dict(zip(columns, cells, strict=True))
    for column in ("path", "label"):
        if not row[column]:
            raise StriateError(f"{where} has no {column}")
    if "split" not in row:
        return row["path"], row["label"], ""
    split = SPLIT_FOLDERS.get(row["split"].lower())
    if split is None:
        raise StriateError(f"{where}: {unknown_name('split', row['split'], SPLIT_FOLDERS)}")
    return row["path"], row["label"], split


def _below(folder: Path, path: str) -> str:
    """The path as seen from the table's folder, when it lies below: then the splits survive a move of both."""
    if not os.path.isabs(path):  # noqa: PTH117 - a million paths leave their parts in the table that Path keeps
        return path
    try:
        return PurePath(path).relative_to(folder.absolute()).as_posix()
    except ValueError:
        return path
