"""Masks that number the objects of a picture, 1, 2, 3 ... above a ground of 0: boxes and outlines of one class.

Wang et al.'s Penn-Fudan pedestrians are kept so (ACCV 2007). A mask alone does not say whether its numbers are objects
or classes: they are read as objects where that is asked for, by the task detection or instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.core.errors import StriateError
from striate.data.boxes.beside import read_each
from striate.data.boxes.listing import BoxListing, Gathered
from striate.data.decode import DecodeError
from striate.data.masks.class_table import find_class_table
from striate.data.masks.mask_file import RawMask, read_mask
from striate.data.masks.pairs import find_pairs, folders_around
from striate.data.walk import Walk
from striate.ops.masks import Runs
from striate.ops.pixels import IGNORED

OBJECT = "object"
MOST_OBJECTS = 1000  # of a picture


def read_numbered_masks(root: Path) -> BoxListing:
    """The objects of a folder of pictures and masks, paired as `masks.pairs` says.

    Their class is that of a list that names one beside the background, else "object". Of 255 among other numbers
    nothing is asked. Raises StriateError where nothing can be paired, where masks hold no numbers of objects, and where
    a list names several classes, which these are then.
    """
    walk = Walk(root)
    pairs = find_pairs(walk)
    label, gathered = _label(root, pairs.masks), Gathered()
    split_of = dict(zip(pairs.pictures, pairs.splits, strict=True))

    def read(mask: str, picture: str) -> None:
        try:
            raw = read_mask(root / mask)
        except DecodeError as error:
            raise StriateError(str(error)) from error
        found = _objects(raw, str(root / mask))
        height, width = raw.numbers.shape
        gathered.add_picture(picture, split_of[picture], (height, width))
        for runs, box in found:
            gathered.add_box(picture, label, box, outline=runs)

    broken = read_each(zip(pairs.masks, pairs.pictures, strict=True), read)
    return replace(gathered.listing(), unannotated=tuple(pairs.without_mask), broken=broken, notes=walk.notes())


def _label(root: Path, masks: Sequence[str]) -> str:
    table = find_class_table(folders_around(root, masks))
    names = [name for name in table.names if name.casefold() != "background"] if table is not None else []
    if table is not None and len(names) > 1:
        raise StriateError(
            f"{root} has masks whose numbers are the {len(names)} classes that {table.file} names, and no numbers of "
            "objects; learn them by --task segmentation, or take the list away where they do number objects"
        )
    return names[0] if names else OBJECT


def _objects(raw: RawMask, name: str) -> list[tuple[Runs, tuple[float, float, float, float]]]:
    """The pixels and the box of each object. Raises StriateError for numbers that count none."""
    numbers = [int(number) for number in np.unique(raw.numbers) if number]
    if len(numbers) > 1 and not raw.coloured:
        numbers = [number for number in numbers if number != IGNORED]
    counted_up = numbers in (list(range(1, len(numbers) + 1)), [IGNORED])
    if len(numbers) > MOST_OBJECTS or not (counted_up or raw.coloured):
        raise StriateError(
            f"{name} holds {', '.join(map(str, numbers[:5]))}{' ...' if len(numbers) > 5 else ''}, which number no "
            "objects; expected is 0 for the ground, and 1, 2, 3 ... for the objects"
        )
    objects = []
    for number in numbers:
        mask = raw.numbers == number
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
        objects.append((Runs.of_mask(mask), box))
    return objects
