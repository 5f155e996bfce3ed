"""Where a grid of chances crosses a half, as closed lines.

Source: Lorensen and Cline, "Marching cubes", SIGGRAPH 1987, in two dimensions: marching squares.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]
Crossing = tuple[int, int, int]
"""A side of a square of the grid: row and column of its first corner, and 1 where it goes down, 0 along."""
Points = list[tuple[float, float]]

LEVEL = 0.5
TOP, RIGHT, BOTTOM, LEFT = (0, 0, 0), (0, 1, 1), (1, 0, 0), (0, 0, 1)
Side = tuple[int, int, int]
# From which side of a square to which the line goes, with what is inside on its left: by which corners are inside, 1
# the upper left, 2 the upper right, 4 the lower right, 8 the lower left. Of two opposite ones the middle decides.
WAYS: dict[int, list[tuple[Side, Side]]] = {
    1: [(LEFT, TOP)], 2: [(TOP, RIGHT)], 3: [(LEFT, RIGHT)], 4: [(RIGHT, BOTTOM)], 5: [(LEFT, TOP), (RIGHT, BOTTOM)],
    6: [(TOP, BOTTOM)], 7: [(LEFT, BOTTOM)], 8: [(BOTTOM, LEFT)], 9: [(BOTTOM, TOP)],
    10: [(TOP, RIGHT), (BOTTOM, LEFT)], 11: [(BOTTOM, RIGHT)], 12: [(RIGHT, LEFT)], 13: [(RIGHT, TOP)],
    14: [(TOP, LEFT)],
}  # fmt: skip
JOINED = {5: [(LEFT, BOTTOM), (RIGHT, TOP)], 10: [(TOP, LEFT), (BOTTOM, RIGHT)]}


def contours(cells: Numbers) -> list[Points]:
    """Closed lines around what is a half or more of a grid (H, W): x and y, a cell being 1 wide; beyond it all is 0.

    Lines around holes go the other way. The first point is not repeated.

    >>> contours(np.array([[1.0]]))
    [[(0.5, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 0.5)]]
    """
    values = np.pad(np.asarray(cells, np.float64), 1)
    following = dict(_steps(values))
    found = []
    while following:
        first, line = next(iter(following)), []
        place = first
        while place in following:
            line.append(_point(values, place))
            place = following.pop(place)
        found.append(line)
    return found


def _steps(values: Numbers) -> Iterator[tuple[Crossing, Crossing]]:
    """For each side that the lines cross, the next one."""
    inside = values >= LEVEL
    corners = inside[:-1, :-1] + 2 * inside[:-1, 1:] + 4 * inside[1:, 1:] + 8 * inside[1:, :-1]
    for row, column in np.argwhere((corners > 0) & (corners < 15)).tolist():
        corner = int(corners[row, column])
        joined = corner in JOINED and values[row : row + 2, column : column + 2].mean() >= LEVEL
        for start, end in (JOINED if joined else WAYS)[corner]:
            yield _at(row, column, start), _at(row, column, end)


def _at(row: int, column: int, side: Side) -> Crossing:
    down, right, along = side
    return row + down, column + right, along


def _point(values: Numbers, place: Crossing) -> tuple[float, float]:
    """Where on a side the level is; the middle of the first cell is at 0.5, and `values` has a border of 1."""
    row, column, down = place
    one, other = float(values[row, column]), float(values[row + down, column + 1 - down])
    share = (LEVEL - one) / (other - one)
    return column - 0.5 + (1 - down) * share, row - 0.5 + down * share
