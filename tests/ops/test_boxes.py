from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.ops.boxes import box_area, box_iou, clipped, intersection, mirrored, pairwise_iou

FEW = settings(max_examples=50, deadline=None, derandomize=True)
WHOLE = st.lists(st.tuples(*[st.integers(-3, 12)] * 4), min_size=1, max_size=6)


def boxes(rows) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def painted(box, side: int = 16, offset: int = 3) -> np.ndarray:
    """The cells of a grid that a box of whole numbers covers: another way to an area."""
    grid = np.zeros((side, side), bool)
    left, top, right, bottom = (int(v) + offset for v in box)
    if right > left and bottom > top:
        grid[top:bottom, left:right] = True
    return grid


@FEW
@given(WHOLE, WHOLE)
def test_every_pair_as_counted_cells(some, others):
    found = pairwise_iou(boxes(some), boxes(others))
    for row, box in enumerate(some):
        for column, other in enumerate(others):
            one, two = painted(box), painted(other)
            expected = (one & two).sum() / max(1, (one | two).sum())
            assert float(found[row, column]) == pytest.approx(expected, abs=1e-12)


@FEW
@given(WHOLE)
def test_the_diagonal_of_all_pairs_is_the_pairing_with_itself(some):
    each = boxes(some)
    torch.testing.assert_close(pairwise_iou(each, each).diagonal(), box_iou(each, each))
    full = box_area(each) > 0
    assert (box_iou(each, each)[full] == 1).all()
    assert (box_iou(each, each)[~full] == 0).all()


@FEW
@given(WHOLE, st.integers(-20, 20), st.sampled_from([0.25, 3.0]))
def test_iou_does_not_change_with_place_scale_and_order(some, shift, scale):
    one, two = boxes(some), boxes(some[::-1])
    same = box_iou(one, two)
    torch.testing.assert_close(box_iou(two, one), same)
    torch.testing.assert_close(box_iou((one + shift) * scale, (two + shift) * scale), same)
    torch.testing.assert_close(box_iou(mirrored(one, 7), mirrored(two, 7)), same)


@FEW
@given(WHOLE, st.integers(1, 9), st.integers(1, 9))
def test_clipping_is_the_part_inside_the_picture(some, height, width):
    each, picture = boxes(some), torch.tensor([0.0, 0, width, height], dtype=torch.float64)
    cut = clipped(each, (height, width))
    assert (cut >= 0).all()
    assert (cut[:, 2] <= width).all()
    assert (cut[:, 3] <= height).all()
    whole = box_area(each) > 0  # a reversed one stays empty
    torch.testing.assert_close(box_area(cut)[whole], box_area(intersection(each, picture))[whole])
    assert (box_area(cut)[~whole] == 0).all()


def test_by_hand():
    one, two = boxes([(0, 0, 4, 2)]), boxes([(1, 1, 5, 3)])  # 3 x 1 shared, 8 + 8 - 3 together
    assert box_iou(one, two).tolist() == [3 / 13]
    assert box_iou(one, boxes([(4, 0, 5, 2)])).tolist() == [0.0]  # they touch
    assert mirrored(mirrored(one, 10), 10).tolist() == one.tolist()


def test_gradients_are_numbers_where_boxes_are_apart_or_empty():
    made = torch.tensor([[0.0, 0, 1, 1], [2, 2, 2, 2], [0, 0, 3, 3]], requires_grad=True)
    box_iou(made, torch.tensor([[5.0, 5, 6, 6], [1, 1, 3, 3], [1, 1, 2, 2]])).sum().backward()
    assert made.grad is not None
    assert made.grad.isfinite().all()
