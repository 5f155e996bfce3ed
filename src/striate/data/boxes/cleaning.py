"""Boxes held against their pictures: what is no box is dropped, what reaches beyond is cut, all of it counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.boxes.listing import Boxes, BoxListing, Flags
from striate.data.boxes.survey import UPRIGHT, Headers, turned_boxes
from striate.data.left_out import NAMED
from striate.data.orientation import SIDEWAYS

MOSTLY = 0.5
LEAST_AT_EDGE, SHARE_AT_EDGE = 3, 0.02  # boxes that end one pixel before the edge, where none ends at it
NO_NUMBER, REVERSED, EMPTY, OUTSIDE, CUT = (
    "with a coordinate that is no number, left out",
    "whose right or bottom edge lies before the other one, left out",
    "without an area, left out",
    "outside of the picture, left out",
    "beyond the edge of the picture, cut there",
)


@dataclass(frozen=True)
class Cleaned:
    """boxes: those that are left, (M, 4). kept: which of the listed ones they are. findings: sentences with counts."""

    boxes: Boxes
    kept: Flags
    findings: tuple[str, ...]


def cleaned(source: str, listing: BoxListing, headers: Headers) -> Cleaned:
    """Drop and cut. A picture that cannot be read keeps its boxes as they are: the check names it.

    Raises StriateError where most boxes are reversed, and where all are shares of the picture in the place of pixels.
    """
    boxes, turned = _upright(listing, headers)
    height, width = headers.sizes_px[listing.picture].astype(np.float64).T
    known = height > 0
    left, top, right, bottom = boxes.T
    no_number = ~np.isfinite(boxes).all(1)
    reversed_ = ~no_number & ((right < left) | (bottom < top))
    empty = ~no_number & ~reversed_ & ((right == left) | (bottom == top))
    whole = ~(no_number | reversed_ | empty)
    outside = whole & known & ((right <= 0) | (bottom <= 0) | (left >= width) | (top >= height))
    kept = whole & ~outside
    cut = kept & known & ((left < 0) | (top < 0) | (right > width) | (bottom > height))
    _refuse_other_units(source, boxes, kept, reversed_, known)
    sides = np.stack([width, height, width, height], 1)
    inside = np.where(known[:, None], np.clip(boxes, 0, sides), boxes)[kept]
    which = {NO_NUMBER: no_number, REVERSED: reversed_, EMPTY: empty, OUTSIDE: outside, CUT: cut}
    said = [_said(listing, flags, what) for what, flags in which.items() if flags.any()]
    said += [*turned, *_one_pixel_short(inside, sides[kept], known[kept])]
    return Cleaned(inside, kept, tuple(said))


def _upright(listing: BoxListing, headers: Headers) -> tuple[Boxes, list[str]]:
    """The boxes in upright pictures, and sentences on those that a camera has stored turned.

    A file that says the size of the picture as it is stored has its boxes there.
    """
    stored, boxes = headers.stored_px, listing.boxes.copy()
    of_stored = (
        np.isin(headers.orientations, SIDEWAYS) & (listing.stated_px == stored).all(1) & (stored[:, 0] != stored[:, 1])
    )
    for number in np.flatnonzero(of_stored).tolist():
        own, size = listing.picture == number, (int(stored[number, 0]), int(stored[number, 1]))
        boxes[own] = turned_boxes(boxes[own], int(headers.orientations[number]), size)
    others = (headers.orientations != UPRIGHT) & ~of_stored
    ways = (
        (of_stored, "turned by their EXIF data, and their boxes with them, which are of the pictures before that"),
        (others, "turned by their EXIF data, whose boxes are taken as of the upright pictures"),
    )
    said = []
    for flags, what in ways:
        if files := [listing.paths[number] for number in np.flatnonzero(flags).tolist()]:
            said.append(f"{counted(len(files), 'picture')} {what}: {_named(files)}")
    return boxes, said


def _refuse_other_units(source: str, boxes: Boxes, kept: Flags, reversed_: Flags, known: Flags) -> None:
    if reversed_.sum() > MOSTLY * max(1, len(boxes)):
        raise StriateError(
            f"{source}: the right or bottom edge of {int(reversed_.sum()):,} of {counted(len(boxes), 'box')} "
            "lies before the other one, as if these were widths and heights; give left, top, right, bottom"
        )
    if (kept & known).any() and boxes[kept & known].max() <= 1:
        raise StriateError(
            f"{source}: every box ends within the first pixel, as if these were shares of the picture; give pixels, "
            "the shares times its width and height"
        )


def _one_pixel_short(boxes: Boxes, sides: Boxes, known: Flags) -> list[str]:
    """A sentence where boxes seem to be said by first and last pixel: many end one before the edge, none at it."""
    ends, edges = boxes[known][:, 2:], sides[known][:, 2:]
    short = int((ends == edges - 1).any(1).sum())
    if (ends == edges).any() or short < max(LEAST_AT_EDGE, SHARE_AT_EDGE * len(ends)):
        return []
    return [
        f"{counted(short, 'box')} end one pixel before the edge of the picture and none at it: if a box's "
        "last pixel is meant, add 1, since edges are read"
    ]


def _said(listing: BoxListing, flags: Flags, what: str) -> str:
    """How many boxes, and in which files."""
    files = [listing.paths[number] for number in np.unique(listing.picture[flags]).tolist()]
    return f"{counted(int(flags.sum()), 'box')} {what}: {_named(files)}"


def _named(files: Sequence[str]) -> str:
    return ", ".join(files[:NAMED]) + (f" and {len(files) - NAMED:,} more" if len(files) > NAMED else "")
