"""A table of paths and labels: CSV or TSV, with or without a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path, PurePath

import numpy as np

from striate.core.errors import StriateError, unknown_name
from striate.data.dataset import Dataset, FilePictures, Indices
from striate.data.decode import EXTENSIONS
from striate.data.folder import SPLIT_FOLDERS
from striate.data.splits import split_dataset

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
    rows = list(_rows(file))
    if not rows:
        raise StriateError(f"{file} has no line with a picture; {EXPECTED}")
    paths, names, parts = zip(*rows, strict=True)
    classes = sorted(set(names))
    number = {name: place for place, name in enumerate(classes)}
    labels = np.fromiter((number[name] for name in names), np.int64, len(names))
    split_of = np.array(parts)
    given: dict[str, Indices] = {
        split: np.flatnonzero(split_of == split) for split in ("train", "val", "test") if split in split_of
    }
    pictures = FilePictures(file.parent, (_below(file.parent, path) for path in paths))
    return split_dataset(str(file), pictures, pictures.relative_paths, labels, classes, given, split_seed)


def _rows(file: Path) -> Iterator[Row]:
    """Path, label and split of every line that is not empty."""
    text = _text(file)
    lines = io.StringIO(text, newline="")
    table = csv.reader(lines, delimiter=_delimiter(text), skipinitialspace=True, strict=True)
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


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StriateError(f"{file} is not UTF-8 text (byte {error.start:,}); save it as UTF-8") from error
    except OSError as error:
        raise StriateError(f"{file} cannot be read ({error.strerror or error})") from error


def _delimiter(text: str) -> str:
    """What cuts the first line into most columns; a comma before a semicolon before a tab."""
    first = text.lstrip().partition("\n")[0]
    return max(DELIMITERS, key=lambda delimiter: len(next(csv.reader([first], delimiter=delimiter), [])))


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
    if not PurePath(path).is_absolute():
        return path
    try:
        return PurePath(path).relative_to(folder.absolute()).as_posix()
    except ValueError:
        return path
