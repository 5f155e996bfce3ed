"""A folder of pictures and masks as a data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.dataset import Dataset, FilePictures
from striate.data.left_out import Inventory, LeftOut
from striate.data.masks.class_table import find_class_table
from striate.data.masks.coding import coding_of
from striate.data.masks.pairs import Pairs, find_pairs, folders_around
from striate.data.masks.survey import Survey, survey_masks
from striate.data.scan import Progress
from striate.data.splits import given_splits, split_number, split_targets
from striate.data.targets.masks import mask_targets
from striate.data.walk import Walk


def open_masks(
    root: Path, split_seed: int = 0, progress: Progress | None = None, ignored: str | None = None
) -> Dataset:
    """The pictures below a folder and their masks, paired as `pairs` says, all of which are read once.

    Splits are those of the folders; a missing val is taken from train, without any all three are made. ignored: name
    of a class of which nothing is asked. What is not used is in the dataset's inventory.
    Raises StriateError where nothing can be paired, no mask can be read, or nothing says the classes.
    """
    walk = Walk(root)
    pairs = find_pairs(walk)
    table = find_class_table(folders_around(root, pairs.masks), ignored)
    survey = survey_masks(root, pairs.masks, progress)
    if not survey.readable:
        number, reason = next(iter(survey.problems.items()))
        others = f"; none of {counted(len(pairs.masks), 'mask')} can be read" if len(pairs.masks) > 1 else ""
        raise StriateError(f"{root / pairs.masks[number]} {reason}{others}")
    coding = coding_of(survey, table, str(root))
    kept = _kept(walk, pairs, survey)
    pictures, masks = (FilePictures(root, [paths[n] for n in kept]) for paths in (pairs.pictures, pairs.masks))
    targets = mask_targets(masks, Survey([survey.seen[n] for n in kept], {}), coding)
    given = given_splits(np.array([split_number(pairs.splits[n]) for n in kept], np.int8))
    dataset = split_targets(str(root), pictures, pictures.relative_paths, targets, given, split_seed)
    notes = (*((coding.note,) if coding.note else ()), *walk.notes())
    left_out = walk.tally.left_out() if table is None else _without(walk.tally.left_out(), Path(table.file), root)
    return replace(dataset, inventory=Inventory(left_out, notes))


def _kept(walk: Walk, pairs: Pairs, survey: Survey) -> list[int]:
    """The numbers of the pairs that are used; the others are counted as left out."""
    walk.tally.add_all("unpaired", pairs.without_mask)
    walk.tally.add_all("alone", pairs.without_picture)
    kept = []
    for number, split in enumerate(pairs.splits):
        if number in survey.problems:
            walk.tally.add("mask", f"{pairs.masks[number]} {survey.problems[number]}")
        elif not split and any(pairs.splits):
            walk.tally.add("folder", pairs.pictures[number])
        else:
            kept.append(number)
    return kept


def _without(left_out: tuple[LeftOut, ...], used: Path, root: Path) -> tuple[LeftOut, ...]:
    """What is left out, less the list of classes, which is no picture and yet used."""
    name = used.relative_to(root).as_posix()
    fewer = (
        replace(each, count=each.count - 1, names=tuple(other for other in each.names if other != name))
        if each.kind == "other"
        else each
        for each in left_out
    )
    return tuple(each for each in fewer if each.count)
