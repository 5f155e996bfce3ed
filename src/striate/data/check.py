"""Is this data fit to train on? What cannot work is a problem, what a person should know is a warning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.dataset import Dataset
from striate.data.left_out import Inventory, LeftOut
from striate.data.scan import Scan, without_problems
from striate.data.seen import about_seen
from striate.data.wide import about_wide

FEW_PICTURES = 10
IMBALANCE_RATIO = 20
NAMED = 3  # examples in a sentence


@dataclass(frozen=True)
class DataReport:
    """The findings of a check; names of pictures, never numbers.

    counts: pictures per class by split. sizes_px: smallest, median and largest shorter and longer side.
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

    def refuse(self) -> None:
        """Raise StriateError with the first reason why training cannot work, if there is one."""
        if self.problems:
            raise StriateError(self.problems[0])


def check_data(dataset: Dataset, scan: Scan, preprocess: Preprocess | None = None) -> DataReport:
    """Judge a dataset by the scan of its pictures; preprocess: of the network that is to see them, if any."""
    name = dataset.pictures.name
    counts = without_problems(dataset, scan).counts()
    unreadable = [(name(index), reason) for index, reason in sorted(scan.problems.items())]
    duplicates, leaks, clashes = _same_pictures(dataset, scan)
    findings = {
        "unreadable": unreadable,
        "duplicates": [[name(index) for index in group] for group in duplicates],
        "leaks": [[name(index) for index in group] for group in leaks],
        "clashes": [[name(index) for index in group] for group in clashes],
    }
    return DataReport(
        source=dataset.source,
        split_rule=dataset.split_rule,
        classes=dataset.classes,
        counts=counts,
        sizes_px=_sizes(scan),
        problems=_problems(dataset, counts),
        warnings=[
            *dataset.inventory.pictures_left_out,
            *_warnings(dataset, counts, findings),
            *_nearly_equal(dataset.classes),
            *about_seen(scan, preprocess),
            *about_wide(dataset, scan, preprocess),
        ],
        left_out=dataset.inventory.left_out,
        notes=dataset.inventory.notes,
        **findings,  # type: ignore[arg-type]
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
        if len({int(dataset.labels[index]) for index in group}) > 1:
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
    """Raise StriateError, before anything is decoded, where nothing or one class only could be trained on."""
    if problems := _untrainable(dataset, dataset.counts()):
        raise StriateError("; ".join([problems[0], *dataset.inventory.pictures_left_out]))


def _problems(dataset: Dataset, counts: dict[str, list[int]]) -> list[str]:
    problems = _untrainable(dataset, counts)
    if not any(counts.get("val", [])):
        problems.append(
            f"{dataset.source} has no pictures left to validate on; add more, at least three to a class "
            "(one each to train, validate and test)"
        )
    return problems


def _untrainable(dataset: Dataset, counts: dict[str, list[int]]) -> list[str]:
    """Why a classifier cannot be trained. counts: pictures per class by split, or those of them that can be read."""
    source, classes = dataset.source, dataset.classes
    if "train" not in counts:
        return [f"{source} has {' and '.join(counts)} pictures but none to train on"]
    if len(classes) < 2:
        return [
            f"{source} holds one class only ({classes[0]!r}); a classifier needs two or more, "
            "each with its own sub-folder or label"
        ]
    empty = [number for number, count in enumerate(counts["train"]) if count == 0]
    if not empty:
        return []
    elsewhere = [split for split, of_class in counts.items() if any(of_class[number] for number in empty)]
    others = f" (there are some in {' and '.join(elsewhere)})" if elsewhere else ""
    return [
        f"{source}: {_some([classes[number] for number in empty], 'class')} without a readable picture to train on"
        f"{others}; add pictures or remove the class"
    ]


def _warnings(dataset: Dataset, counts: dict[str, list[int]], findings: dict[str, Any]) -> list[str]:
    warnings = list(_listed(**findings))
    totals = np.sum([counts[split] for split in counts], axis=0)
    few = [f"{c} ({n})" for c, n in zip(dataset.classes, totals.tolist(), strict=True) if 0 < n < FEW_PICTURES]
    if few:
        warnings.append(f"{_some(few, 'class')} with fewer than {FEW_PICTURES} pictures")
    train = np.array(counts["train"])
    if train.min() > 0 and train.max() > IMBALANCE_RATIO * train.min():
        largest, smallest = dataset.classes[int(train.argmax())], dataset.classes[int(train.argmin())]
        warnings.append(
            f"classes are unbalanced: {largest} has {train.max()} training pictures, {smallest} {train.min()} "
            f"(1 to {train.max() / train.min():.0f}); look at the accuracy per class, not only at the total"
        )
    return warnings


def _nearly_equal(classes: Sequence[str]) -> list[str]:
    """A warning of classes whose names differ by nothing that is heard."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        groups["".join(name.split()).casefold()].append(name)
    return [
        f"{' and '.join(map(repr, names))} are {len(names)} classes, though their names differ by case or spaces only; "
        "give them one name if they are one class"
        for names in groups.values()
        if len(names) > 1
    ]


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
        (leaks, "in more than one split, which flatters the test figure"),
        (duplicates, "more than once in one split"),
    ):
        if groups:
            sentence = f"{counted(len(groups), 'picture')} {where}"
            told[f"{sentence}, such as {_same(groups)}"] = [f"{sentence}:", *map(" = ".join, groups)]
    return told


def _some(names: list[str], noun: str) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{counted(len(names), noun)} ({', '.join(names[:NAMED])}{more})"


def _same(groups: list[list[str]]) -> str:
    return " = ".join(groups[0][:NAMED])
