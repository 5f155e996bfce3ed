"""The boxes of a batch of pictures, which go where its pixels go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import compress
from typing import Self

from torch import Tensor

from striate.core.errors import StriateError
from striate.data.boxes.outlines import Outline
from striate.data.geometry import Geometry
from striate.data.targets import BatchTargets
from striate.ops.boxes import box_area, clipped

LEAST_LEFT = 0.3
"""Of the area of a box; of which a crop leaves less is asked nothing. Source: the random crops of TensorFlow's Object
Detection API (`random_crop_image`, overlap_thresh), where such boxes are taken away, and found objects become wrong.
"""


@dataclass(frozen=True, eq=False)
class BoxBatch:
    """The boxes of a batch of N pictures, M in all.

    boxes: edges in pixels of these pictures, float32 (M, 4). labels: class numbers, int64 (M,). picture: number in the
    batch of the picture that each is in, int64 (M,), ascending. size: height and width of the pictures. ignored: of
    what is neither to be found nor wrong to find, bool (M,). shown_px: height and width of each picture in its file,
    float32 (N, 2), whatever was made of it since. areas: of the objects in pixels of their files, float64 (M,), where
    they are not those of the boxes. masks: which pixels objects have, bool (M, *size), of instances.
    outlines: of instances the objects' outlines in their files, (M,), wherever the pixels are moved; () of mosaics.
    proposals: boxes in the same pictures in which a network is to look, the likeliest of each first, where given.
    """

    boxes: Tensor
    labels: Tensor
    picture: Tensor
    pictures: int
    size: tuple[int, int]
    ignored: Tensor
    shown_px: Tensor
    areas: Tensor | None = None
    masks: Tensor | None = None
    outlines: tuple[Outline | None, ...] = ()
    proposals: BoxBatch | None = None

    def __len__(self) -> int:
        return self.pictures

    def __getitem__(self, rows: slice) -> Self:
        first, end, _ = rows.indices(self.pictures)
        some = self.those((self.picture >= first) & (self.picture < end))
        given = None if self.proposals is None else self.proposals[rows]
        count, shown = max(0, end - first), self.shown_px[first:end]
        return replace(some, picture=some.picture - first, pictures=count, shown_px=shown, proposals=given)

    def those(self, chosen: Tensor) -> Self:
        """Some of the boxes in the same pictures. chosen: bool (M,)."""
        boxes, labels, picture = self.boxes[chosen], self.labels[chosen], self.picture[chosen]
        areas, masks = (None if each is None else each[chosen] for each in (self.areas, self.masks))
        some = replace(self, boxes=boxes, labels=labels, picture=picture, ignored=self.ignored[chosen])
        return replace(some, areas=areas, masks=masks, outlines=tuple(compress(self.outlines, chosen.tolist())))

    def to(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The same where `move` brings them."""
        boxes, labels, picture = map(move, (self.boxes, self.labels, self.picture))
        ignored, shown = map(move, (self.ignored, self.shown_px))
        moved = replace(self, boxes=boxes, labels=labels, picture=picture, ignored=ignored, shown_px=shown)
        areas, masks = (None if each is None else move(each) for each in (self.areas, self.masks))
        given = None if self.proposals is None else self.proposals.to(move)
        return replace(moved, areas=areas, masks=masks, proposals=given)

    def moved(self, geometry: Geometry) -> Self:
        """Where the pixels are, cut at the edges of the result."""
        masks = None if self.masks is None else geometry[self.picture.cpu()].masks(self.masks, fill=False)
        given = None if self.proposals is None else self.proposals.moved(geometry)
        boxes = geometry.boxes(self.boxes, self.picture)
        return replace(self, boxes=boxes, size=geometry.size, masks=masks, proposals=given).cut()

    def cut(self) -> Self:
        """Cut at the edges of the pictures: what is gone is dropped, of which less than LEAST_LEFT is left ignored."""
        inside = clipped(self.boxes, self.size)
        area = box_area(inside)
        mostly_gone = area < LEAST_LEFT * box_area(self.boxes)
        return replace(self, boxes=inside, ignored=self.ignored | mostly_gone).those(area > 0)

    @property
    def shares(self) -> Tensor:
        """The boxes as shares of width and height, float32 (M, 4): the whole picture is 0, 0, 1, 1."""
        height, width = self.size
        return self.boxes / self.boxes.new_tensor([width, height, width, height])

    @property
    def plain(self) -> dict[str, Tensor]:
        """Boxes, labels, the picture that each is in, which of them nothing is asked of, and, of instances, masks."""
        plain = {"boxes": self.boxes, "labels": self.labels, "picture": self.picture, "ignored": self.ignored}
        return plain if self.masks is None else {**plain, "masks": self.masks}


class LoneBoxes(BoxBatch):
    """One box in each picture: one that has left it stays, and is empty."""

    def cut(self) -> Self:
        """Cut at the edges of the pictures."""
        return replace(self, boxes=clipped(self.boxes, self.size))


def boxes_of(targets: BatchTargets) -> BoxBatch:
    """The boxes of a batch. Raises StriateError where it has none."""
    if not isinstance(targets, BoxBatch):
        raise StriateError("this needs pictures with boxes")
    return targets
