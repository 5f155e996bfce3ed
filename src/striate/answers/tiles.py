"""Large pictures in parts of the size that a network sees, which overlap: where each begins, what is taken of it."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

ALIGNED_PX = 32
"""What the first pixels of tiles are multiples of, for strides of networks to fall alike in all of them."""


class Tile(NamedTuple):
    """A part of a picture.

    top, left: its first pixel in the picture. rows, columns: of the picture, the pixels that are answered by it. size:
    its height and width, which may reach over the picture.
    """

    top: int
    left: int
    rows: slice
    columns: slice
    size: tuple[int, int]

    @property
    def inside(self) -> tuple[slice, slice]:
        """The same pixels, as rows and columns of the tile."""
        return _moved(self.rows, -self.top), _moved(self.columns, -self.left)


def tiles_of(size: tuple[int, int], tile: tuple[int, int]) -> list[Tile]:
    """Tiles by which every pixel of a picture is answered once, by one in whose middle it lies; height before width.

    Neighbours overlap by a quarter of a tile or more, so that every pixel has an eighth of a tile around it, or all
    there is up to the border of the picture. All begin at multiples of `ALIGNED_PX`, where tiles are four times that,
    but for the last ones, which end with the picture. A picture smaller than a tile is one tile, which reaches over it.

    >>> [(each.left, each.columns) for each in tiles_of((100, 300), (128, 128))]
    [(0, slice(0, 112, None)), (96, slice(112, 198, None)), (172, slice(198, 300, None))]
    """
    (rows, columns) = (_spans(whole, side) for whole, side in zip(size, tile, strict=True))
    return [Tile(top, left, down, across, tile) for top, down in rows for left, across in columns]


def _spans(whole: int, side: int) -> list[tuple[int, slice]]:
    """Along one axis, where tiles begin and what is taken of each."""
    step = max(1, side - -(-side // 4))
    if step >= ALIGNED_PX:
        step -= step % ALIGNED_PX
    last = max(0, whole - side)
    starts = [*range(0, last, step), last]
    middles = [(after + before + side) // 2 for before, after in pairwise(starts)]
    ends = zip([0, *middles], [*middles, whole], strict=True)
    return [(start, slice(*taken)) for start, taken in zip(starts, ends, strict=True)]


def _moved(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)
