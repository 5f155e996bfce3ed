"""Level lines lie where the level is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from striate.playground.plane import grid, level_lines

VALUES = arrays(np.float64, (5, 6), elements=st.floats(-1, 1).map(lambda value: round(value, 3)))


def between(values, column, row):
    """The value at a place on a side of a cell."""
    r, c = int(np.floor(row)), int(np.floor(column))
    r1, c1 = min(r + 1, values.shape[0] - 1), min(c + 1, values.shape[1] - 1)
    down, right = row - r, column - c
    return values[r, c] * (1 - down - right) + values[r1, c] * down + values[r, c1] * right


@settings(deadline=None)
@given(VALUES, st.sampled_from([-0.5, 0.0005, 0.5]))
def test_both_ends_of_every_piece_are_at_the_level(values, level):
    for x0, y0, x1, y1 in level_lines(values, level):
        assert min(x0 % 1, y0 % 1) == 0 and min(x1 % 1, y1 % 1) == 0  # on a side of a cell
        assert between(values, x0, y0) == pytest.approx(level, abs=1e-9)
        assert between(values, x1, y1) == pytest.approx(level, abs=1e-9)


@settings(deadline=None)
@given(VALUES)
def test_lines_end_at_the_border_only(values):
    pieces = level_lines(values, 0.0005).round(9)
    ends = [tuple(end) for piece in pieces for end in (piece[:2], piece[2:])]
    inside = [(x, y) for x, y in ends if 0 < x < 5 and 0 < y < 4 and (x % 1 or y % 1)]
    assert all(inside.count(end) % 2 == 0 for end in inside)


def test_a_circle_is_a_circle():
    places = grid(60).numpy()
    pieces = level_lines(np.linalg.norm(places, axis=1).reshape(60, 60), 3.0)
    middles = (pieces[:, :2] + 0.5) / 60 * 12 - 6
    np.testing.assert_allclose(np.linalg.norm(middles, axis=1), 3, atol=0.01)
    lengths = np.linalg.norm(pieces[:, 2:] - pieces[:, :2], axis=1) / 60 * 12
    assert lengths.sum() == pytest.approx(2 * np.pi * 3, rel=0.01)


def test_the_grid_begins_at_the_north_west():
    assert grid(2).tolist() == [[-3, 3], [3, 3], [-3, -3], [3, -3]]
