"""The list of a run's pictures, `data.tsv`: what it was begun with, so that it goes on with the same.

One line per picture in the order of their numbers: split ("-" when it could not be read), class, hash of the decoded
pixels, name (below the data's folder, for files). Tabs, line ends and backslashes in names are written as in C.
The hash decides which picture is which; a name is only where to look for it first.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from striate.core.errors import StriateError
from striate.core.files import new_file
from striate.core.reading import refuse_other_than_file
from striate.data.dataset import SPLITS, Dataset, Names
from striate.data.joined import relisted
from striate.data.scan import Scan
from striate.data.splits import given_splits
from striate.data.targets import Indices

MANIFEST = "data.tsv"
UNREAD = "-"
LONGEST_LINE_BYTES = 1 << 22  # paths are at most 4,096 bytes, names of classes 255, a crowd's outlines some 100,000
ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
DIGEST = re.compile("[0-9a-f]{32}")
PLAIN = {code[1]: letter for letter, code in ESCAPED.items()}


class Row(NamedTuple):
    """One picture, as text."""

    split: str
    label: str
    digest: str
    name: str


def write_manifest(file: Path, dataset: Dataset, scan: Scan) -> None:
    """List every picture of a dataset, whose splits have been freed of unreadable ones."""
    split_of = np.full(len(dataset.pictures), len(SPLITS), np.int8)
    for split, indices in dataset.splits.items():
        split_of[indices] = SPLITS.index(split)
    names = (*SPLITS, UNREAD)
    write_rows(
        file,
        (
            Row(
                names[number],
                dataset.targets.text(index),
                scan.digests[index].tobytes().hex(),
                dataset.pictures.listed_name(index),
            )
            for index, number in enumerate(split_of)
        ),
    )


def write_rows(file: Path, rows: Iterable[Row]) -> None:
    """Write the list."""
    with new_file(file) as opened:
        for row in rows:
            line = "\t".join(map(_escaped, row)) + "\n"
            opened.write(line.encode("utf-8", "surrogateescape"))


def rows_of(file: Path) -> Iterator[Row]:
    """Read the list. Raises StriateError, with the line, when it is missing or damaged."""
    try:
        refuse_other_than_file(file, file.stat())
        with file.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                yield _row(line, file, f"line {number}")
    except OSError as error:
        raise StriateError(f"{file} cannot be read ({error.strerror or error}); start a new run") from error


def _row(line: str, file: Path, which: str) -> Row:
    cells = line.rstrip("\n").split("\t")
    if len(cells) != len(Row._fields) or cells[0] not in (*SPLITS, UNREAD):
        raise StriateError(f"{file} is damaged: {which} is no split, class, hash and name")
    if "\0" in line or not DIGEST.fullmatch(cells[2]):
        raise StriateError(f"{file} is damaged: {which} holds a character that no name has, or no hash of 32 digits")
    return Row(*map(_plain, cells))


def refuse_cut_off(file: Path) -> None:
    """Raise StriateError for a list that is missing or empty, or whose first or last line is none."""
    next(rows_of(file), None)
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - LONGEST_LINE_BYTES))
        end = opened.read()
    if not end.endswith(b"\n"):
        raise StriateError(f"{file} is damaged: " + ("its last line is cut off" if end else "it is empty"))
    last = end[:-1].rpartition(b"\n")[2].decode("utf-8", "surrogateescape")
    _row(last, file, "the last line")


def as_begun(
    dataset: Dataset, file: Path, classes: Sequence[str] | None = None, elsewhere: Mapping[str, int] | None = None
) -> Dataset:
    """A dataset as a run lists it: the same pictures under the same numbers, whatever has come or gone since.

    dataset: the data as it is now. classes: their order as the run wrote it down; None, of a run that did not: that of
    the data, which is what such a run began with, or of the alphabet where the data has other classes now. elsewhere:
    how many pictures there are of each split that lies elsewhere.
    Raises StriateError when the list is missing or damaged, or of other data.
    """
    targets = dataset.targets.listed((row.label for row in rows_of(file)), classes, _places(dataset, file), str(file))
    split_of = array("b")

    def names() -> Iterator[str]:
        for row in rows_of(file):
            split_of.append(-1 if row.split == UNREAD else SPLITS.index(row.split))
            yield row.name

    pictures = relisted(dataset.pictures, Names(names()), elsewhere or {})
    if pictures is None:
        raise other_pictures(dataset, file)
    splits = given_splits(np.frombuffer(split_of, np.int8))
    for split in ("train", "val"):
        if not len(splits.get(split, ())):
            raise StriateError(f"{file} is damaged: it lists no picture of the {split} split; start a new run")
    return replace(dataset, pictures=pictures, targets=targets, splits=splits)


def _places(dataset: Dataset, file: Path) -> Iterator[Indices]:
    """Where the pictures of each name in a list are now; found out when it is first asked."""
    places: dict[str, list[int]] = defaultdict(list)
    for index in range(len(dataset.pictures)):
        places[dataset.pictures.listed_name(index)].append(index)
    for row in rows_of(file):
        yield np.array(places.get(row.name, ()), np.int64)


def other_pictures(dataset: Dataset, file: Path, which: str = "") -> StriateError:
    """The error for pictures that are not those of the list."""
    return StriateError(
        f"the pictures in {dataset.source} are not those that {file.parent} was begun with{which}, so it cannot go on "
        "to the same weights; bring those back, or start a new run"
    )


def _escaped(text: str) -> str:
    return "".join(ESCAPED.get(letter, letter) for letter in text) if any(e in text for e in ESCAPED) else text


def _plain(text: str) -> str:
    """The inverse of `_escaped`.

    >>> _plain(_escaped("a\\tb\\\\n"))
    'a\\tb\\\\n'
    """
    if "\\" not in text:
        return text
    letters = iter(text)
    return "".join(PLAIN.get(next(letters, ""), "") if letter == "\\" else letter for letter in letters)
