"""Boxes in pictures, each of a class."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.answers.boxes import LOCALISATION
from striate.answers.instances import INSTANCES
from striate.core.errors import StriateError
from striate.core.reading import decoded
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.boxes.listing import Boxes, Flags, Id
from striate.data.boxes.outlines import Outline, Told, of_told, pixels, told
from striate.data.masks.mask_file import to_working_mask
from striate.data.picture import working_geometry
from striate.data.targets import Indices, Review, Sizes
from striate.data.targets.box_batch import LEAST_LEFT, BoxBatch, LoneBoxes, boxes_of
from striate.data.targets.classes import nearly_equal, numbers_among, unequal
from striate.ops.boxes import box_area

__all__ = ["LEAST_LEFT", "BoxBatch", "BoxTargets", "LoneBoxes", "boxes_of"]

SMALL_PX, LARGE_PX = 32, 96  # sides of squares of equal area. Source: cocodataset.org, detection-eval


Areas = npt.NDArray[np.float64]


def areas_of(boxes: Boxes) -> Areas:
    """Of boxes (M, 4), (M,).

    >>> areas_of(np.array([[1.0, 1, 3, 4]])).tolist()
    [6.0]
    """
    return box_area(torch.from_numpy(boxes)).numpy()


@dataclass(frozen=True)
class Stated:
    """What data.tsv says of one picture: its size, height before width, and boxes with their classes' names.

    ignored: of each box, whether nothing is asked of it; () of no box, and in lists of earlier versions. outlines: of
    each object, of instances. areas: of each object, where they are not those of the boxes.
    """

    size: tuple[int, int]
    boxes: tuple[tuple[float, float, float, float], ...]
    labels: tuple[str, ...]
    ignored: tuple[bool, ...] = ()
    outlines: tuple[Told, ...] = ()
    areas: tuple[float, ...] = ()

    @property
    def edges(self) -> Boxes:
        """The boxes, (M, 4)."""
        return np.array(self.boxes, np.float64).reshape(-1, 4)

    @property
    def fits(self) -> bool:
        """Whether each box has all that any has."""
        count = len(self.boxes)
        return len(self.labels) == count and {len(self.ignored), len(self.outlines), len(self.areas)} <= {0, count}


@dataclass(frozen=True, eq=False)
class BoxTargets:
    """The boxes of N pictures, M in all.

    boxes: edges in pixels of the upright pictures as they are in their files. labels: class numbers, int64 (M,).
    ignored: of what is neither to be found nor wrong to find, bool (M,): VOC's difficult objects, COCO's crowds.
    starts: int64 (N + 1,); those of picture n are starts[n] to starts[n + 1]. sizes_px: of the pictures. names: of the
    classes. task: localisation, which needs one box in every picture, or detection. findings: what was dropped or cut,
    as sentences. preprocess: of the network for which they are taken. category_ids: what the data's file calls its
    classes, by name, and picture_ids what it calls the pictures, (N,); empty where it does not. areas: of the objects
    in pixels, (M,), where they are not those of their boxes. outlines: of the objects, (M,), of instances.
    """

    boxes: Boxes
    labels: Indices
    ignored: Flags
    starts: Indices
    sizes_px: Sizes
    names: tuple[str, ...]
    task: str
    findings: tuple[str, ...] = ()
    preprocess: Preprocess | None = None
    category_ids: Mapping[str, Id] = field(default_factory=dict)
    picture_ids: tuple[Id, ...] = ()
    areas: Areas | None = None
    outlines: tuple[Outline | None, ...] = ()

    def __len__(self) -> int:
        return len(self.sizes_px)

    def at(self, preprocess: Preprocess) -> Self:
        """The same boxes at the working size of a network."""
        return replace(self, preprocess=preprocess)

    @property
    def own_areas(self) -> Areas:
        """Of the objects, (M,); of the boxes where nothing else is known."""
        return areas_of(self.boxes) if self.areas is None else self.areas

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
        """All boxes at the working size, float32 (M, 4), not yet cut at its edges."""
        boxes, preprocess = torch.from_numpy(self.boxes), self.preprocess
        if preprocess is None:
            return boxes.float()
        working = boxes.clone()
        picture = np.repeat(np.arange(len(self)), self.per_picture)
        for height, width in np.unique(self.sizes_px, axis=0).tolist():
            rows = np.flatnonzero((self.sizes_px[picture] == (height, width)).all(1))
            if height and width and len(rows):
                geometry, one = working_geometry((height, width), preprocess), torch.zeros(len(rows), dtype=torch.int64)
                working[rows] = geometry.boxes(boxes[rows], one)
        return working.float()

    def take(self, indices: Indices) -> BoxBatch:
        """The boxes of some pictures, at the working size. Raises StriateError where there is none and sizes differ."""
        rows = self._rows(indices)
        picture = np.repeat(np.arange(len(indices)), self.per_picture[indices])
        sizes = {self.preprocess.resize} if self.preprocess else set(map(tuple, self.sizes_px[indices].tolist()))
        if len(sizes) > 1:
            raise StriateError("boxes in pictures of several sizes are no batch; give a size to which they are brought")
        labels, ignored = torch.from_numpy(self.labels[rows]), torch.from_numpy(self.ignored[rows])
        kind = LoneBoxes if self.task == LOCALISATION else BoxBatch
        shown, size = torch.from_numpy(self.sizes_px[indices]).float(), next(iter(sizes), (0, 0))
        areas = None if self.areas is None else torch.from_numpy(self.areas[rows])
        batch = kind(self._working[rows], labels, torch.from_numpy(picture), len(indices), size, ignored, shown, areas)
        if self.task == INSTANCES:
            shown_sizes = [(int(height), int(width)) for height, width in self.sizes_px[indices][picture].tolist()]
            outlines = tuple(self.outlines[row] for row in rows.tolist())
            masks = working_masks(outlines, shown_sizes, self.preprocess)
            batch = replace(batch, masks=masks, outlines=outlines)
        return batch if self.preprocess is None else batch.cut()

    def _rows(self, indices: Indices) -> Indices:
        """The numbers of the boxes of some pictures."""
        counts = self.per_picture[indices]
        ends = np.cumsum(counts)
        first: Indices = np.repeat(self.starts[indices] - (ends - counts), counts)
        return np.arange(len(first)) + first

    def only(self, indices: Indices) -> Self:
        """Those of some pictures, in this order."""
        rows = self._rows(indices)
        starts = np.concatenate([[0], np.cumsum(self.per_picture[indices])])
        boxes, labels, ignored = self.boxes[rows], self.labels[rows], self.ignored[rows]
        sizes = self.sizes_px[indices]
        ids = tuple(self.picture_ids[index] for index in indices.tolist()) if self.picture_ids else ()
        outlines = tuple(self.outlines[row] for row in rows.tolist()) if self.outlines else ()
        some = replace(self, boxes=boxes, labels=labels, ignored=ignored, starts=starts, sizes_px=sizes)
        return replace(some, picture_ids=ids, areas=None if self.areas is None else self.areas[rows], outlines=outlines)

    def numbered(self, names: tuple[str, ...], numbers: Indices) -> Self:
        """The same boxes among other names."""
        return replace(self, names=names, labels=numbers[self.labels])

    def joined(self, others: Sequence[Self]) -> Self:
        """Those of further pictures behind these."""
        parts = [self, *others]
        counts, known = np.concatenate([each.per_picture for each in parts]), all(each.picture_ids for each in parts)
        return replace(
            self,
            boxes=np.concatenate([each.boxes for each in parts]),
            labels=np.concatenate([each.labels for each in parts]),
            ignored=np.concatenate([each.ignored for each in parts]),
            starts=np.concatenate([[0], np.cumsum(counts)]),
            sizes_px=np.concatenate([each.sizes_px for each in parts]),
            findings=tuple(said for each in parts for said in each.findings),
            picture_ids=tuple(one for each in parts for one in each.picture_ids) if known else (),
            areas=np.concatenate([each.own_areas for each in parts])
            if any(e.areas is not None for e in parts)
            else None,
            outlines=tuple(one for each in parts for one in each.outlines),
        )

    def listed(self, texts: Iterable[str], names: Sequence[str] | None, places: Iterable[Indices], file: str) -> Self:
        """The boxes that a list says; which files hold them now is of no matter."""
        stated = [decoded(text.encode("utf-8", "surrogateescape"), Stated, file) for text in texts]
        labels = [label for each in stated for label in each.labels]
        numbers, unknown = numbers_among(labels, self.names if names is None else names)
        if unknown:
            raise StriateError(f"{file} is damaged: it has a class {min(unknown)!r} that the run was not begun with")
        outlined = sum(len(each.outlines) for each in stated) if self.task == INSTANCES else len(labels)
        areas = [area for each in stated for area in each.areas or areas_of(each.edges).tolist()]
        if not all(each.fits for each in stated) or outlined != len(labels):
            raise StriateError(f"{file} is damaged: it has a picture with other numbers of boxes and of classes")
        ignored = [flag for each in stated for flag in each.ignored or (False,) * len(each.boxes)]
        return replace(
            self,
            boxes=np.concatenate([np.zeros((0, 4)), *(each.edges for each in stated)]),
            labels=numbers,
            ignored=np.array(ignored, np.bool_),
            starts=np.cumsum([0, *(len(each.boxes) for each in stated)], dtype=np.int64),
            sizes_px=np.array([each.size for each in stated], np.int32).reshape(-1, 2),
            names=self.names if names is None else tuple(names),
            picture_ids=(),
            areas=np.array(areas, np.float64) if any(each.areas for each in stated) else None,
            outlines=tuple(of_told(told, each.size) for each in stated for told in each.outlines),
        )

    def text(self, index: int) -> str:
        """Size of one picture, its boxes and their classes, as JSON."""
        own = slice(self.starts[index], self.starts[index + 1])
        said = {
            "size": self.sizes_px[index].tolist(),
            "boxes": self.boxes[own].tolist(),
            "labels": [self.names[number] for number in self.labels[own].tolist()],
        }
        if self.ignored[own].any():
            said["ignored"] = self.ignored[own].tolist()
        if self.areas is not None:
            said["areas"] = self.areas[own].tolist()
        if self.outlines:
            said["outlines"] = list(map(told, self.outlines[own]))
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
        known = [*self.findings, *unequal(self.names, counts, "boxes"), *nearly_equal(self.names)]
        if not sum(counts["train"]):
            return Review([f"{source} has no box to train on; add pictures with some"], known)
        empty = [self.names[number] for number, count in enumerate(counts["train"]) if not count]
        remarks = () if self.task == LOCALISATION else (self._amounts(np.concatenate(list(splits.values()))),)
        if not empty:
            return Review([], known, remarks)
        some = f"{counted(len(empty), 'class')} ({', '.join(empty[:3])}{' ...' if len(empty) > 3 else ''})"
        lacking = f"{source}: {some} without a box to train on; add some, or leave it out"
        return Review([lacking], known) if self.task == LOCALISATION else Review([], [lacking, *known], remarks)

    def _amounts(self, indices: Indices) -> str:
        """How many boxes pictures have, and how large they are, in the pixels of their files, as COCO tells sizes."""
        each, rows = self.per_picture[indices], self._rows(indices)
        sides = np.sqrt(self.own_areas[rows])
        small, large = (sides < SMALL_PX).mean(), (sides >= LARGE_PX).mean()
        none = f", none in {counted(int((each == 0).sum()), 'picture')}" if (each == 0).any() else ""
        return (
            f"{each.mean():.1f} boxes a picture, {each.max():,} at most{none}; {small:.0%} are small (below "
            f"{SMALL_PX}x{SMALL_PX} px), {1 - small - large:.0%} medium, {large:.0%} large "
            f"(from {LARGE_PX}x{LARGE_PX} px)"
        )

    def content(self, indices: Indices) -> bytes:
        """Boxes and class numbers, for a hash."""
        rows = self._rows(indices)
        said = self.boxes[rows].tobytes() + self.labels[rows].tobytes() + self.per_picture[indices].tobytes()
        outlines = repr([told(self.outlines[row]) for row in rows.tolist()]).encode() if self.outlines else b""
        return said + (self.ignored[rows].tobytes() if self.ignored[rows].any() else b"") + outlines

    @property
    def described(self) -> str:
        """How many classes."""
        return f"boxes of {counted(len(self.names), 'class')}"


def working_masks(
    outlines: Sequence[Outline | None], sizes: Sequence[tuple[int, int]], preprocess: Preprocess | None
) -> Tensor:
    """The pixels of objects at the working size of a network, bool (M, h, w). sizes: of the picture of each.

    Without preprocessing, all pictures must be of one size.
    """
    masks = [pixels(outline, size) for outline, size in zip(outlines, sizes, strict=True)]
    if preprocess is not None:
        masks = [to_working_mask(mask.view(np.uint8), preprocess) == 1 for mask in masks]
        return torch.from_numpy(np.stack(masks) if masks else np.zeros((0, *preprocess.resize), np.bool_))
    return torch.from_numpy(np.stack(masks) if masks else np.zeros((0, 0, 0), np.bool_))
