"""The list of a run's pictures, `data.tsv`: what it was begun with, so that it goes on with the same.

One line per picture in the order of their numbers: split ("-" when it could not be read), class, hash of the decoded
pixels, name (below the data's folder, for files). Tabs, line ends and backslashes in names are written as in C.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from striate.core.errors import StriateError
from striate.core.files import new_file
from striate.data.dataset import SPLITS, Dataset, FilePictures
from striate.data.decode import DecodeError
from striate.data.scan import Scan
from striate.data.splits import given_splits
from striate.data.working import Bad

UNREAD = "-"
ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
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
    with new_file(file) as opened:
        for index, number in enumerate(split_of):
            digest = scan.digests[index].tobytes().hex()
            row = Row(names[number], dataset.classes[dataset.labels[index]], digest, _name(dataset, index))
            line = "\t".join(map(_escaped, row)) + "\n"
            opened.write(line.encode("utf-8", "surrogateescape"))


def as_begun(dataset: Dataset, file: Path) -> Dataset:
    """A dataset as a run lists it: the same pictures under the same numbers, whatever has come or gone since.

    dataset: the data as it is found now. Raises StriateError when the list is missing or damaged, or of other data.
    """
    classes = sorted({row.label for row in _rows(file)})
    number = {name: place for place, name in enumerate(classes)}
    labels, split_of = array("q"), array("b")

    def names() -> Iterator[str]:
        for row in _rows(file):
            labels.append(number[row.label])
            split_of.append(-1 if row.split == UNREAD else SPLITS.index(row.split))
            yield row.name

    pictures = dataset.pictures
    if isinstance(pictures, FilePictures):
        pictures = FilePictures(pictures.root, names())
    elif len(list(names())) != len(pictures):
        raise _other_pictures(dataset, file)
    return replace(
        dataset,
        pictures=pictures,
        labels=np.frombuffer(labels, np.int64),
        classes=tuple(classes),
        splits=given_splits(np.frombuffer(split_of, np.int8)),
    )


def gone_since(dataset: Dataset, scan: Scan, file: Path) -> Bad:
    """The pictures of a dataset as begun that cannot be read any more.

    Raises StriateError when one can be read, but is another picture now.
    """
    gone: Bad = {}
    for index, row in enumerate(_rows(file)):
        if row.split == UNREAD or scan.digests[index].tobytes().hex() == row.digest:
            continue
        if index not in scan.problems:
            raise _other_pictures(dataset, file, f" ({dataset.pictures.name(index)} is another one now)")
        gone[index] = DecodeError(dataset.pictures.name(index), scan.problems[index])
    return gone


def _other_pictures(dataset: Dataset, file: Path, which: str = "") -> StriateError:
    return StriateError(
        f"the pictures in {dataset.source} are not those that {file.parent} was begun with{which}, so it cannot go on "
        "to the same weights; bring those back, or start a new run"
    )


def _rows(file: Path) -> Iterator[Row]:
    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                cells = line.rstrip("\n").split("\t")
                if len(cells) != len(Row._fields) or cells[0] not in (*SPLITS, UNREAD):
                    raise StriateError(f"{file} is damaged: line {number} is no split, class, hash and name")
                yield Row(*map(_plain, cells))
    except OSError as error:
        raise StriateError(f"{file} cannot be read ({error.strerror or error}); start a new run") from error


def _name(dataset: Dataset, index: int) -> str:
    pictures = dataset.pictures
    return pictures.relative_paths[index] if isinstance(pictures, FilePictures) else pictures.name(index)


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
