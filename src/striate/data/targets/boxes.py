"""Boxes in pictures, each of a class."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from striate.answers.boxes import LOCALISATION
from striate.core.errors import StriateError
from striate.core.reading import decoded
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.boxes.listing import Boxes
from striate.data.geometry import Geometry
from striate.data.picture import working_geometry
from striate.data.targets import BatchTargets, Indices, Review, Sizes
from striate.data.targets.classes import nearly_equal, numbers_among, unequal
from striate.ops.boxes import clipped


@dataclass(frozen=True, eq=False)
class BoxBatch:
    """The boxes of a batch of N pictures, M in all.

    boxes: edges in pixels of these pictures, float32 (M, 4); one that has left its picture is empty. labels: class
    numbers, int64 (M,). picture: number in the batch of the picture that each is in, int64 (M,), ascending. size:
    height and width of the pictures.
    """

    boxes: Tensor
    labels: Tensor
    picture: Tensor
    pictures: int
    size: tuple[int, int]

    def __len__(self) -> int:
        return self.pictures

    def __getitem__(self, rows: slice) -> Self:
        first, end, _ = rows.indices(self.pictures)
        inside = (self.picture >= first) & (self.picture < end)
        picture, count = self.picture[inside] - first, max(0, end - first)
        return type(self)(self.boxes[inside], self.labels[inside], picture, count, self.size)

    def to(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The same where `move` brings them."""
        return type(self)(move(self.boxes), move(self.labels), move(self.picture), self.pictures, self.size)

    def moved(self, geometry: Geometry) -> Self:
        """Where the pixels are, cut at the edges of the result."""
        boxes = clipped(geometry.boxes(self.boxes, self.picture), geometry.size)
        return type(self)(boxes, self.labels, self.picture, self.pictures, geometry.size)

    @property
    def shares(self) -> Tensor:
        """The boxes as shares of width and height, float32 (M, 4): the whole picture is 0, 0, 1, 1."""
        height, width = self.size
        return self.boxes / self.boxes.new_tensor([width, height, width, height])

    @property
    def plain(self) -> dict[str, Tensor]:
        """Boxes, labels and the picture that each is in."""
        return {"boxes": self.boxes, "labels": self.labels, "picture": self.picture}


def boxes_of(targets: BatchTargets) -> BoxBatch:
    """The boxes of a batch. Raises StriateError where it has none."""
    if not isinstance(targets, BoxBatch):
        raise StriateError("this needs pictures with boxes")
    return targets


