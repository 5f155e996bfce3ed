"""Boxes held against their pictures: what is no box is dropped, what reaches beyond is cut, all of it counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.boxes.listing import Boxes, BoxListing, Flags
from striate.data.boxes.survey import Headers, in_pixels
from striate.data.boxes.suspicions import said_of, suspicions
from striate.data.boxes.turned import as_upright

MOSTLY = 0.5
SOME = 0.1  # of boxes whose edges are reversed, where all fit as widths and heights
BEYOND_PX = 0.5  # by which a box may reach over an edge unsaid: shares are written with four to six digits
MOST_SHARE = 2.0  # of a picture's side; what is more are pixels
NO_NUMBER, REVERSED, EMPTY, OUTSIDE, IN_SHARES, IN_PIXELS, TWICE, CUT = (
    "with a coordinate that is no number, left out",
    "whose right or bottom edge lies before the other one, left out",
    "without an area, left out",
    "outside of the picture, left out",
    "within the first pixel, as if these were shares of the picture and not pixels, left out",
    "far beyond the picture, as if these were pixels and not shares of it, left out",
    "in the very place of another one of the same class, left out",
    "beyond the edge of the picture, cut there",
)


@dataclass(frozen=True)
class Cleaned:
    """listing: with the boxes that are left, in pixels of upright pictures. findings: sentences with counts."""

    listing: BoxListing
    findings: tuple[str, ...]


def cleaned(source: str, listing: BoxListing, headers: Headers) -> Cleaned:
    """Drop and cut. A picture that cannot be read keeps its boxes as they are: the check names it.

    Raises StriateError where most boxes are reversed, and where all are shares of the picture in the place of pixels,
    or the reverse.
    """
    most = MOST_SHARE if listing.shares else np.inf
    far: Flags = np.abs(listing.boxes).max(1, initial=0) > most
    _refuse_pixels(source, far)
    listing, turned = as_upright(in_pixels(listing, headers), headers)
    boxes = listing.boxes
    height, width = headers.sizes_px[listing.picture].astype(np.float64).T
    known = height > 0
    left, top, right, bottom = boxes.T
    no_number = ~np.isfinite(boxes).all(1)
    reversed_ = ~no_number & ((right < left) | (bottom < top))
    empty = ~no_number & ~reversed_ & ((right == left) | (bottom == top))
    whole = ~(no_number | reversed_ | empty | far)
    outside = whole & known & ((right <= 0) | (bottom <= 0) | (left >= width) | (top >= height))
    whole &= ~outside
    sides = np.stack([width, height, width, height], 1)
    _refuse_other_units(source, boxes, whole & known, reversed_, known, sides)
    first_pixel = whole & known & (right <= 1) & (bottom <= 1) & (np.minimum(width, height) > 1)
    twice = _twice(listing, boxes, whole & ~first_pixel)
    kept = whole & ~first_pixel & ~twice
    inside = np.where(known[:, None], np.clip(boxes, 0, sides), boxes)
    cut = kept & known & (np.abs(inside - boxes) > BEYOND_PX).any(1)
    which = {NO_NUMBER: no_number, REVERSED: reversed_, EMPTY: empty & ~far, OUTSIDE: outside, IN_SHARES: first_pixel}
    which |= {IN_PIXELS: far, TWICE: twice, CUT: cut}
    said = [said_of(listing, flags, what) for what, flags in which.items() if flags.any()]
    left = replace(listing, boxes=inside).only(kept)
    return Cleaned(left, (*said, *turned, *suspicions(left, headers)))


def _twice(listing: BoxListing, boxes: Boxes, whole: Flags) -> Flags:
    """Boxes of the same class, place and picture as one before."""
    number = {label: place for place, label in enumerate(dict.fromkeys(listing.labels))}
    classes = np.array([number[label] for label in listing.labels], np.float64)
    places = np.flatnonzero(whole)
    keys = np.column_stack([listing.picture, classes, boxes.round(2)])[places]
    _, first = np.unique(keys, axis=0, return_index=True)
    twice = whole.copy()
    twice[places[first]] = False
    return twice


def _refuse_pixels(source: str, far: Flags) -> None:
    if far.sum() > MOSTLY * max(1, len(far)):
        raise StriateError(
            f"{source}: {int(far.sum()):,} of {counted(len(far), 'box')} lie far beyond their pictures, as if these "
            "were pixels; YOLO's labels are shares of the picture, the pixels divided by its width and height"
        )


def _fit_as_widths(boxes: Boxes, sides: Boxes) -> bool:
    """Whether all boxes, as left, top, width and height, end within their pictures: edges of that are rare."""
    return bool(len(boxes)) and bool((boxes[:, :2] + boxes[:, 2:] <= sides[:, :2] + BEYOND_PX).all())


def _refuse_other_units(source: str, boxes: Boxes, usable: Flags, reversed_: Flags, known: Flags, sides: Boxes) -> None:
    share = reversed_.sum() / max(1, len(boxes))
    if share > MOSTLY or (share > SOME and _fit_as_widths(boxes[known], sides[known])):
        raise StriateError(
            f"{source}: the right or bottom edge of {int(reversed_.sum()):,} of {counted(len(boxes), 'box')} "
            "lies before the other one, as if these were widths and heights; give left, top, right, bottom"
        )
    if usable.any() and boxes[usable].max() <= 1:
        raise StriateError(
            f"{source}: every box ends within the first pixel, as if these were shares of the picture; give pixels, "
            "the shares times its width and height"
        )
