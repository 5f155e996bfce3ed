"""Boxes in a table, one line each: path, label, x0, y0, x1, y1, and the split where there is one."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from pathlib import Path

from striate.core.errors import StriateError
from striate.data.boxes.listing import BoxListing, Gathered
from striate.data.csv_file import TablePaths
from striate.data.dataset import Names
from striate.data.named_files import files_named
from striate.data.table_lines import PLAIN, Line, first_line, is_picture, said, split_said, table_lines

# Left, top, right and bottom, as headers call them.
CORNERS = (
    ("x0", "y0", "x1", "y1"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
)
WITHOUT_HEADER = (*PLAIN, *CORNERS[0])
EXPECTED_BOXES = (
    'expected are lines such as "cats/1.jpg,cat,10,20,110,90", the edges of a box in pixels, under a header '
    '"path,label,x0,y0,x1,y1"'
)


def is_box_table(file: Path) -> bool:
    """Whether the first line of a table names the corners of boxes, or has four numbers behind picture and label."""
    cells = first_line(file)
    if corners_in(cells) is not None:
        return True
    return len(cells) == len(WITHOUT_HEADER) and is_picture(cells[0]) and all(map(_is_number, cells[2:]))


def corners_in(columns: list[str]) -> tuple[str, str, str, str] | None:
    """The names of the corners among columns.

    >>> corners_in(["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"])
    ('xmin', 'ymin', 'xmax', 'ymax')
    """
    return next((corners for corners in CORNERS if set(corners) <= set(columns)), None)


def read_box_table(file: Path) -> BoxListing:
    """The boxes of a table, and the pictures in the order in which they first come.

    Coordinates are edges in pixels, from the upper left corner of the upright picture: 0,0,640,480 is all of a picture
    of 640x480. A line without any is of a picture that shows nothing of what is looked for. Paths, names without
    folder, splits and labels are as `open_csv` has them.
    Raises StriateError with the number of the line.
    """
    gathered, seen_from_table = Gathered(), TablePaths(file)
    for line in table_lines(file, WITHOUT_HEADER):
        _add(gathered, line, seen_from_table(said(line, "path")))
    listing = gathered.listing()
    if not len(listing.boxes):
        raise StriateError(f"{file} has no line with a box; {EXPECTED_BOXES}")
    names, notes = files_named(file, Names(listing.paths))
    return replace(listing, paths=list(names), notes=(*seen_from_table.notes, *notes))


def _add(gathered: Gathered, line: Line, path: str) -> None:
    split, before = split_said(line), gathered.split_of(path)
    if before is not None and split != before:
        raise StriateError(f"{line.where} puts {path} into the split {split or 'none'}, a line before it into {before}")
    gathered.add_picture(path, split)
    corners = corners_in(list(line.cells))
    if corners is None:
        raise StriateError(f"{line.where} names no corners of boxes; {EXPECTED_BOXES}")
    texts = [line.cells[corner] for corner in corners]
    if not any(texts):
        return
    for corner, text in zip(corners, texts, strict=True):
        if not _is_number(text):
            raise StriateError(f"{line.where}: {corner} is {text!r}, and no number of pixels; {EXPECTED_BOXES}")
    left, top, right, bottom = map(float, texts)
    gathered.add_box(path, unicodedata.normalize("NFC", said(line, "label")), (left, top, right, bottom))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
