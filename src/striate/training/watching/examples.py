"""A few pictures of a run's validation, the same ones at every look."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.dataset import FilePictures, Pictures
from striate.data.decode import DecodeError, Pixels
from striate.data.manifest import MANIFEST, rows_of
from striate.data.sources import open_to_evaluate
from striate.data.tiled import tiled
from striate.data.working_size import read_working
from striate.training.folder.begun import Begun, read_begun

PICTURES = 4


class Examples(NamedTuple):
    """names: as data.tsv has them. pixels: uint8 (N, h, w, C), at the working size."""

    names: tuple[str, ...]
    pixels: Pixels


def examples_of(folder: Path, preprocess: Preprocess) -> Examples:
    """Some pictures, evenly of those that data.tsv lists for validation.

    Raises StriateError when the pictures are not where they were, or were given in memory.
    """
    begun, _ = read_begun(folder)
    split = "train" if "val" in begun.data.elsewhere else "val"
    listed = [row.name for row in rows_of(folder / MANIFEST) if row.split == split]
    places: list[int] = (
        np.unique(np.linspace(0, len(listed) - 1, PICTURES).round().astype(int)).tolist() if listed else []
    )
    names = [listed[place] for place in places]
    pictures, numbers = _found(begun, names, preprocess)
    pixels = list[Pixels]()
    for name, number in zip(names, numbers, strict=True):
        try:
            pixels.append(read_working(name, lambda *how, number=number: pictures.decode(number, *how), preprocess))
        except DecodeError as error:
            raise StriateError(f"{name} cannot be read: {error.reason}") from error
    if not pixels:
        raise StriateError(f"{folder / MANIFEST} lists no picture of {split}")
    return Examples(tuple(names), np.stack(pixels))


def _found(begun: Begun, names: list[str], preprocess: Preprocess) -> tuple[Pictures, list[int]]:
    """Pictures, and the numbers of those that are wanted. Files are not looked for where they are under their names."""
    source = Path(begun.data.source)
    if source.is_dir() and all((source / name).is_file() for name in names):
        return FilePictures(source, names), list(range(len(names)))
    recipe = begun.recipe
    dataset = open_to_evaluate(begun.data.source, recipe.split_seed, ignored=recipe.ignore_class, task=begun.task)
    found = (tiled(dataset, preprocess) if recipe.tiles else dataset).pictures
    numbers = {found.listed_name(number): number for number in range(len(found))}
    gone = next((name for name in names if name not in numbers), None)
    if gone is not None:
        raise StriateError(f"{gone}, a picture of the run, is not in {begun.data.source} any more")
    return found, [numbers[name] for name in names]
