"""Pictures in folders: one sub-folder per class, with or without train, val and test above."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.core.errors import StriateError
from striate.data.dataset import Dataset, FilePictures
from striate.data.layout import EXPECTED, doubt, find_layout, nfc
from striate.data.left_out import Inventory
from striate.data.splits import given_splits, split_dataset, split_number
from striate.data.walk import Listing, Walk, all_of


def open_folder(root: Path, split_seed: int = 0, sift: Callable[[Listing], Listing] = all_of) -> Dataset:
    """The pictures of `root/class/...` or `root/{train,val,test}/class/...`, in any spelling of `split_names`.

    Classes are the sorted names of the sub-folders. Folders below a class belong to it. A single folder around the
    splits is passed through. A missing val is taken from train, a missing test stays missing; without any, all three
    are made. What is not used is in the dataset's inventory. sift: as of `Walk`.
    Raises StriateError when this gives no pictures or does not say their classes.
    """
    walk = Walk(root, sift)
    layout = find_layout(walk)
    blocks: list[tuple[str, str, int]] = []  # split, class, pictures: in the order of the paths

    def paths() -> Iterator[str]:
        for split, folder in layout.class_folders(walk):
            members = sorted(walk.pictures_below(folder), key=nfc)
            blocks.append((split, _class_name(folder), len(members)))
            yield from members

    pictures = FilePictures(root, paths())
    inventory = Inventory(
        left_out=walk.tally.left_out(),
        notes=(*layout.notes, *walk.notes()),
        doubt=doubt(root, layout.parts, pictures.relative_paths.folders),
    )
    if not len(pictures):
        instead = "".join(f"{each}; " for each in inventory.pictures_left_out)
        raise StriateError(f"{root} holds no pictures; {instead}{EXPECTED}")
    classes = sorted({name for _, name, _ in blocks})
    number = {name: place for place, name in enumerate(classes)}
    sizes = [size for _, _, size in blocks]
    labels = np.repeat(np.array([number[name] for _, name, _ in blocks], np.int64), sizes)
    given = given_splits(np.repeat(np.array([split_number(split) for split, _, _ in blocks], np.int8), sizes))
    dataset = split_dataset(str(root), pictures, pictures.relative_paths, labels, classes, given, split_seed)
    return replace(dataset, inventory=inventory)


def _class_name(folder: str) -> str:
    """The last part of a path in the form NFC; bytes that are no UTF-8 as \\xff, so that two names stay two."""
    name = folder.rpartition("/")[2].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return nfc(name)
