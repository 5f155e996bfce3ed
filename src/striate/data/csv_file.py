"""A table of paths and labels: CSV or TSV, with or without a header.

Kaggle's tables too, such as `id,breed`: the label is called after what it tells, and the names lack folder and ending.
"""

from __future__ import annotations

import csv
import os
import re
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TextIO

import numpy as np

from striate.core.errors import StriateError, unknown_name
from striate.core.units import counted
from striate.data.dataset import SPLITS, Dataset, FilePictures, Names
from striate.data.formats import NAMED_ENDINGS
from striate.data.left_out import Inventory
from striate.data.named_files import files_named
from striate.data.split_names import split_of
from striate.data.splits import given_splits, split_dataset, split_number

DELIMITERS = (",", ";", "\t")
SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # Excel's first line, which is no line of the table
# In the order in which they are looked for: of name and path in one header, path is the picture's.
PATH_COLUMNS = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "fname", "name", "image"),
    *("image_id", "img_id", "image_name", "img", "picture", "id"),
)
LABEL_COLUMNS = ("label", "class", "class_name", "classname", "category", "species", "breed", "target")
SPLIT_COLUMNS = ("split", "is_valid")
IS_VALID = {"true": "val", "1": "val", "false": "train", "0": "train"}
EXPECTED = 'expected are lines such as "cats/1.jpg,cat", under a header "path,label" or "path,label,split" or none'

Row = tuple[str, str, str]  # path, label, split or ""


def open_csv(file: Path, split_seed: int = 0) -> Dataset:
    """The pictures that a table names, one line each, in its order.

    Columns are path (or another of PATH_COLUMNS) and label (or another of LABEL_COLUMNS; of two columns the second,
    whatever it is called), and split (in any spelling of `split_names`) or fastai's is_valid where a header says so; a
    header may name more and in any order. UTF-8, with or without byte order
    mark; separated by what a first line sep=; says, else by comma, semicolon or tab, whichever cuts the first line into
    most columns. Paths count from the table's folder; backslashes part folders where no file has them in its name.
    Names without folder, with or without ending, are found as `named_files` says.
    Classes are the sorted labels, in Unicode's form NFC.
    Raises StriateError with the number of the line. Whether the files exist is the business of the check.
    """
    labels, split_of_row = array("q"), array("b")
    first_seen: dict[str, int] = {}
    from_windows: bool | None = None  # the first backslash decides for all: a million files are not looked for

    def paths() -> Iterator[str]:
        nonlocal from_windows
        for path, name, split in _rows(file):
            labels.append(first_seen.setdefault(unicodedata.normalize("NFC", name), len(first_seen)))
            split_of_row.append(split_number(split))
            if "\\" in path:
                if from_windows is None:
                    from_windows = not os.path.lexists(file.parent / path)
                path = path.replace("\\", "/") if from_windows else path
            yield _below(file.parent, path)

    names = Names(paths())
    if not len(names):
        raise StriateError(f"{file} has no line with a picture; {EXPECTED}")
    names, notes = files_named(file, names)
    pictures = FilePictures(file.parent, names)
    classes = sorted(first_seen)
    number = {name: place for place, name in enumerate(classes)}
    sorted_place = np.array([number[name] for name in first_seen], np.int64)
    dataset = split_dataset(
        str(file),
        pictures,
        names,
        sorted_place[np.frombuffer(labels, np.int64)],
        classes,
        given_splits(np.frombuffer(split_of_row, np.int8)),
        split_seed,
    )
    if from_windows:
        notes = ("backslashes in the paths are read as the ends of folders", *notes)
    return replace(dataset, inventory=Inventory(notes=notes))


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
    delimiter, skipped = _start(lines)
    table = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    columns: list[str] = []
    try:
        for cells in table:
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            where = f"{file} line {skipped + table.line_num}"
            if not columns:
                columns = _header(cells, where)
                if columns:
                    continue
                columns = ["path", "label"]
                _require_picture(cells, where)
            yield _row(cells, columns, where)
    except csv.Error as error:
        line = skipped + table.line_num
        raise StriateError(f"{file} line {line} is no line of a table ({error}); {EXPECTED}") from error


def _start(lines: TextIO) -> tuple[str, int]:
    """What separates the columns, and how many lines there are before the table; those are passed."""
    place, first = next(((place, line) for place, line in enumerate(lines, start=1) if line.strip()), (0, ""))
    told = SEPARATOR.fullmatch(first.rstrip("\r\n"))
    lines.seek(0)
    if told is None:
        return _delimiter(first), 0
    for _ in range(place):
        lines.readline()
    return told[1], place


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


def _header(first: list[str], where: str) -> list[str]:
    """The columns' names if the first line is a header, with one called path and one label; otherwise none.

    Raises StriateError for a header in which a picture is named and none of several columns is known as the label.
    """
    header = [cell.lower() for cell in first]
    path = next((column for column in PATH_COLUMNS if column in header), None)
    label = next((column for column in LABEL_COLUMNS if column in header), None) or _second(header)
    if path is None or (label is None and _is_picture(first[0])):
        return []
    if label is None:
        raise StriateError(
            f"{where} names the columns {', '.join(first)}, none of which says that it is the class; call that column "
            "label"
        )
    if label == path:  # "name" of id and name
        path = header[0]
    header[header.index(path)] = "path"
    header[header.index(label)] = "label"
    return header


def _second(header: list[str]) -> str | None:
    """The other of two columns, splits apart, where the first is the picture's and the other can hardly be."""
    columns = [column for column in header if column not in SPLIT_COLUMNS]
    if len(columns) == 2 and columns[0] in PATH_COLUMNS and (columns[1] == "name" or columns[1] not in PATH_COLUMNS):
        return columns[1]
    return None


def _require_picture(first: list[str], where: str) -> None:
    """Raise StriateError for a first line that is no header and does not begin with a picture."""
    if not _is_picture(first[0]):
        raise StriateError(f"{where} is neither a header with path and label nor a picture, but {first}; {EXPECTED}")


def _is_picture(path: str) -> bool:
    """Whether a path ends as those of pictures do."""
    return PurePath(path).suffix.lower() in NAMED_ENDINGS


def _row(cells: list[str], columns: list[str], where: str) -> Row:
    if len(cells) != len(columns):
        raise StriateError(
            f"{where} has {counted(len(cells), 'column')}, expected {len(columns)}: {', '.join(columns)}"
        )
    row = dict(zip(columns, cells, strict=True))
    for column in ("path", "label"):
        if not row[column]:
            raise StriateError(f"{where} has no {column}")
    return row["path"], row["label"], _split(row, where)


def _split(row: dict[str, str], where: str) -> str:
    """The split that a line says, or ""."""
    if "split" in row:
        split = split_of(row["split"])
        if split is None:
            raise StriateError(f"{where}: {unknown_name('split', row['split'], SPLITS)}")
        return split
    if "is_valid" in row:
        split = IS_VALID.get(row["is_valid"].lower())
        if split is None:
            raise StriateError(f"{where}: is_valid is {row['is_valid']!r}; it is true or false")
        return split
    return ""


def _below(folder: Path, path: str) -> str:
    """The path as seen from the table's folder, when it lies below: then the splits survive a move of both."""
    if not os.path.isabs(path):  # noqa: PTH117 - a million paths leave their parts in the table that Path keeps
        return path
    try:
        return PurePath(path).relative_to(folder.absolute()).as_posix()
    except ValueError:
        return path
