"""Where the pictures lie that a table names without folder, and often without ending, as Kaggle's tables do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.data.dataset import Names
from striate.data.formats import EXTENSIONS, NAMED_ENDINGS
from striate.data.left_out import NAMED
from striate.data.split_names import NOISE, SPELLINGS
from striate.data.walk import HIDDEN, identity, is_folder

ENTRIES_AT_ONCE = 65_536  # of a folder: what is in memory as text
CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")  # where a word begins within trainLabels
WORD = re.compile(r"[^\W_]+")
NO_NAME = frozenset((*NOISE, "label", "labels", "class", "classes", "annotations", "list"))

Rows = npt.NDArray[np.int64]


class Hits(NamedTuple):
    """What a folder holds of a table's names.

    rows: those whose file is there, ascending. endings: the number of the ending that each name lacks, 0 for none.
    rivals: the number of another ending that is as good, or -1.
    """

    folder: str
    rows: Rows
    endings: Rows
    rivals: Rows


def files_named(table: Path, names: Names) -> tuple[Names, tuple[str, ...]]:
    """The paths of a table, where those without folder are what is found of them, and notes on what was found.

    A name that lies beside the table stays. Another may lack its ending, and is looked for beside the table and in the
    folders directly below; in those that are called train, images and the like also one folder deeper. Every folder is
    listed once, and no file is asked for. Of several folders that have a name, that which is called as the table (train
    of train.csv, train_labels.csv) is taken, or else that which has all. A name that is nowhere stays.
    Raises StriateError where two files are meant equally.
    """
    if "" not in names.folders:
        return names, ()
    wanted = _Wanted(table.parent, names)
    beside = wanted.hits("")
    added = beside.endings > 0
    wanted.leave(beside.rows[~added])
    if not wanted.rows.size:
        return names, ()
    hits = [Hits("", beside.rows[added], beside.endings[added], beside.rivals[added])]
    hits = [each for each in (*hits, *map(wanted.hits, _folders_below(table.parent))) if each.rows.size]
    if not hits:
        return names, ()
    place, ending = _chosen(table, names, hits, wanted.endings)
    folders = [each.folder for each in hits]
    return Names(_paths(names, place, ending, folders, wanted.endings)), _notes(place, ending, folders, wanted.endings)


class _Wanted:
    """The rows of names without folder, in the order of their hashes: 16 bytes for each, whatever its length."""

    def __init__(self, root: Path, names: Names) -> None:
        self.root, self.names = root, names
        self.endings = [""]
        self._number = {"": 0}
        hashes = np.fromiter((hash(name) for name in names), np.int64, len(names))
        bare = np.fromiter(("/" not in name for name in names), np.bool_, len(names))
        self.rows: Rows = np.flatnonzero(bare)
        self.rows = self.rows[np.argsort(hashes[self.rows], kind="stable")]
        self._hashes = hashes[self.rows]

    def leave(self, rows: Rows) -> None:
        """Look no more for some rows."""
        left = np.isin(self.rows, rows, invert=True)
        self.rows, self._hashes = self.rows[left], self._hashes[left]

    def hits(self, folder: str) -> Hits:
        """What a folder below the table's holds. A file of the very name goes first, then one that can be read here."""
        rows: list[int] = []
        endings: list[int] = []
        for row, ending in self._found(folder):
            rows.append(row)
            endings.append(self._number.setdefault(ending, len(self._number)))
        self.endings = list(self._number)
        rank = np.array([0, *(1 if each.lower() in EXTENSIONS else 2 for each in self.endings[1:])], np.int64)
        found, kinds = np.array(rows, np.int64), np.array(endings, np.int64)
        order = np.lexsort((kinds, rank[kinds], found))
        found, kinds = found[order], kinds[order]
        first = np.append(True, found[1:] != found[:-1])[: len(found)]
        best = np.flatnonzero(first)
        # Of a row's files the second best stands behind the best; where it ranks as high, none is meant more.
        rivals = np.full(len(best), -1)
        second = best + 1 < len(found)
        after = best[second] + 1
        equal = ~first[after] & (rank[kinds[after]] == rank[kinds[after - 1]])
        rivals[np.flatnonzero(second)[equal]] = kinds[after[equal]]
        return Hits(folder, found[best], kinds[best], rivals)

    def _found(self, folder: str) -> Iterator[tuple[int, str]]:
        """Row and ending of every file in a folder that a row may mean; none where it cannot be listed."""
        try:
            with os.scandir(self.root / folder) as entries:
                # What a link leads to would have to be asked for; of others the listing says whether they are folders.
                names = (entry.name for entry in entries if entry.is_symlink() or not entry.is_dir())
                while some := list(islice(names, ENTRIES_AT_ONCE)):
                    yield from self._rows_of((name, "") for name in some)
                    cut = ((name[:dot], name[dot:]) for name in some if (dot := name.rfind(".")) > 0)
                    yield from self._rows_of(each for each in cut if each[1].lower() in NAMED_ENDINGS)
        except OSError:  # then nothing is found there: the check names the pictures
            return

    def _rows_of(self, keys: Iterable[tuple[str, str]]) -> Iterator[tuple[int, str]]:
        """The rows that name a file so, with its ending."""
        keys = list(keys)
        hashes = np.fromiter((hash(key) for key, _ in keys), np.int64, len(keys))
        start = np.searchsorted(self._hashes, hashes, "left")
        end = np.searchsorted(self._hashes, hashes, "right")
        held = np.flatnonzero(start < end)
        for place, first, last in zip(held.tolist(), start[held].tolist(), end[held].tolist(), strict=True):
            key, ending = keys[place]
            for row in self.rows[first:last].tolist():
                if self.names[row] == key:  # two names may share a hash
                    yield row, ending


