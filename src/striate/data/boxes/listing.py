"""What a reader of boxes has found, whatever its format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from striate.data.boxes.outlines import Outline
from striate.data.left_out import NAMED
from striate.data.targets import Indices, Sizes

Boxes = npt.NDArray[np.float64]
"""Left, top, right and bottom edges in pixels, (M, 4)."""
Flags = npt.NDArray[np.bool_]
Id = int | str
"""What a file calls a picture or a class, beside its name."""


@dataclass(frozen=True)
class BoxListing:
    """N pictures and the M boxes in them, as a file says, not yet held against the pictures.

    paths: of the pictures, below the data's folder. splits: of each, "" where nothing says it. boxes: of all of them.
    labels: names, (M,). picture: number of the picture that each box is in, ascending. difficult: of objects that are
    marked as hard to tell; crowd: of boxes that stand for many objects, both (M,). stated_px: sizes of the pictures as
    the file has them, (N, 2), 0 where it says none. shares: whether boxes are not in pixels, but shares of width and
    height. notes: how it was read. findings: what is odd about it. unannotated: further pictures, of which nothing says
    what they show. broken: why annotations of further pictures cannot be read. category_ids: number in the file of
    every class that it names, also of those without boxes. picture_ids: of the pictures, where the file has any.
    areas: of the objects in pixels, as the file says, (M,), nan where it does not. outlines: of the objects, (M,),
    where they were asked for.
    """

    paths: Sequence[str]
    splits: Sequence[str]
    boxes: Boxes
    labels: Sequence[str]
    picture: Indices
    difficult: Flags
    crowd: Flags
    areas: Boxes
    stated_px: Sizes
    shares: bool = False
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    unannotated: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    category_ids: Mapping[str, Id] = field(default_factory=dict)
    picture_ids: tuple[Id, ...] = ()
    outlines: tuple[Outline | None, ...] = ()

    @property
    def per_picture(self) -> Indices:
        """How many boxes of single objects each picture has, (N,)."""
        return np.bincount(self.picture[~self.crowd], minlength=len(self.paths))

    def only(self, chosen: Flags) -> BoxListing:
        """Some of the boxes, and all pictures. chosen: (M,)."""
        places = np.flatnonzero(chosen).tolist()
        return replace(
            self,
            boxes=self.boxes[chosen],
            labels=[self.labels[place] for place in places],
            outlines=tuple(self.outlines[place] for place in places) if self.outlines else (),
            picture=self.picture[chosen],
            difficult=self.difficult[chosen],
            crowd=self.crowd[chosen],
            areas=self.areas[chosen],
        )


class Marks(TypedDict, total=False):
    """What a file may say of a box besides; see `BoxListing`."""

    difficult: bool
    crowd: bool
    area: float | None
    outline: Outline | None


class Gathered:
    """Pictures and boxes while a file is read; a picture may come again, and boxes in any order.

    >>> gathered = Gathered()
    >>> gathered.add_box("b.jpg", "bee", (0, 0, 4, 4))
    >>> gathered.add_picture("a.jpg", split="val")
    1
    >>> listing = gathered.listing()
    >>> listing.paths, listing.splits, listing.labels, listing.picture.tolist()
    (['b.jpg', 'a.jpg'], ['', 'val'], ['bee'], [0])
    """

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._splits: list[str] = []
        self._sizes: list[tuple[int, int]] = []
        self._picture: list[int] = []
        self._labels: list[str] = []
        self._boxes: list[tuple[float, float, float, float]] = []
        self._marks: list[tuple[bool, bool]] = []
        self._areas: list[float] = []
        self._outlines: list[Outline | None] = []

    def add_picture(self, path: str, split: str = "", size: tuple[int, int] = (0, 0)) -> int:
        """Note a picture, and give its number. size: height and width. Of one that came before nothing changes."""
        number = self._number.setdefault(path, len(self._number))
        if number == len(self._splits):
            self._splits.append(split)
            self._sizes.append(size)
        return number

    def split_of(self, path: str) -> str | None:
        """The split of a picture that has come; None for another one."""
        return self._splits[self._number[path]] if path in self._number else None

    def add_box(self, path: str, label: str, box: tuple[float, float, float, float], **more: Unpack[Marks]) -> None:
        """Note a box in a picture."""
        area = more.get("area")
        self._marks.append((more.get("difficult", False), more.get("crowd", False)))
        self._areas.append(math.nan if area is None else area)
        self._outlines.append(more.get("outline"))
        self._picture.append(self.add_picture(path))
        self._labels.append(label)
        self._boxes.append(box)

    def listing(self) -> BoxListing:
        """All that was noted, boxes in the order of the pictures."""
        picture = np.array(self._picture, np.int64)
        order = np.argsort(picture, kind="stable")
        difficult, crowd = np.array(self._marks, np.bool_).reshape(-1, 2)[order].T
        return BoxListing(
            list(self._number),
            self._splits,
            np.array(self._boxes, np.float64).reshape(-1, 4)[order],
            [self._labels[place] for place in order.tolist()],
            picture[order],
            difficult,
            crowd,
            np.array(self._areas, np.float64)[order],
            np.array(self._sizes, np.int32).reshape(-1, 2),
            outlines=tuple(self._outlines[place] for place in order.tolist()) if any(self._outlines) else (),
        )


def named(files: Sequence[str]) -> str:
    """The first of some files by name, and how many more there are."""
    return ", ".join(files[:NAMED]) + (f" and {len(files) - NAMED:,} more" if len(files) > NAMED else "")
