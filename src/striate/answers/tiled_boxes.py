"""Objects that were found in tiles of a picture, put together: what several tiles have found of one is one.

M objects of all tiles, D of them distinct. Boxes are left, top, right, bottom in pixels of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from striate.answers.tiles import Tile

SAME_FROM = 0.5
"""The IoU, within what two tiles share, from which their objects of one class are one: as boxes are compared."""
AT_EDGE = 0.02
"""Of a tile's side: an object that ends so near to where a tile does, and the picture does not, may go on beyond."""

Boxes = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class InTiles:
    """What was found. boxes: (M, 4). labels: int64, scores: float64, tile: number of each one's, int64, (M,) each.

    places: what each tile covers, a box (T, 4). size: height and width of the picture.
    """

    boxes: Boxes
    labels: Rows
    scores: npt.NDArray[np.float64]
    tile: Rows
    places: Boxes
    size: tuple[int, int]

    def distinct(self) -> tuple[Boxes, Rows]:
        """The objects, (D, 4), and the row that each has its class and score from, best first.

        Where a tile has all of an object, the surest box of those that have is it. One that reaches over the edges of
        all its tiles is what covers its parts, with the best of their scores.
        """
        cut = self._cut()
        left = np.ones(len(self.boxes), np.bool_)
        boxes, rows = [], []
        for seed in np.lexsort((-self.scores, cut)).tolist():  # whole ones first
            if not left[seed]:
                continue
            box, best, parts = self.boxes[seed], seed, [seed]
            left[seed] = False
            for part in parts:  # to which further ones are added
                for same in np.flatnonzero(left & self._same_as(part)).tolist():
                    left[same] = False
                    if cut[seed]:
                        parts.append(same)
                        box = np.concatenate(
                            [np.minimum(box, self.boxes[same])[:2], np.maximum(box, self.boxes[same])[2:]]
                        )
                        best = max(best, same, key=lambda row: float(self.scores[row]))
            boxes.append(box)
            rows.append(best)
        order = np.argsort(-self.scores[rows], kind="stable") if rows else np.zeros(0, np.int64)
        return np.array(boxes, np.float64).reshape(-1, 4)[order], np.array(rows, np.int64)[order]

    def _cut(self) -> npt.NDArray[np.bool_]:
        """Which objects end with their tile where the picture goes on, (M,)."""
        place, (height, width) = self.places[self.tile], self.size
        near = AT_EDGE * np.tile(place[:, 2:] - place[:, :2], 2)
        picture = np.array([0, 0, width, height], np.float64)
        inner = np.concatenate([place[:, :2] > picture[:2], place[:, 2:] < picture[2:]], 1)
        cut: npt.NDArray[np.bool_] = np.any(inner & np.asarray(np.abs(self.boxes - place) <= near), axis=1)
        return cut

    def _same_as(self, row: int) -> npt.NDArray[np.bool_]:
        """Which objects of other tiles are that of a row: of its class, and alike where both tiles look."""
        other = (self.tile != self.tile[row]) & (self.labels == self.labels[row])
        shared = both(self.places[self.tile], self.places[self.tile[row]])
        one, others = both(self.boxes[row], shared), both(self.boxes, shared)
        common, areas = area(both(one, others)), area(one) + area(others)
        same: npt.NDArray[np.bool_] = other & np.asarray((common > 0) & (common >= SAME_FROM * (areas - common)))
        return same


def places_of(tiles: list[Tile], size: tuple[int, int]) -> Boxes:
    """What tiles cover of a picture of that height and width, (T, 4).

    >>> places_of([Tile(0, 40, slice(0, 60), slice(50, 90), (64, 64))], (60, 90)).tolist()
    [[40.0, 0.0, 90.0, 60.0]]
    """
    edges = [(t.left, t.top, min(t.left + t.size[1], size[1]), min(t.top + t.size[0], size[0])) for t in tiles]
    return np.array(edges, np.float64).reshape(-1, 4)


def both(one: Boxes, other: Boxes) -> Boxes:
    """What boxes (..., 4) share with others, empty where they are apart."""
    corners = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:])
    return np.concatenate(corners, -1)


def area(boxes: Boxes) -> npt.NDArray[np.float64]:
    """Of boxes (..., 4); 0 of empty ones."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    product: npt.NDArray[np.float64] = sides[..., 0] * sides[..., 1]
    return product
