"""Boxes of pictures that a camera has stored turned: in the upright picture, wherever they were drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from striate.core.units import counted
from striate.data.boxes.listing import BoxListing, named
from striate.data.boxes.outlines import turned
from striate.data.boxes.survey import UPRIGHT, Headers
from striate.data.orientation import SIDEWAYS, turned_boxes


def as_upright(listing: BoxListing, headers: Headers) -> tuple[BoxListing, list[str]]:
    """The boxes and outlines in upright pictures, and sentences on those that a camera has stored turned.

    A file that says the size of the picture as it is stored has its boxes there; so has one that says no size where
    boxes reach beyond the upright picture and not beyond the stored one.
    """
    stored, upright = headers.stored_px, headers.sizes_px
    boxes, outlines = listing.boxes.copy(), list(listing.outlines)
    sideways = np.isin(headers.orientations, SIDEWAYS) & (stored[:, 0] != stored[:, 1])
    said_so = (listing.stated_px == stored).all(1)
    fits = ~(listing.stated_px > 0).any(1) & _fit(listing, stored) & ~_fit(listing, upright)
    of_stored = sideways & (said_so | fits)
    for number in np.flatnonzero(of_stored).tolist():
        own, size = listing.picture == number, (int(stored[number, 0]), int(stored[number, 1]))
        orientation = int(headers.orientations[number])
        boxes[own] = turned_boxes(boxes[own], orientation, size)
        for place in np.flatnonzero(own).tolist() if outlines else ():
            outlines[place] = turned(outlines[place], orientation, size)
    others = (headers.orientations != UPRIGHT) & ~of_stored
    ways = (
        (of_stored, "turned by their EXIF data, and their boxes with them, which are of the pictures before that"),
        (others, "turned by their EXIF data, whose boxes are taken as of the upright pictures"),
    )
    said = []
    for flags, what in ways:
        if files := [listing.paths[number] for number in np.flatnonzero(flags).tolist()]:
            said.append(f"{counted(len(files), 'picture')} {what}: {named(files)}")
    return replace(listing, boxes=boxes, outlines=tuple(outlines)), said


def _fit(listing: BoxListing, sizes: np.ndarray) -> np.ndarray:
    """Whether all boxes of each picture lie within a size, (N,)."""
    height, width = sizes[listing.picture].T
    within = (listing.boxes[:, 2] <= width) & (listing.boxes[:, 3] <= height)
    beyond = np.bincount(listing.picture[~within], minlength=len(sizes))
    fit: np.ndarray = beyond == 0
    return fit
