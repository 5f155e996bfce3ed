"""The large pictures of a run on tiles that goes on: those that its list names, found by the hashes of their tiles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.data.dataset import Dataset, FilePictures
from striate.data.found_again import Hashing
from striate.data.manifest import rows_of
from striate.data.targets.boxes import BoxTargets
from striate.data.threads import in_threads
from striate.data.tiled import TiledPictures, tiled


def tiled_again(now: Dataset, file: Path, hashing: Hashing) -> Dataset:
    """Data as the tiles that a list has, in its order, whatever pictures have come since or been renamed.

    now: the pictures as they are. file: the list. Where one of it is gone, all of these are tiled, and whoever compares
    them with the list says so.
    """
    listed: dict[str, str] = {}  # of each picture the hash of its first tile
    for row in rows_of(file):
        listed.setdefault(row.name.rpartition(" from ")[0], row.digest)
    pictures, targets = now.pictures, now.targets
    if not isinstance(pictures, FilePictures) or not isinstance(targets, BoxTargets):
        return tiled(now, hashing.preprocess)
    here = {name: index for index, name in enumerate(pictures.relative_paths)}
    lost = {digest: name for name, digest in listed.items() if name not in here}
    come = [index for name, index in here.items() if name not in listed]
    if lost and come:
        found = _first_tiles(_some(now, come), hashing)
        here |= {lost[digest]: here[name] for name, digest in found if digest in lost}
    if not listed.keys() <= here.keys():
        return tiled(now, hashing.preprocess)
    return tiled(_some(now, [here[name] for name in listed]), hashing.preprocess)


def other_names(begun: Dataset, file: Path) -> dict[int, str]:
    """The names that pictures have now, by number, where a list has others."""
    now = ((index, begun.pictures.listed_name(index), row.name) for index, row in enumerate(rows_of(file)))
    return {index: name for index, name, before in now if name != before}


def _some(dataset: Dataset, places: list[int]) -> Dataset:
    """Some pictures of a data set, in this order, all of them to train on: the list says of which split they are."""
    pictures, targets, numbers = dataset.pictures, dataset.targets, np.array(places, np.int64)
    assert isinstance(pictures, FilePictures) and isinstance(targets, BoxTargets)  # noqa: S101 - see `tiled_again`
    named = FilePictures(pictures.root, (pictures.relative_paths[place] for place in places))
    return replace(
        dataset, pictures=named, targets=targets.only(numbers), splits={"train": np.arange(len(places))}, drawn=()
    )


def _first_tiles(dataset: Dataset, hashing: Hashing) -> list[tuple[str, str]]:
    """The name of each picture, and what its first tile hashes to."""
    parts = tiled(dataset, hashing.preprocess).pictures
    assert isinstance(parts, TiledPictures)  # noqa: S101 - see `tiled`
    first = np.flatnonzero(np.diff(parts.owner, prepend=-1)).tolist()
    hashes = in_threads(lambda index: hashing.of(parts, index), first)
    names = map(dataset.pictures.listed_name, range(len(dataset.pictures)))
    return [(name, digest) for name, found in zip(names, hashes, strict=True) for digest in found]
