"""A table of paths and labels: CSV or TSV, with or without a header.

Kaggle's tables too, such as `id,breed`: the label is called after what it tells, and the names lack folder and ending.
"""

from __future__ import annotations

import os
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np

from striate.core.errors import StriateError
from striate.data.dataset import Dataset, FilePictures, Names
from striate.data.left_out import Inventory
from striate.data.named_files import files_named
from striate.data.splits import given_splits, split_dataset, split_number
from striate.data.table_lines import EXPECTED, said, split_said, table_lines


def open_csv(file: Path, split_seed: int = 0) -> Dataset:
    """The pictures that a table names, one line each, in its order.

    Columns are path (or another of PATH_COLUMNS) and label (or another of LABEL_COLUMNS; of two columns the second,
    whatever it is called), and split (in any spelling of `split_names`) or fastai's is_valid where a header says so; a
    header may name more and in any order. UTF-8, with or without byte order
    mark; separated by what a first line sep=; says, else by comma, semicolon or tab, whichever cuts the first line into
    most columns. Paths are read as `TablePaths` says.
    Names without folder, with or without ending, are found as `named_files` says.
    Classes are the sorted labels, in Unicode's form NFC.
    Raises StriateError with the number of the line. Whether the files exist is the business of the check.
    """
    labels, split_of_row = array("q"), array("b")
    first_seen: dict[str, int] = {}
    seen_from_table = TablePaths(file)

    def paths() -> Iterator[str]:
        for line in table_lines(file):
            path, name = said(line, "path"), unicodedata.normalize("NFC", said(line, "label"))
            labels.append(first_seen.setdefault(name, len(first_seen)))
            split_of_row.append(split_number(split_said(line)))
            yield seen_from_table(path)

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
    return replace(dataset, inventory=Inventory(notes=(*seen_from_table.notes, *notes)))


MOST_LOOKED_FOR = 100  # paths of which no file is there


class TablePaths:
    """What paths that a table names are, as seen from its folder.

    They count from there. Where no file has a backslash in its name, it ends a folder; where nothing lies beside the
    table, but below the folder that the program was started in, they count from that, as `striate predict --output`
    writes them. One that is there decides for all: a million files are not looked for.
    """

    def __init__(self, table: Path) -> None:
        self.folder = table.parent
        self._from_windows: bool | None = None
        self._from_here: bool | None = None
        self._looked_for = 0

    def __call__(self, path: str) -> str:
        """One of them."""
        if "\\" in path:
            if self._from_windows is None:
                self._from_windows = not os.path.lexists(self.folder / path)
            path = path.replace("\\", "/") if self._from_windows else path
        if "/" in path and self._from_here is not False and not os.path.isabs(path):  # noqa: PTH117 - as in `below`
            if self._from_here is None:
                self._from_here = self._lies_here(path)
            path = os.path.abspath(path) if self._from_here else path  # noqa: PTH100 - as in `below`
        return below(self.folder, path)

    def _lies_here(self, path: str) -> bool | None:
        """Whether a file lies below where the program was started, and not beside the table; None where it is neither,
        which is looked for a few times only.
        """
        self._looked_for += 1
        if os.path.lexists(self.folder / path):
            return False
        return True if os.path.lexists(path) else None if self._looked_for < MOST_LOOKED_FOR else False

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided, where it is not what a table says by itself."""
        windows = "backslashes in the paths are read as the ends of folders"
        here = f"paths are read from {Path.cwd()}, since nothing lies so beside the table"
        return tuple(note for note, so in ((windows, self._from_windows), (here, self._from_here)) if so)


def below(folder: Path, path: str) -> str:
    """The path as seen from the table's folder, when it lies below: then the splits survive a move of both."""
    if not os.path.isabs(path):  # noqa: PTH117 - a million paths leave their parts in the table that Path keeps
        return path
    try:
        return PurePath(path).relative_to(folder.absolute()).as_posix()
    except ValueError:
        return path