def _folders_below(root: Path) -> Iterator[str]:
    """The folders directly below, and those in train, images and the like, sorted; each once, whatever links to it."""
    seen = {identity(root)}
    for folder in _folders_in(root):
        inner = _folders_in(root / folder) if _words(folder) <= set(SPELLINGS.values()) else []
        for each in (folder, *(f"{folder}/{name}" for name in inner)):
            try:
                this = identity(root / each)
            except OSError:  # it may not be entered
                continue
            if this not in seen:
                seen.add(this)
                yield each


def _folders_in(folder: Path) -> list[str]:
    """The names of the folders in a folder, sorted, without hidden ones."""
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries if not each.name.startswith(HIDDEN) and is_folder(each))
    except OSError:
        return []


def _words(name: str) -> set[str]:
    """What a table or folder is called for, in the splits' own names: {"train"} of trainLabels and of Training/images.

    >>> _words("trainLabels"), _words("Training/images"), _words("images")
    ({'train'}, {'train'}, set())
    """
    words = {word.lower() for word in WORD.findall(CAPITAL.sub(" ", name))}
    return {SPELLINGS.get(word, word) for word in words - NO_NAME}


def _chosen(table: Path, names: Names, hits: list[Hits], endings: list[str]) -> tuple[Rows, Rows]:
    """For every row the place in `hits`, or -1, and the number of its ending."""
    place, ending, count = np.full(len(names), -1), np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    for each in hits:
        count[each.rows] += 1
    words, found = _words(table.stem), np.count_nonzero(count)
    called = [number for number, each in enumerate(hits) if words and _words(each.folder) == words]
    whole = [number for number, each in enumerate(hits) if each.rows.size == found]
    preferred = [group[0] for group in (called, whole) if len(group) == 1]
    for number in (*range(len(hits)), *reversed(preferred)):  # the last goes first
        place[hits[number].rows], ending[hits[number].rows] = number, hits[number].endings
    doubtful = np.flatnonzero((count > 1) & ~np.isin(place, preferred))
    if doubtful.size:
        row = int(doubtful[0])
        both = [
            _joined(each.folder, names[row] + endings[each.endings[at]])
            for each in hits
            if (at := np.searchsorted(each.rows, row)) < each.rows.size and each.rows[at] == row
        ]
        raise _two_files(table, names[row], both[0], both[1])
    for number, each in enumerate(hits):
        for at in np.flatnonzero((place[each.rows] == number) & (each.rivals >= 0))[:1]:
            name = names[int(each.rows[at])]
            one, other = (_joined(each.folder, name + endings[kind]) for kind in (each.endings[at], each.rivals[at]))
            raise _two_files(table, name, one, other)
    return place, ending


def _two_files(table: Path, name: str, one: str, other: str) -> StriateError:
    one, other = sorted((one, other))  # whichever the disk lists first
    return StriateError(
        f"{table} names {name!r}, which may be {one} or {other}; write the path that is meant into the table, or move "
        "the other file away"
    )


def _paths(names: Names, place: Rows, ending: Rows, folders: list[str], endings: list[str]) -> Iterator[str]:
    """The path of every row."""
    for name, at, kind in zip(names, place.tolist(), ending.tolist(), strict=True):
        yield name if at < 0 else _joined(folders[at], name + endings[kind])


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _notes(place: Rows, ending: Rows, folders: list[str], endings: list[str]) -> tuple[str, ...]:
    """Sentences on where names were found, most of them first."""
    taken = place >= 0
    pairs, counts = np.unique(place[taken] * len(endings) + ending[taken], return_counts=True)
    ways = [(folders[pair // len(endings)], endings[pair % len(endings)]) for pair in pairs]
    ordered = sorted(zip(-counts, ways, strict=True))
    notes = []
    for negative, (folder, added) in ordered[:NAMED]:
        where = f"in {folder}/" if folder else "beside the table"
        how = f", with {added} added" if added else ""
        notes.append(f"found {where}{how}: {-negative:,} of the table's names")
    if more := -sum(int(negative) for negative, _ in ordered[NAMED:]):
        notes.append(f"found in other folders or with other endings: {more:,} of the table's names")
    return tuple(notes)
