"""The lines of a table of pictures: CSV or TSV, with or without a header, each as its cells by the columns' names.

UTF-8, with or without byte order mark; separated by what a first line sep=; says, else by comma, semicolon or tab,
whichever cuts the first line into most columns. The columns of path and label are called so, however they are spelt.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple, TextIO

from striate.core.errors import StriateError, unknown_name
from striate.core.units import counted
from striate.data.dataset import SPLITS
from striate.data.formats import NAMED_ENDINGS
from striate.data.split_names import split_of

DELIMITERS = (",", ";", "\t")
SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # Excel's first line, which is no line of the table
# In the order in which they are looked for: of name and path in one header, path is the picture's.
PATH_COLUMNS = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "fname", "name", "image"),
    *("image_id", "img_id", "image_name", "img", "picture", "id"),
)
LABEL_COLUMNS = (
    *("label", "class", "class_name", "classname", "category", "species", "breed", "target"),
    *("labels", "tags", "classes", "categories"),
)
SPLIT_COLUMNS = ("split", "is_valid")
IS_VALID = {"true": "val", "1": "val", "false": "train", "0": "train"}
EXPECTED = 'expected are lines such as "cats/1.jpg,cat", under a header "path,label" or "path,label,split" or none'
PLAIN = ("path", "label")


class Line(NamedTuple):
    """A line that is not empty. where: file and line, as errors call it. cells: by column."""

    where: str
    cells: dict[str, str]


Header = Callable[[list[str], str], list[str]]
"""Of the cells of a first line and where that is: the columns, or none where it is no header."""


def table_lines(file: Path, without_header: Sequence[str] = PLAIN, header: Header | None = None) -> Iterator[Line]:
    """All lines below the header. without_header: the columns where there is none. header: how it is read, if not as
    one with path and label.

    Raises StriateError with the number of the line, for one of other columns, and for a table of which nothing
    says what its columns are.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            yield from _lines_of(lines, str(file), without_header, header or _header)
    except UnicodeDecodeError as error:
        raise StriateError(f"{file} is not UTF-8 text (byte {_bad_byte(file):,}); save it as UTF-8") from error
    except OSError as error:
        raise StriateError(f"{file} cannot be read ({error.strerror or error})") from error


def first_line(file: Path) -> list[str]:
    """The cells of the first line that is not empty, in small letters; none of what is no table."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            delimiter, _ = _start(lines)
            rows = ([cell.strip().lower() for cell in row] for row in csv.reader(lines, delimiter=delimiter))
            return next(filter(any, rows), [])
    except (OSError, ValueError, csv.Error):
        return []


def _lines_of(lines: TextIO, file: str, without_header: Sequence[str], header: Header) -> Iterator[Line]:
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
                columns = header(cells, where)
                if columns:
                    continue
                columns = list(without_header)
                _require_picture(cells, where)
            yield Line(where, _cells(cells, columns, where))
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
    """What cuts a line into most columns; a comma before a semicolon before a tab.

    Where it names a picture, what cuts that out: "a.jpg,cat;dog;cow" has two columns.
    """
    rows = {delimiter: next(csv.reader([first.lstrip()], delimiter=delimiter), []) for delimiter in DELIMITERS}
    return max(rows, key=lambda delimiter: (any(map(is_picture, rows[delimiter])), len(rows[delimiter])))


def _header(first: list[str], where: str) -> list[str]:
    """The columns' names if the first line is a header, with one called path and one label; otherwise none.

    Raises StriateError for a header in which a picture is named and none of several columns is known as the label.
    """
    header = [cell.lower() for cell in first]
    path = next((column for column in PATH_COLUMNS if column in header), None)
    label = next((column for column in LABEL_COLUMNS if column in header), None) or _second(header)
    if path is None or (label is None and is_picture(first[0])):
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
    if not is_picture(first[0]):
        raise StriateError(f"{where} is neither a header with path and label nor a picture, but {first}; {EXPECTED}")


def is_picture(path: str) -> bool:
    """Whether a path ends as those of pictures do."""
    return PurePath(path).suffix.lower() in NAMED_ENDINGS


def _cells(cells: list[str], columns: list[str], where: str) -> dict[str, str]:
    if len(cells) != len(columns):
        raise StriateError(
            f"{where} has {counted(len(cells), 'column')}, expected {len(columns)}: {', '.join(columns)}"
        )
    return dict(zip(columns, cells, strict=True))


def said(line: Line, column: str) -> str:
    """What a line says. Raises StriateError where that is nothing."""
    if not line.cells[column]:
        raise StriateError(f"{line.where} has no {column}")
    return line.cells[column]


def split_said(line: Line) -> str:
    """The split that a line says, or ""."""
    where, row = line
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
