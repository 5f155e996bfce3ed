"""Windows on a grid over a picture, in several sizes and shapes: where objects may be, before anything is looked at.

The sides of a window are fitted to the picture: a whole number of steps leads from edge to edge, each the same share of
the side. So a network whose windows are that share apart meets them all in a picture that is scaled to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

RATIOS = (0.5, 1.0, 2.0)
"""Height to width of windows of one area."""
SHARES = tuple(2 ** (-step / 2) for step in range(7))
"""Sides of windows as shares of the picture's shorter one, the whole of it first: octaves in two steps."""
STEP = 0.5
"""From one window to the next, as a share of its sides."""


class Grid(NamedTuple):
    """The windows of one size and shape. rows, columns: how many there are down and across."""

    rows: int
    columns: int


def grids(
    size: tuple[int, int], shares: Sequence[float] = SHARES, step: float = STEP, ratios: Sequence[float] = RATIOS
) -> list[Grid]:
    """The grid of each size and shape, the largest windows first, each once. size: of the picture, height and width.

    >>> grids((40, 60), shares=[0.5])
    [Grid(rows=5, columns=3), Grid(rows=3, columns=5), Grid(rows=2, columns=7)]
    """
    sides = [(share * min(size), ratio**0.5) for share in shares for ratio in ratios]
    found = [Grid(_count(size[0], side * root, step), _count(size[1], side / root, step)) for side, root in sides]
    return list(dict.fromkeys(found))


def windows_of(grid: Grid, size: tuple[int, int], step: float = STEP) -> npt.NDArray[np.float32]:
    """Its windows, row by row, float32 (rows * columns, 4): edges in pixels of a picture of that height and width.

    >>> windows_of(Grid(1, 3), (20, 40)).tolist()
    [[0.0, 0.0, 20.0, 20.0], [10.0, 0.0, 30.0, 20.0], [20.0, 0.0, 40.0, 20.0]]
    """
    height, width = (whole / (1 + (count - 1) * step) for whole, count in zip(size, grid, strict=True))
    y, x = height * step * np.arange(grid.rows), width * step * np.arange(grid.columns)
    top, left = (each.ravel() for each in np.meshgrid(y, x, indexing="ij"))
    return np.stack([left, top, left + width, top + height], 1).astype(np.float32)


def sliding_windows(
    size: tuple[int, int], shares: Sequence[float] = SHARES, step: float = STEP, ratios: Sequence[float] = RATIOS
) -> npt.NDArray[np.float32]:
    """Windows of all grids of a picture, float32 (N, 4): edges in pixels, the largest first. size: height and width.

    >>> windows = sliding_windows((40, 60), shares=[1.0])
    >>> len(windows), windows[2:4].tolist()
    (7, [[0.0, 0.0, 40.0, 40.0], [20.0, 0.0, 60.0, 40.0]])
    """
    return np.concatenate([windows_of(grid, size, step) for grid in grids(size, shares, step, ratios)])


def _count(whole: float, side: float, step: float) -> int:
    """Of how many windows from edge to edge the side is nearest to one that is asked for."""
    return round(max(0.0, whole / side - 1) / step) + 1
