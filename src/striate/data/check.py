"""Is this data fit to train on? What cannot work is a problem, what a person should know is a warning."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.flags import reader_words
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.dataset import SPLITS, Dataset
from striate.data.left_out import Inventory, LeftOut
from striate.data.scan import Scan, without_problems
from striate.data.seen import about_seen
from striate.data.targets import Review, Sizes
from striate.data.wide import about_wide

NAMED = 3  # examples in a sentence


@dataclass(frozen=True)
class DataReport:
    """The findings of a check; names of pictures, never numbers.

    counts: pictures per class by split, or what else is `counted`. sizes_px: smallest, median and largest shorter and
    longer side.
    duplicates: groups of equal pictures of one class. leaks: groups of equal pictures that stand in several splits.
    clashes: groups of equal pictures of several classes. left_out: what lies there and is not used. notes: how the
    folder or table was read. problems: why training cannot work. warnings: what to know.
    """

    source: str
    split_rule: str
    classes: tuple[str, ...]
    counts: dict[str, list[int]]
    sizes_px: dict[str, list[int]]
    unreadable: list[tuple[str, str]]
    duplicates: list[list[str]]
    leaks: list[list[str]]
    clashes: list[list[str]]
    problems: list[str]
    warnings: list[str]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    counted: str = "pictures"

    @property
    def remarks(self) -> list[str]:
        """What is no warning: the notes, and files that are no pictures."""
        return Inventory(self.left_out, self.notes).remarks

    @property
    def said(self) -> list[str]:
        """Warnings and remarks, each as a line for people."""
        return [*(f"warning: {each}" for each in self.warnings), *(f"note: {each}" for each in self.remarks)]

    @property
    def said_in_full(self) -> list[str]:
        """The same, with every picture that a warning is of on an indented line below it."""
        named = _listed(self.unreadable, self.duplicates, self.leaks, self.clashes)
        lines = []
        for warning in self.warnings:
            head, *pictures = named.get(warning, [warning])
            lines += [f"warning: {head}", *(f"  {each}" for each in pictures)]
        return [*lines, *(f"note: {each}" for each in self.remarks)]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        fields = dict(self.__dict__)
        fields["unreadable"] = [{"name": name, "reason": reason} for name, reason in self.unreadable]
        fields["left_out"] = [each.to_dict() for each in self.left_out]
        fields["notes"] = list(self.notes)
        return fields

    def for_the_reader(self) -> DataReport:
        """The same, whose warnings name what to do in the words of who asked for it; see `core/flags.py`."""
        return replace(self, warnings=list(map(reader_words(), self.warnings)))

    def refuse(self) -> None:
        """Raise StriateError with the first reason why training cannot work, if there is one, and a picture unread."""
        if self.problems:
            unreadable = [f"{name} {reason}" for name, reason in self.unreadable[:1]]
            raise StriateError("; ".join([self.problems[0], *unreadable]))


def check_data(dataset: Dataset, scan: Scan, preprocess: Preprocess | None = None) -> DataReport:
    """Judge a dataset by the scan of its pictures; preprocess: of the network that is to see them, if any."""
    name = dataset.pictures.name
    usable = without_problems(dataset, scan)
    review = _reviewed(usable, scan.sizes_px)
    unreadable = [(name(index), reason) for index, reason in sorted(scan.problems.items())]
    duplicates, leaks, clashes = _same_pictures(dataset, scan)
    findings: dict[str, Any] = {
        "unreadable": unreadable,
        "duplicates": [[name(index) for index in group] for group in duplicates],
        "leaks": [[name(index) for index in group] for group in leaks],
        "clashes": [[name(index) for index in group] for group in clashes],
    }
    return DataReport(
        source=dataset.source,
        split_rule=dataset.split_rule,
        classes=dataset.targets.names,
        counts=usable.counts(),
        sizes_px=_sizes(scan),
        problems=_problems(usable, review),
        warnings=[
            *dataset.inventory.pictures_left_out,
            *_listed(**findings),
            *review.warnings,
            *about_seen(scan, preprocess),
            *about_wide(dataset, scan, preprocess),
        ],
        left_out=dataset.inventory.left_out,
        notes=(*dataset.inventory.notes, *review.remarks),
        counted=dataset.targets.counted,
        **findings,
    )


def _same_pictures(dataset: Dataset, scan: Scan) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
    """Groups of equal pictures: within a class and split, across splits, across classes."""
    split_of = np.full(len(dataset.pictures), -1, np.int8)
    for number, indices in enumerate(dataset.splits.values()):
        split_of[indices] = number
    groups: dict[bytes, list[int]] = defaultdict(list)
    for index in _suspects(split_of, scan):
        groups[scan.identity(index)].append(index)
    duplicates, leaks, clashes = [], [], []
    for group in groups.values():
        if len(group) == 1:
            continue
        if len({dataset.targets.text(index) for index in group}) > 1:
            clashes.append(group)
        if len({int(split_of[index]) for index in group}) > 1:
            leaks.append(group)
        else:
            duplicates.append(group)
    return duplicates, leaks, clashes


def _suspects(split_of: npt.NDArray[np.int8], scan: Scan) -> list[int]:
    """The readable pictures of the splits that share the first half of their digest, in ascending order."""
    readable = split_of >= 0
    readable[list(scan.problems)] = False
    members = np.flatnonzero(readable)
    halves = scan.digests.view(np.uint64)[members, 0]
    ordered = np.sort(halves)
    doubled = ordered[1:][ordered[1:] == ordered[:-1]]
    return [int(index) for index in members[np.isin(halves, doubled)]]


def _sizes(scan: Scan) -> dict[str, list[int]]:
    sizes = np.delete(scan.sizes_px, list(scan.problems), axis=0)
    if not len(sizes):
        return {"shorter_side": [], "longer_side": []}
    return {
        side: [int(values.min()), int(np.median(values)), int(values.max())]
        for side, values in (("shorter_side", sizes.min(axis=1)), ("longer_side", sizes.max(axis=1)))
    }


def refuse_untrainable(dataset: Dataset) -> None:
    """Raise StriateError, before anything is decoded, where nothing could be learned from them."""
    if problems := _reviewed(dataset).problems:
        raise StriateError("; ".join([problems[0], *dataset.inventory.pictures_left_out]))


def _problems(dataset: Dataset, review: Review) -> list[str]:
    problems = [*review.problems]
    if not len(dataset.splits.get("val", ())):
        problems.append(
            f"{dataset.source} has no pictures left to validate on; add more, at least three to a class "
            "(one each to train, validate and test)"
        )
    return problems


def _reviewed(dataset: Dataset, sizes_px: Sizes | None = None) -> Review:
    """What the targets say of the pictures in the splits, or that there are none to train on."""
    splits = {split: dataset.splits[split] for split in sorted(dataset.splits, key=SPLITS.index)}
    if "train" not in splits:
        return Review([f"{dataset.source} has {' and '.join(splits)} pictures but none to train on"], [])
    return dataset.targets.review(dataset.source, splits, sizes_px)


def _listed(
    unreadable: list[tuple[str, str]], duplicates: list[list[str]], leaks: list[list[str]], clashes: list[list[str]]
) -> dict[str, list[str]]:
    """Warnings of pictures that can be named, with a few of their names: to the same with all of them, a line each."""
    told: dict[str, list[str]] = {}
    if unreadable:
        bad = [f"{name} {reason}" for name, reason in unreadable]
        sentence = f"{counted(len(bad), 'picture')} cannot be read and will be left out"
        more = f"; and {len(bad) - NAMED} more, which striate check names" if len(bad) > NAMED else ""
        told[f"{sentence}: {'; '.join(bad[:NAMED])}{more}"] = [f"{sentence}:", *bad]
    for groups, where in (
        (clashes, "in more than one class"),
        (leaks, "in more than one split, which flatters what is measured on them"),
        (duplicates, "more than once in one split"),
    ):
        if groups:
            sentence = f"{counted(len(groups), 'picture')} {where}"
            told[f"{sentence}, such as {_equal(groups[0][:NAMED])}"] = [f"{sentence}:", *map(_equal, groups)]
    return told


def _equal(names: list[str]) -> str:
    """Names of equal pictures; one that stands in two splits is one name."""
    return " = ".join(dict.fromkeys(names))
