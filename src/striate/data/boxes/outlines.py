"""The outlines of objects, polygons or run lengths as files have them: made into pixels when a batch asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.core.errors import StriateError
from striate.data.orientation import TURNS, turned_boxes
from striate.ops.masks import Runs, polygon_runs, require_polygon, union

Corners = npt.NDArray[np.float32]
FEWEST_CORNERS = 3


@dataclass(frozen=True, eq=False)
class Polygons:
    """An object of one or several polygons. parts: the corners of each, x and y in pixels of the picture, (P, 2)."""

    parts: tuple[Corners, ...]

    def scaled(self, width: float, height: float) -> Polygons:
        """The same where corners were shares of a picture of that size."""
        sides = np.array([width, height], np.float32)
        return Polygons(tuple(part * sides for part in self.parts))


Outline = Polygons | Runs


def polygons(parts: Sequence[Sequence[float]]) -> Polygons | None:
    """Of lists of x, y, x, y ...; None where none of them has three corners. Raises StriateError as `require_polygon`.

    >>> polygons([[0, 0, 2, 0, 2, 2], [1, 1]]).parts[0].tolist(), polygons([[1, 2, 3, 4]])
    ([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]], None)
    """
    whole = [part for part in parts if len(part) >= 2 * FEWEST_CORNERS and len(part) % 2 == 0]
    corners = [np.array(part, np.float32).reshape(-1, 2) for part in whole]
    if not corners or not all(np.isfinite(each).all() for each in corners):
        return None
    for each in corners:
        require_polygon(each.astype(np.float64))
    return Polygons(tuple(corners))


def runs(outline: Outline | None, size: tuple[int, int]) -> Runs:
    """The pixels inside as run lengths, of a picture of that height and width; none where there is no outline.

    Raises StriateError where run lengths are of a picture of another size.
    """
    if isinstance(outline, Polygons):
        return union([polygon_runs(part.astype(np.float64), size) for part in outline.parts], size)
    if outline is None:
        return union([], size)
    if outline.size != size:
        raise StriateError(
            f"a mask has {outline.size[1]}x{outline.size[0]} pixels and its picture {size[1]}x{size[0]}; give masks "
            "the size of their pictures"
        )
    return outline


def pixels(outline: Outline | None, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The same, bool (H, W).

    >>> pixels(polygons([[0, 0, 2, 0, 2, 2, 0, 2]]), (3, 3)).astype(int).tolist()
    [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    """
    return runs(outline, size).mask()


def turned(outline: Outline | None, orientation: int, stored: tuple[int, int]) -> Outline | None:
    """An outline of a picture as it is stored, where it is once that is upright. stored: height and width before."""
    if isinstance(outline, Polygons):
        points = [np.concatenate([part, part], 1).astype(np.float64) for part in outline.parts]
        return Polygons(tuple(turned_boxes(each, orientation, stored)[:, :2].astype(np.float32) for each in points))
    if outline is None or orientation not in TURNS:
        return outline
    picture = Image.fromarray(outline.mask()).transpose(TURNS[orientation])
    return Runs.of_mask(np.asarray(picture))


Told = str | tuple[tuple[float, ...], ...] | None
"""An outline in a list of pictures: COCO's text of run lengths, or x, y, x, y ... of each polygon."""


def told(outline: Outline | None) -> Told:
    """An outline as a list has it."""
    if isinstance(outline, Polygons):
        return tuple(tuple(part.ravel().tolist()) for part in outline.parts)
    return None if outline is None else outline.text()


def of_told(said: Told, size: tuple[int, int]) -> Outline | None:
    """The inverse of `told`. size: height and width of the picture."""
    if isinstance(said, str):
        return Runs.of_text(said, size)
    return None if said is None else polygons(said)
