"""The plane as a grid of places, and the lines of a level through values on it."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from striate.playground.settings import REACH

# Of the four corners of a cell, by which of them are above (1 north-west, 2 north-east, 4 south-east, 8 south-west):
# the pairs of sides (0 north, 1 east, 2 south, 3 west) that a line joins. Where two opposite corners are above, both
# ways are as good, and lines stay apart in one of them.
JOINED: tuple[tuple[tuple[int, int], ...], ...] = (
    (), ((3, 0),), ((0, 1),), ((3, 1),), ((1, 2),), ((3, 0), (1, 2)), ((0, 2),), ((3, 2),),
    ((2, 3),), ((2, 0),), ((0, 1), (2, 3)), ((2, 1),), ((1, 3),), ((1, 0),), ((0, 3),), (),
)  # fmt: skip


@cache
def grid(side: int) -> Tensor:
    """The middles of side x side cells that tile the plane, row by row from the largest x2: (side * side, 2)."""
    middles = ((torch.arange(side) + 0.5) / side * 2 - 1) * REACH
    x2, x1 = torch.meshgrid(-middles, middles, indexing="ij")
    return torch.stack([x1.flatten(), x2.flatten()], 1)


def level_lines(values: np.ndarray, level: float) -> np.ndarray:
    """Straight pieces (pieces, 4) of where values (H, W) cross a level: column and row of both ends, in cells.

    Source: Lorensen and Cline, "Marching cubes", SIGGRAPH 1987, in two dimensions.

    >>> level_lines(np.array([[0.0, 1.0], [0.0, 1.0]]), 0.25)
    array([[0.25, 0.  , 0.25, 1.  ]])
    """
    above = values > level
    corners = above[:-1, :-1] + 2 * above[:-1, 1:] + 4 * above[1:, 1:] + 8 * above[1:, :-1]
    rows, columns = np.nonzero((corners > 0) & (corners < 15))
    pieces = [
        [*_crossing(values, level, row, column, one), *_crossing(values, level, row, column, other)]
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        for one, other in JOINED[corners[row, column]]
    ]
    return np.array(pieces, np.float64).reshape(-1, 4)


def _crossing(values: np.ndarray, level: float, row: int, column: int, side: int) -> tuple[float, float]:
    """Column and row at which a side of a cell crosses a level."""
    (r0, c0), (r1, c1) = (
        ((row, column), (row, column + 1)), ((row, column + 1), (row + 1, column + 1)),
        ((row + 1, column), (row + 1, column + 1)), ((row, column), (row + 1, column)),
    )[side]  # fmt: skip
    share = float((level - values[r0, c0]) / (values[r1, c1] - values[r0, c0]))
    return c0 + share * (c1 - c0), r0 + share * (r1 - r0)
