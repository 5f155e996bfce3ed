"""What boxes that could be read make one doubt: sentences that count, and name the first files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from striate.core.units import counted
from striate.data.boxes.listing import Boxes, BoxListing, Flags, named
from striate.data.boxes.survey import Headers

LEAST_AT_EDGE, SHARE_AT_EDGE = 3, 0.02  # boxes that end one pixel before the edge, where none ends at it
TINY_PX = 1.0
SAME_IOU = 0.95


def suspicions(listing: BoxListing, headers: Headers) -> Iterator[str]:
    """All there are. listing: of boxes in the upright pictures, cut at their edges."""
    boxes = listing.boxes
    height, width = headers.sizes_px[listing.picture].astype(np.float64).T
    known = height > 0
    yield from _other_sizes(listing, headers)
    yield from _at_the_edges(boxes[known], np.stack([width, height], 1)[known])
    tiny = known & (np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) < TINY_PX)
    if tiny.any():
        yield said_of(listing, tiny, "less than a pixel wide or high")
    yield from _in_one_place(listing, boxes)


def said_of(listing: BoxListing, flags: Flags, what: str) -> str:
    """How many boxes are something, and in which files."""
    files = [listing.paths[number] for number in np.unique(listing.picture[flags]).tolist()]
    return f"{counted(int(flags.sum()), 'box')} {what}: {named(files)}"


def _other_sizes(listing: BoxListing, headers: Headers) -> Iterator[str]:
    """Pictures that are not as large as the file of their boxes says, either way round."""
    stated, stored = listing.stated_px, headers.stored_px
    other = (stated > 0).all(1) & (stored > 0).all(1) & (stated != stored).any(1) & (stated != headers.sizes_px).any(1)
    if files := [listing.paths[number] for number in np.flatnonzero(other).tolist()]:
        yield (
            f"{counted(len(files), 'picture')} of another size than their annotations say, so that boxes may be of "
            f"other pictures: {named(files)}"
        )


def _at_the_edges(boxes: Boxes, sides: Boxes) -> Iterator[str]:
    """Where boxes seem to be said by pixels that count from 1, or whose last one belongs.

    Of many boxes some touch the picture's edges: many begin one pixel behind, or end one before, and none there.
    """
    least = max(LEAST_AT_EDGE, SHARE_AT_EDGE * len(boxes))
    begins, ends = boxes[:, :2], boxes[:, 2:]
    late, short = int((begins == 1).any(1).sum()), int((ends == sides - 1).any(1).sum())
    if late >= least and not (begins == 0).any():
        yield (
            f"{counted(late, 'box')} begin one pixel behind the edge of the picture and none at it: if pixels count "
            "from 1, take 1 off from left and top, since edges are read"
        )
    if short >= least and not (ends == sides).any():
        yield (
            f"{counted(short, 'box')} end one pixel before the edge of the picture and none at it: if a box's "
            "last pixel is meant, add 1, since edges are read"
        )


def _in_one_place(listing: BoxListing, boxes: Boxes) -> Iterator[str]:
    """Boxes that cover one another: of one class, as if labelled twice, or of two."""
    again, several = np.zeros(len(boxes), np.bool_), np.zeros(len(boxes), np.bool_)
    labels = np.array(listing.labels, object)
    single = ~listing.crowd
    for start, end in _runs(listing):
        own = np.flatnonzero(single[start:end]) + start
        same = np.tril(_pairwise(boxes[own]) >= SAME_IOU, -1)
        for later, earlier in np.argwhere(same).tolist():
            marked = again if labels[own[later]] == labels[own[earlier]] else several
            marked[own[later]] = True
    if again.any():
        yield said_of(listing, again, "that cover another one of their class, as if labelled twice")
    if several.any():
        yield said_of(listing, several, "that cover one of another class, so that one object has two")


def _runs(listing: BoxListing) -> Iterator[tuple[int, int]]:
    """First and end of the boxes of each picture that has several."""
    starts = np.searchsorted(listing.picture, np.arange(len(listing.paths) + 1))
    return ((start, end) for start, end in zip(starts.tolist(), starts[1:].tolist(), strict=False) if end - start > 1)


def _pairwise(boxes: Boxes) -> Boxes:
    """Intersection over union of every box with every other one, (n, n)."""
    corner, end = np.maximum(boxes[:, None, :2], boxes[None, :, :2]), np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (end - corner).clip(0).prod(2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    iou: Boxes = shared / (area[:, None] + area - shared).clip(np.finfo(np.float64).tiny)
    return iou
