"""The pictures of boxes by their headers: how large they are, and which of them a camera has stored turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from striate.data.boxes.listing import BoxListing
from striate.data.boxes.outlines import Polygons
from striate.data.decode import DecodeError, file_content, opened_picture
from striate.data.orientation import SIDEWAYS, orientation
from striate.data.scan import Progress
from striate.data.targets import Sizes
from striate.data.threads import in_threads

UPRIGHT = 1


@dataclass(frozen=True)
class Headers:
    """sizes_px: upright, (N, 2), 0 of what cannot be read. orientations: EXIF's numbers, (N,), 1 where it says none."""

    sizes_px: Sizes
    orientations: npt.NDArray[np.int8]

    @property
    def stored_px(self) -> Sizes:
        """Sizes as they lie in the files, before anything is turned."""
        sideways = np.isin(self.orientations, SIDEWAYS)[:, None]
        return np.where(sideways, self.sizes_px[:, ::-1], self.sizes_px)


def read_headers(root: Path, paths: Sequence[str], progress: Progress | None = None) -> Headers:
    """Look at every picture's header, in parallel. paths: below the root."""

    def look(path: str) -> tuple[int, int, int]:
        try:
            with opened_picture(file_content(root / path), path) as (picture, exif):
                turned = orientation(exif)
                height, width = picture.height, picture.width
        except DecodeError:  # the check says which, and why
            return 0, 0, UPRIGHT
        return (width, height, turned) if turned in SIDEWAYS else (height, width, turned)

    rows = np.zeros((len(paths), 3), np.int32)
    for index, found in enumerate(in_threads(look, paths)):
        rows[index] = found
        if progress is not None:
            progress(index + 1, len(paths))
    return Headers(rows[:, :2], rows[:, 2].clip(0, 127).astype(np.int8))


def in_pixels(listing: BoxListing, headers: Headers) -> BoxListing:
    """A listing whose boxes are in pixels of the upright pictures, also where the file has shares of them."""
    if not listing.shares:
        return listing
    sides = headers.sizes_px[listing.picture][:, [1, 0, 1, 0]]
    outlines = tuple(
        each.scaled(width, height) if isinstance(each, Polygons) else each
        for each, (width, height) in zip(listing.outlines, sides[:, :2].tolist(), strict=False)
    )
    boxes = np.where(sides > 0, listing.boxes * sides, listing.boxes)
    return replace(listing, boxes=boxes, outlines=outlines, shares=False)
