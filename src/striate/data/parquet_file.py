"""Parquet files as the hubs hand them out: a column of pictures, a column of classes, splits by the names of files.

Read with pyarrow, which unpickles nothing. Names of classes are those of the metadata that the hubs write.
"""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath

import numpy as np

from striate.core.errors import StriateError
from striate.core.extras import require_packages
from striate.core.units import counted
from striate.data.dataset import SPLITS, Dataset, FilePictures, Pictures
from striate.data.formats import NAMED_ENDINGS
from striate.data.item_labels import Labels
from striate.data.left_out import Inventory, Tally
from striate.data.parquet_columns import Columns, columns_of
from striate.data.parquet_pictures import Group, ParquetPictures, columns_in, parquet_file
from striate.data.scan import Progress
from striate.data.split_names import SPELLINGS, split_of
from striate.data.splits import given_splits, split_dataset, split_number
from striate.data.targets import Indices
from striate.data.walk import HIDDEN

ENDING = ".parquet"
SHARD = re.compile(r"[-_]\d+([-_]of[-_]\d+)?([-_][0-9a-f]{8,})?$")  # what follows the split in a file's name
DEEPEST = 3  # folders below the one that is named, such as default/train/0000.parquet
NO_CLASS = -1  # what the hubs write where nothing is known of a picture, as in the test of a contest


def open_parquet(path: Path, split_seed: int = 0, progress: Progress | None = None) -> Dataset:
    """The pictures and classes of a Parquet file, or of those that `parquet_files` finds in a folder.

    Every row is read once, to hash its picture. Files have splits where all names, or folders, say one: train-00000-of-
    00002.parquet; of the others all splits are drawn. Rows without a class are left out. Paths in a column of texts
    count from the folder of their file.
    Raises StriateError, with the file, for other columns, for damaged files, for a number without a name, and without
    the package pyarrow.
    """
    require_packages(f"{path} needs", "pyarrow")
    root, files = (path.parent, [path.name]) if path.is_file() else (path, parquet_files(path))
    split_of_file = _splits(path, files)
    rows = _Rows(root, Labels(str(path)))
    total = sum(_count(root / file) for file in files)
    for number, file in enumerate(files):
        for done in rows.read(number, file):
            if progress is not None:
                progress(done, total)
    if not rows.files:
        raise StriateError(f"{path} has no row with a picture and its class")
    pictures = rows.pictures(files)
    labels, classes = rows.classes()
    given = given_splits(np.array([split_number(split_of_file[file]) for file in files], np.int8)[rows.files])
    names = [pictures.listed_name(index) for index in range(len(pictures))]
    dataset = split_dataset(str(path), pictures, names, labels, classes, given, split_seed)
    return replace(dataset, inventory=Inventory(rows.left_out.left_out(), rows.notes()))


def parquet_files(folder: Path) -> list[str]:
    """The Parquet files of a folder, or of folders below it, as paths from there; none where there are pictures too.

    Raises StriateError where they are several sets of data, in folders beside each other.
    """
    found: list[PurePath] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(HIDDEN))
        below = PurePath(parent).relative_to(folder)
        files = [below / name for name in names if not name.startswith(HIDDEN)]
        if any(map(_may_be_picture, files)):
            return []
        if len(below.parts) == DEEPEST:
            folders.clear()
        found += [file for file in files if file.suffix.lower() == ENDING]
    sets = {file.parent.parent if split_of(file.parent.name) else file.parent for file in found}
    if len(sets) > 1:
        raise StriateError(
            f"{folder} has Parquet files in several folders, {', '.join(sorted(map(str, sets))[:4])}; name the one "
            "whose pictures are meant"
        )
    return sorted(file.as_posix() for file in found)


def _may_be_picture(file: PurePath) -> bool:
    """Whether a name says picture, or nothing at all."""
    return file.suffix.lower() in NAMED_ENDINGS if file.suffix else file.name not in ("README", "LICENSE")