@dataclass(frozen=True)
class Stated:
    """What data.tsv says of one picture: its size, height before width, and boxes with their classes' names."""

    size: tuple[int, int]
    boxes: tuple[tuple[float, float, float, float], ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class BoxTargets:
    """The boxes of N pictures, M in all.

    boxes: edges in pixels of the upright pictures as they are in their files. labels: class numbers, int64 (M,).
    starts: int64 (N + 1,); those of picture n are starts[n] to starts[n + 1]. sizes_px: of the pictures. names: of the
    classes. findings: what was dropped or cut, as sentences. preprocess: of the network for which they are taken.
    """

    boxes: Boxes
    labels: Indices
    starts: Indices
    sizes_px: Sizes
    names: tuple[str, ...]
    findings: tuple[str, ...] = ()
    preprocess: Preprocess | None = None
    task: str = LOCALISATION

    def __len__(self) -> int:
        return len(self.sizes_px)

    def at(self, preprocess: Preprocess) -> BoxTargets:
        """The same boxes at the working size of a network."""
        return replace(self, preprocess=preprocess)

    @property
    def per_picture(self) -> Indices:
        """How many boxes each picture has, (N,)."""
        counts: Indices = np.diff(self.starts)
        return counts

    @property
    def strata(self) -> Indices | None:
        """The class of each picture where all have one box; else none, so that splits are drawn by name alone."""
        return self.labels if (self.per_picture == 1).all() else None

    @cached_property
    def _working(self) -> Tensor:
        """All boxes at the working size, float32 (M, 4)."""
        boxes, preprocess = torch.from_numpy(self.boxes), self.preprocess
        if preprocess is None:
            return boxes.float()
        working = boxes.clone()
        picture = np.repeat(np.arange(len(self)), self.per_picture)
        for height, width in np.unique(self.sizes_px, axis=0).tolist():
            rows = np.flatnonzero((self.sizes_px[picture] == (height, width)).all(1))
            if height and width and len(rows):
                geometry, one = working_geometry((height, width), preprocess), torch.zeros(len(rows), dtype=torch.int64)
                working[rows] = clipped(geometry.boxes(boxes[rows], one), geometry.size)
        return working.float()

    def take(self, indices: Indices) -> BoxBatch:
        """The boxes of some pictures, at the working size. Raises StriateError where there is none and sizes differ."""
        rows = self._rows(indices)
        picture = np.repeat(np.arange(len(indices)), self.per_picture[indices])
        sizes = {self.preprocess.resize} if self.preprocess else set(map(tuple, self.sizes_px[indices].tolist()))
        if len(sizes) > 1:
            raise StriateError("boxes in pictures of several sizes are no batch; give a size to which they are brought")
        labels, size = torch.from_numpy(self.labels[rows]), next(iter(sizes), (0, 0))
        return BoxBatch(self._working[rows], labels, torch.from_numpy(picture), len(indices), size)

    def _rows(self, indices: Indices) -> Indices:
        """The numbers of the boxes of some pictures."""
        counts = self.per_picture[indices]
        ends = np.cumsum(counts)
        first: Indices = np.repeat(self.starts[indices] - (ends - counts), counts)
        return np.arange(len(first)) + first

    def only(self, indices: Indices) -> BoxTargets:
        """Those of some pictures, in this order."""
        rows = self._rows(indices)
        starts = np.concatenate([[0], np.cumsum(self.per_picture[indices])])
        return replace(
            self, boxes=self.boxes[rows], labels=self.labels[rows], starts=starts, sizes_px=self.sizes_px[indices]
        )

    def numbered(self, names: tuple[str, ...], numbers: Indices) -> BoxTargets:
        """The same boxes among other names."""
        return replace(self, names=names, labels=numbers[self.labels])

    def joined(self, others: Sequence[BoxTargets]) -> BoxTargets:
        """Those of further pictures behind these."""
        parts = [self, *others]
        counts = np.concatenate([each.per_picture for each in parts])
        return replace(
            self,
            boxes=np.concatenate([each.boxes for each in parts]),
            labels=np.concatenate([each.labels for each in parts]),
            starts=np.concatenate([[0], np.cumsum(counts)]),
            sizes_px=np.concatenate([each.sizes_px for each in parts]),
            findings=tuple(said for each in parts for said in each.findings),
        )

    def listed(
        self, texts: Iterable[str], names: Sequence[str] | None, places: Iterable[Indices], file: str
    ) -> BoxTargets:
        """The boxes that a list says; which files hold them now is of no matter."""
        stated = [decoded(text.encode("utf-8", "surrogateescape"), Stated, file) for text in texts]
        labels = [label for each in stated for label in each.labels]
        numbers, unknown = numbers_among(labels, self.names if names is None else names)
        if unknown:
            raise StriateError(f"{file} is damaged: it has a class {min(unknown)!r} that the run was not begun with")
        if any(len(each.labels) != len(each.boxes) for each in stated):
            raise StriateError(f"{file} is damaged: it has a picture with other numbers of boxes and of classes")
        return replace(
            self,
            boxes=np.array([box for each in stated for box in each.boxes], np.float64).reshape(-1, 4),
            labels=numbers,
            starts=np.cumsum([0, *(len(each.boxes) for each in stated)], dtype=np.int64),
            sizes_px=np.array([each.size for each in stated], np.int32).reshape(-1, 2),
            names=self.names if names is None else tuple(names),
        )

    def text(self, index: int) -> str:
        """Size of one picture, its boxes and their classes, as JSON."""
        own = slice(self.starts[index], self.starts[index + 1])
        said = {
            "size": self.sizes_px[index].tolist(),
            "boxes": self.boxes[own].tolist(),
            "labels": [self.names[number] for number in self.labels[own].tolist()],
        }
        return json.dumps(said, separators=(",", ":"), ensure_ascii=False)

    def counts(self, indices: Indices) -> list[int]:
        """Boxes of each class."""
        labels = self.labels[self._rows(indices)]
        counted_here: list[int] = np.bincount(labels, minlength=len(self.names)).tolist()
        return counted_here

    @property
    def counted(self) -> str:
        """Boxes."""
        return "boxes"

    def review(self, source: str, splits: Mapping[str, Indices], sizes_px: Sizes | None = None) -> Review:
        """Whether every class can be learned, what was dropped or cut, and whether there are enough boxes."""
        counts = {split: self.counts(indices) for split, indices in splits.items()}
        empty = [self.names[number] for number, count in enumerate(counts["train"]) if not count]
        some = ", ".join(empty[:3]) + (" ..." if len(empty) > 3 else "")
        lacking = (
            f"{source}: {counted(len(empty), 'class')} ({some}) without a box to train on; add some, or leave it out"
        )
        return Review(
            [lacking] if empty else [],
            [*self.findings, *unequal(self.names, counts), *nearly_equal(self.names)],
        )

    def content(self, indices: Indices) -> bytes:
        """Boxes and class numbers, for a hash."""
        rows = self._rows(indices)
        return self.boxes[rows].tobytes() + self.labels[rows].tobytes() + self.per_picture[indices].tobytes()

    @property
    def described(self) -> str:
        """How many classes."""
        return f"boxes of {counted(len(self.names), 'class')}"
