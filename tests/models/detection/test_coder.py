"""Boxes as codes and back: each the inverse of the other, and torchvision's numbers."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from of_others import torchvision_module
from striate.models.detection.coder import LARGEST, Weights, decode, encode

torch.set_num_threads(1)
SSD: Weights = (10.0, 10.0, 5.0, 5.0)
corner, side = st.floats(-500, 500, width=32), st.floats(1, 500, width=32)


def box(left: float, top: float, width: float, height: float) -> list[float]:
    return [left, top, left + width, top + height]


boxes = st.lists(st.builds(box, corner, corner, side, side), min_size=1, max_size=4)


def drawn_boxes(count: int) -> Tensor:
    corners, sizes = torch.rand(count, 2) * 200, torch.rand(count, 2) * 100 + 1
    return torch.cat([corners, corners + sizes], 1)


def test_codes_by_hand() -> None:
    """The centre a quarter of the anchor's width to the right; twice as wide, half as high."""
    anchor, moved = torch.tensor([0.0, 0, 8, 4]), torch.tensor([-2.0, 1, 14, 3])
    expected = [10 * 0.25, 0.0, 5 * math.log(2), -5 * math.log(2)]
    torch.testing.assert_close(encode(moved, anchor, SSD), torch.tensor(expected))


@given(boxes, st.builds(box, corner, corner, st.floats(20, 500, width=32), st.floats(20, 500, width=32)))
def test_decode_inverts_encode(rows: list[list[float]], anchor: list[float]) -> None:
    truth, anchors = torch.tensor(rows), torch.tensor(anchor)
    torch.testing.assert_close(decode(encode(truth, anchors, SSD), anchors, SSD), truth, rtol=1e-4, atol=1e-2)


@given(st.lists(st.tuples(*[st.floats(-2, 2, width=32)] * 4), min_size=1, max_size=4))
def test_encode_inverts_decode(rows: list[tuple[float, float, float, float]]) -> None:
    codes, anchor = torch.tensor(rows), torch.tensor([10.0, 20, 60, 50])
    torch.testing.assert_close(encode(decode(codes, anchor), anchor), codes, rtol=1e-4, atol=1e-4)


def test_codes_are_torchvisions() -> None:
    torch.manual_seed(0)
    coder = torchvision_module("torchvision.models.detection._utils").BoxCoder(SSD)
    truth, anchors, codes = drawn_boxes(50), drawn_boxes(50), torch.randn(50, 4) * 20
    torch.testing.assert_close(encode(truth, anchors, SSD), coder.encode_single(truth, anchors))
    theirs = coder.decode_single(codes, anchors).reshape(50, 4)
    torch.testing.assert_close(decode(codes, anchors, SSD), theirs, rtol=1e-5, atol=1e-3)


def test_codes_of_every_class_are_decoded_at_once() -> None:
    anchors, codes = drawn_boxes(3), torch.randn(3, 5, 4)
    found = decode(codes, anchors[:, None])
    assert found.shape == (3, 5, 4)
    torch.testing.assert_close(found[:, 4], decode(codes[:, 4], anchors))


def test_a_width_that_was_never_learned_is_bounded() -> None:
    found = decode(torch.tensor([0.0, 0, 1e30, LARGEST]), torch.tensor([0.0, 0, 16, 16]))
    torch.testing.assert_close(found, torch.tensor([-492.0, -492, 508, 508]))  # 1,000 px about 8