@dataclass
class _Rows:
    """What is gathered of the rows of all files, in order."""

    root: Path
    labels: Labels
    names: tuple[str, ...] | None = None
    columns: list[Columns] = field(default_factory=list)
    left_out: Tally = field(default_factory=Tally)
    groups: list[Group] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    rows: array[int] = field(default_factory=lambda: array("q"))
    files: array[int] = field(default_factory=lambda: array("q"))
    keys: bytearray = field(default_factory=bytearray)
    paths: list[str] = field(default_factory=list)
    total: int = 0

    def read(self, number: int, name: str) -> Iterator[int]:
        """Take all rows of a file; how many there are of all files, every now and then. Raises StriateError."""
        file = self.root / name
        with parquet_file(file) as reader:
            columns = columns_of(reader.schema_arrow, file)
            self._join(columns, file)
            row = 0
            for group in range(reader.metadata.num_row_groups):
                self.groups.append(Group(number, group, row))
                self.starts.append(self.total)
                for pictures, labels in columns_in(reader, group, columns.picture, columns.label):
                    for picture, label in zip(pictures, labels.to_pylist(), strict=True):
                        self._take(number, name, row, picture.as_py(), label)
                        row += 1
                        self.total += 1
                    yield self.total

    def _join(self, columns: Columns, file: Path) -> None:
        """Take the columns of a file. Raises StriateError where they do not go with those before."""
        self.columns.append(columns)
        first = self.columns[0]
        if columns.paths != first.paths:
            raise StriateError(f"{file} has {_kind(columns)}, the file before it has {_kind(first)}; give them apart")
        if columns.names is not None:
            if self.names is not None and columns.names != self.names:
                raise StriateError(
                    f"{file} has other names of classes in its metadata ({', '.join(columns.names[:4])} ...) than the "
                    f"file before it ({', '.join(self.names[:4])} ...); all files of a data set must have the same"
                )
            self.names = columns.names

    def _take(self, number: int, name: str, row: int, picture: bytes | str | None, label: int | str | None) -> None:
        called = f"{name}[{row}]"
        named = self.columns[-1].names
        if label is None or (named is not None and label == NO_CLASS):
            self.left_out.add("unlabelled", called, reason="as their rows have no class")
            return
        if named is not None and isinstance(label, int) and not 0 <= label < len(named):
            raise StriateError(
                f"the class of {self.root / called} is {label}, but the metadata have {counted(len(named), 'name')}, "
                f"0 to {len(named) - 1}"
            )
        if isinstance(label, bool):
            label = int(label)
        self.labels.add(label, called)
        self.rows.append(self.total)
        self.files.append(number)
        if isinstance(picture, str):
            self.paths.append((PurePosixPath(name).parent / picture).as_posix())
        elif self.columns[0].paths:
            raise StriateError(f"{self.root / called} has no path in the column {self.columns[-1].picture}")
        else:
            self.keys += bytes(16) if picture is None else hashlib.blake2b(picture, digest_size=16).digest()

    def pictures(self, files: list[str]) -> Pictures:
        """All pictures: in the rows, or the files that they name."""
        if self.columns[0].paths:
            return FilePictures(self.root, self.paths)
        columns = [each.picture for each in self.columns]
        keys = np.frombuffer(bytes(self.keys), np.uint8).reshape(-1, 16)
        rows = np.frombuffer(self.rows, np.int64)
        return ParquetPictures(self.root, files, columns, self.groups, self.starts, rows, keys)

    def classes(self) -> tuple[Indices, tuple[str, ...]]:
        """Class numbers, and the names of the classes that occur."""
        return self.labels.numbered(self.names)

    def notes(self) -> tuple[str, ...]:
        """What was read of the columns."""
        unused = self.columns[0].unused
        if not unused:
            return ()
        return (f"{counted(len(unused), 'column')} not used: {', '.join(unused[:3])}{' ...' if unused[3:] else ''}",)


def _count(file: Path) -> int:
    with parquet_file(file) as reader:
        return int(reader.metadata.num_rows)


def _kind(columns: Columns) -> str:
    return f"{'paths' if columns.paths else 'the bytes of pictures'} in its column {columns.picture}"


def _splits(path: Path, files: list[str]) -> dict[str, str]:
    """The split of every file, "" of all where none has one. Raises StriateError where only some have one."""
    splits = {file: _split(file) for file in files}
    without = [file for file, split in splits.items() if not split]
    if without and len(without) < len(files):
        raise StriateError(
            f"{path} has files of splits and {without[0]}, whose name says none of {', '.join(SPLITS)}; rename it or "
            "take it out"
        )
    return splits


def _split(file: str) -> str:
    """The split that the name of a file says, or of its folder, or "".

    >>> [_split(name) for name in ("train-00000-of-00002.parquet", "valid/0000.parquet", "my_test.parquet")]
    ['train', 'val', 'test']
    """
    return next(filter(None, _spelt(file)), "")


def _spelt(file: str) -> Iterator[str]:
    name = PurePosixPath(file)
    stem = SHARD.sub("", name.stem)
    yield split_of(stem) or ""
    words = [word for word in re.split("[ _.-]+", stem.lower()) if word in SPELLINGS]
    yield SPELLINGS[words[0]] if len(words) == 1 else ""
    yield split_of(name.parent.name) or ""
