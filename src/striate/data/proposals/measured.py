"""How well a method's proposals cover the objects of a data set, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from striate.core.errors import StriateError
from striate.core.files import new_file
from striate.core.units import counted
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError
from striate.data.proposals import Boxes, Method
from striate.data.proposals.kept import kept_proposals, place_of
from striate.data.scan import Progress
from striate.data.targets import Indices
from striate.data.targets.boxes import BoxTargets
from striate.ops.proposal_recall import Floats, best_overlaps, mean_over_classes, recall

COUNTS = (100, 1000, 2000)
"""Proposals of a picture that are counted."""


@dataclass
class Measured:
    """What came of the pictures so far, M objects in all that count.

    method: as `striate proposals` has it. names: of the classes. pictures: by name, their proposals. overlaps: best
    ones at each of `COUNTS`, (counts, M) in parts. labels: (M,) in parts. seconds: of each picture whose proposals
    were made now. unreadable: pictures that were left out, as sentences.
    """

    method: str
    names: tuple[str, ...]
    pictures: dict[str, Boxes] = field(default_factory=dict)
    overlaps: list[Floats] = field(default_factory=list)
    labels: list[Indices] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON has them; null what nothing was measured of."""
        labels = np.concatenate([np.zeros(0, np.int64), *self.labels])
        best = np.concatenate([np.zeros((len(COUNTS), 0), np.float32), *self.overlaps], 1)
        there = len(labels) > 0
        numbers = [len(boxes) for boxes in self.pictures.values()]
        return {
            "method": self.method,
            "pictures": len(numbers),
            "objects": len(labels),
            "boxes_per_picture": float(np.mean(numbers)) if numbers else None,
            "recall": {str(n): recall(row) if there else None for n, row in zip(COUNTS, best, strict=True)},
            "average_best_overlap": float(best[-1].mean()) if there else None,
            "mean_average_best_overlap": mean_over_classes(best[-1], labels) if there else None,
            "by_class": {
                self.names[label]: {
                    "objects": int((labels == label).sum()),
                    "recall": recall(best[-1][labels == label]),
                    "average_best_overlap": float(best[-1][labels == label].mean()),
                }
                for label in np.unique(labels).tolist()
            },
            "seconds_per_picture": float(np.mean(self.seconds)) if self.seconds else None,
            "made_before": len(numbers) - len(self.seconds),
            "unreadable": self.unreadable,
        }


def boxes_in(dataset: Dataset) -> BoxTargets:
    """The boxes of a data set. Raises StriateError where it has none."""
    if not isinstance(dataset.targets, BoxTargets):
        raise StriateError(
            f"{dataset.source} is for {dataset.targets.task}; proposals are held against boxes, so give pictures with "
            "boxes (COCO, VOC, YOLO or a table), or with masks that number their objects"
        )
    return dataset.targets


def measure(
    dataset: Dataset,
    method: Method,
    found: Measured,
    limit: int | None = None,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Propose boxes in the pictures of a data set, keep them, and add what came of each to `found`.

    limit: so many pictures, the first; all when not given. Objects of which nothing is asked do not count. A picture
    that cannot be read is left out. Whatever interrupts it, `found` has the pictures that were done. Raises
    StriateError for data without boxes.
    """
    targets = boxes_in(dataset)
    chosen = np.sort(np.concatenate(list(dataset.splits.values())))[:limit]
    for done, index in enumerate(chosen.tolist(), start=1):
        try:
            pixels = dataset.pictures.decode(index, 3)
        except DecodeError as error:
            found.unreadable.append(str(error))
            continue
        before, start = place_of(pixels, method).is_file(), clock()
        boxes = kept_proposals(pixels, method)
        seconds = clock() - start
        own = slice(targets.starts[index], targets.starts[index + 1])
        counted_here = ~targets.ignored[own]
        there = targets.boxes[own][counted_here].astype(np.float32)
        found.pictures[dataset.pictures.listed_name(index)] = boxes
        found.overlaps.append(best_overlaps(boxes, there, COUNTS))
        found.labels.append(targets.labels[own][counted_here])
        found.seconds += [] if before else [seconds]
        if progress is not None:
            progress(done, len(chosen))


def write_proposals(file: Path, found: Measured) -> None:
    """Write all proposals as one .npz: names (N,), starts (N + 1,), boxes (P, 4) in pixels.

    Those of picture n are boxes[starts[n]:starts[n + 1]]. Raises StriateError where that cannot be written.
    """
    boxes = [np.zeros((0, 4), np.float32), *found.pictures.values()]
    with new_file(file) as opened:
        np.savez(
            opened,
            names=np.array(list(found.pictures), np.str_),
            starts=np.cumsum([0, *(len(each) for each in boxes[1:])]),
            boxes=np.concatenate(boxes),
        )


def said(found: Measured) -> str:
    """One sentence of what was measured."""
    figures = found.to_dict()
    seconds, before = figures["seconds_per_picture"], figures["made_before"]
    pace = "" if seconds is None else f", {seconds:.2f} s a picture"
    kept = f", {counted(before, 'picture')} made before" if before else ""
    many = 0 if figures["boxes_per_picture"] is None else round(figures["boxes_per_picture"])
    return (
        f"{found.method}: {counted(figures['pictures'], 'picture')}, {counted(figures['objects'], 'object')}, "
        f"{counted(many, 'box')} a picture{pace}{kept}"
    )
