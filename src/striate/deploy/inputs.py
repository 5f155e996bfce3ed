"""What a network is asked about: files and folders to predict, the split of a dataset to evaluate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from striate.core.errors import StriateError
from striate.data.dataset import Dataset, Indices
from striate.data.decode import EXTENSIONS
from striate.data.folder import HIDDEN

BATCH_SIZE = 32

T = TypeVar("T")


def in_batches(items: Iterator[T]) -> Iterator[list[T]]:
    """Lists of BATCH_SIZE items, the last one shorter.

    >>> [len(batch) for batch in in_batches(iter(range(70)))]
    [32, 32, 6]
    """
    while batch := list(islice(items, BATCH_SIZE)):
        yield batch


def picture_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files themselves and all pictures below the folders, sorted within each folder.

    Links are followed, hidden files and folders below a folder are not, as for training.
    Raises StriateError when a folder holds no pictures. A file that does not exist is kept, to be named later.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            files.append(path)
            continue
        below = sorted(_pictures_below(path, set()))
        if not below:
            raise StriateError(f"{path} holds no pictures; known are {', '.join(sorted(EXTENSIONS))}")
        files += below
    return files


def _pictures_below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Every picture in a folder and its sub-folders; a folder that is seen again, through a link, is left out."""
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    for entry in folder.iterdir():
        if entry.name.startswith(HIDDEN):
            continue
        if entry.is_dir():
            yield from _pictures_below(entry, seen)
        elif entry.suffix.lower() in EXTENSIONS and (entry.is_file() or not entry.exists()):  # no pipe; broken links
            yield entry


def split_to_evaluate(dataset: Dataset, split: str | None) -> str:
    """The split that a person named, or "all"; None takes "test", or "val" where there is no test.

    Raises StriateError for a split that the dataset does not have.
    """
    if split is None:
        return "test" if len(dataset.splits.get("test", ())) else "val"
    if split not in (*dataset.splits, "all"):
        raise StriateError(f"{dataset.source} has no split {split!r}; it has {', '.join(dataset.splits)} and all")
    return split


def members(dataset: Dataset, split: str) -> Indices:
    """The picture numbers of a split, or of all of them."""
    return np.concatenate(list(dataset.splits.values())) if split == "all" else dataset.splits[split]
