from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from of_others import torchvision_module
from striate.ops.boxes import (
    box_area,
    box_giou,
    box_iou,
    clipped,
    intersection,
    mirrored,
    pairwise_giou,
    pairwise_iou,
)

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


def theirs(name: str):
    return getattr(torchvision_module("torchvision.ops.boxes"), name)


@FEW
@given(WHOLE, WHOLE)
def test_overlaps_are_torchvisions(some, others):
    one, two = upright(some), upright(others)
    torch.testing.assert_close(pairwise_iou(one, two), theirs("box_iou")(one, two).nan_to_num(0))
    full = box_area(one)[:, None] + box_area(two) > 0
    expected = theirs("generalized_box_iou")(one, two)
    torch.testing.assert_close(pairwise_giou(one, two)[full], expected[full])


def upright(rows) -> torch.Tensor:
    each = boxes(rows)
    return torch.cat([each[:, :2].minimum(each[:, 2:]), each[:, :2].maximum(each[:, 2:])], 1)


@FEW
@given(WHOLE)
def test_generalised_iou_is_at_most_iou_and_pairs_have_the_aligned_on_their_diagonal(some):
    one, two = boxes(some), boxes(some[::-1])
    giou = box_giou(one, two)
    assert (giou <= box_iou(one, two) + 1e-12).all()
    assert (giou >= -1).all()
    torch.testing.assert_close(pairwise_giou(one, two).diagonal(), giou)
    torch.testing.assert_close(box_giou(two, one), giou)


def test_generalised_iou_by_hand():
    one = boxes([(0, 0, 4, 2)])
    assert box_giou(one, boxes([(1, 1, 5, 3)])).item() == pytest.approx(3 / 13 - 2 / 15)  # 5 x 3 around both
    assert box_giou(one, boxes([(6, 0, 8, 2)])).item() == pytest.approx(-4 / 16)


def test_slopes_are_those_of_small_steps():
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(6, 2, generator=generator, dtype=torch.float64)
    made = torch.cat([corner, corner + 0.2 + torch.rand(6, 2, generator=generator, dtype=torch.float64)], 1)
    one, two = made[:3].requires_grad_(), made[3:].detach().requires_grad_()
    for overlap in (box_iou, box_giou, pairwise_iou, pairwise_giou):
        assert torch.autograd.gradcheck(overlap, (one, two))
