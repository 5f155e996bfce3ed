"""A table of pictures with any number of labels each: path and labels, or a column of 0 and 1 for each label.

`path,labels` with lines such as `1.jpg,cat;dog` and `2.jpg,` (none of them), or, as Kaggle's competitions have it,
`id,cat,dog` with lines such as `1.jpg,1,1`.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.answers.labels import SEPARATOR
from striate.core.errors import StriateError
from striate.data.csv_file import TablePaths
from striate.data.dataset import Dataset, FilePictures, Names
from striate.data.left_out import Inventory
from striate.data.named_files import files_named
from striate.data.splits import given_splits, split_number, split_targets
from striate.data.table_lines import (
    EXPECTED,
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    Line,
    said,
    split_said,
    table_lines,
)
from striate.data.targets.labels import LabelTargets, labels_in

TABLES = (".csv", ".tsv")
PRESENT = {"1": True, "1.0": True, "true": True, "yes": True, "0": False, "0.0": False, "false": False, "no": False}
FEWEST_COLUMNS = 2  # of labels: one is a class, called after what it tells


def has_labels(file: Path) -> bool:
    """Whether a table has ; in its column of labels, or a column of 0 and 1 for each label."""
    if not is_table(file):
        return False
    if _columns_of(file):
        return True
    with suppress(StriateError, OSError):
        if SEPARATOR.encode() in file.read_bytes():
            return any(SEPARATOR in line.cells.get("label", "") for line in table_lines(file))
    return False


def is_table(file: Path) -> bool:
    """Whether a file is a table, by its ending."""
    return file.suffix.lower() in TABLES and file.is_file()


def open_labels(file: Path, split_seed: int = 0) -> Dataset:
    """The pictures that a table names, one line each, and their labels; paths, splits and names as `open_csv` has them.

    Names of labels are in Unicode's form NFC, and sorted, or in the order of their columns, of which none is left out.
    Raises StriateError with the number of the line.
    """
    labels: list[tuple[str, ...]] = []
    split_of_row, seen_from_table = array("b"), TablePaths(file)
    columns = _columns_of(file)

    def paths() -> Iterator[str]:
        for line in table_lines(file, header=_named_columns if columns else None):
            path = said(line, "path")
            labels.append(_of_columns(line) if columns else _separated(line))
            split_of_row.append(split_number(split_said(line)))
            yield seen_from_table(path)

    names = Names(paths())
    if not len(names):
        raise StriateError(f"{file} has no line with a picture; {EXPECTED}")
    names, notes = files_named(file, names)
    given = given_splits(np.frombuffer(split_of_row, np.int8))
    targets = LabelTargets.among(labels, columns) if columns else LabelTargets.of(labels)
    dataset = split_targets(str(file), FilePictures(file.parent, names), names, targets, given, split_seed)
    return replace(dataset, inventory=Inventory(notes=(*seen_from_table.notes, *notes)))


def _separated(line: Line) -> tuple[str, ...]:
    """The labels that a cell names."""
    if "label" not in line.cells:
        raise StriateError(f"{line.where} names no labels; call their column labels")
    cell = line.cells["label"]
    return labels_in(cell.split(SEPARATOR), line.where) if cell else ()


def _header_of_columns(cells: list[str], where: str) -> list[str]:
    """Path, split and the labels that are columns; none of a line that is no such header."""
    lower = [cell.lower() for cell in cells]
    path = next((lower.index(name) for name in PATH_COLUMNS if name in lower), None)
    names = [cell if small not in SPLIT_COLUMNS else small for cell, small in zip(cells, lower, strict=True)]
    if path is None or set(lower) & set(LABEL_COLUMNS) or len(_labels_of(names, path)) < FEWEST_COLUMNS:
        return []
    names[path] = "path"
    return [unicodedata.normalize("NFC", name) for name in names]


def _named_columns(cells: list[str], where: str) -> list[str]:
    """The same. Raises StriateError for a label that has no name of its own."""
    names = _header_of_columns(cells, where)
    if any(not name or SEPARATOR in name for name in names) or len(set(names)) < len(names):
        raise StriateError(
            f"{where} must name each label once and without {SEPARATOR}, one in each column, got {', '.join(cells)}"
        )
    return names


def _labels_of(names: list[str], path: int) -> list[str]:
    return [name for place, name in enumerate(names) if place != path and name not in SPLIT_COLUMNS]


def _columns_of(file: Path) -> tuple[str, ...]:
    """The labels that have a column each: the first line names them, the second has 0 or 1 in each; else none."""
    with suppress(StriateError):
        first = next(table_lines(file, header=_header_of_columns), None)
        if first is not None and "label" not in first.cells:
            told = _flags(first)
            return tuple(told) if all(value.lower() in PRESENT for value in told.values()) else ()
    return ()


def _flags(line: Line) -> dict[str, str]:
    """What stands in the column of each label."""
    return {name: value for name, value in line.cells.items() if name not in ("path", *SPLIT_COLUMNS)}


def _of_columns(line: Line) -> tuple[str, ...]:
    found = []
    for name, value in _flags(line).items():
        if value.lower() not in PRESENT:
            raise StriateError(f"{line.where}: {name} is {value!r}; it is 1 where a picture has the label, else 0")
        if PRESENT[value.lower()]:
            found.append(name)
    return tuple(found)
