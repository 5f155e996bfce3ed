"""Windows on a grid: inside, of the shapes asked for, dense enough for every box."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.ops.boxes import pairwise_iou
from striate.ops.sliding_windows import sliding_windows


@settings(max_examples=30, deadline=None)
@given(st.integers(16, 200), st.integers(16, 200))
def test_windows_are_inside_each_once_the_largest_first(height, width):
    found = sliding_windows((height, width))
    assert len(np.unique(found, axis=0)) == len(found)
    assert found.min() >= 0
    assert found[:, 2].max() == pytest.approx(width, abs=1e-3)
    assert found[:, 3].max() == pytest.approx(height, abs=1e-3)
    assert (found[:, 2:] > found[:, :2]).all()
    areas = (found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1])
    assert areas[0] > 8 * areas[-1]


@settings(max_examples=30, deadline=None)
@given(st.floats(0.15, 0.9), st.floats(0, 1), st.floats(0, 1))
def test_a_square_of_any_size_and_place_meets_a_window_by_a_third(side, x, y):
    side, left, top = 100 * side, (100 - 100 * side) * x, (100 - 100 * side) * y
    box = torch.tensor([[left, top, left + side, top + side]])
    assert pairwise_iou(box, torch.from_numpy(sliding_windows((100, 100)))).max() > 1 / 3
