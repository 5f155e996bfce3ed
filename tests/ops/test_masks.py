"""Run lengths, polygons and overlaps against pycocotools, pasting against torch's own sampling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.core.errors import StriateError
from striate.ops.masks import Runs, mask_iou, polygon_runs, union
from striate.ops.pasting import pasted

coco = pytest.importorskip("pycocotools.mask")

FEW = settings(max_examples=80, deadline=None, derandomize=True)
SIZES = st.tuples(st.integers(1, 30), st.integers(1, 30))
CORNERS = st.lists(st.tuples(*[st.one_of(st.integers(-3, 33), st.floats(-8, 40))] * 2), min_size=3, max_size=9)


def drawn(size: tuple[int, int], seed: int, share: float = 0.5) -> np.ndarray:
    return np.random.default_rng(seed).random(size) < share


def theirs(mask: np.ndarray) -> dict:
    return coco.encode(np.asfortranarray(mask, np.uint8))


@FEW
@given(SIZES, st.integers(0, 20), st.sampled_from([0.0, 0.1, 0.9, 1.0]))
def test_run_lengths_and_texts_are_pycocotools_and_lead_back(size, seed, share):
    mask = drawn(size, seed, share)
    runs, expected = Runs.of_mask(mask), theirs(mask)
    assert runs.text() == expected["counts"].decode()
    assert runs.area == coco.area(expected) == mask.sum()
    for again in (runs, Runs.of_text(expected["counts"], size), Runs.of_counts(runs.counts.tolist(), size)):
        assert (again.mask() == mask).all()


def test_runs_of_thousands_of_pixels():
    mask = np.zeros((700, 900), bool)
    mask[3:600, 5:800] = drawn((597, 795), 0, 0.999)
    mask[:, 850] = True
    assert Runs.of_mask(mask).text() == theirs(mask)["counts"].decode()
    assert (Runs.of_text(Runs.of_mask(mask).text(), mask.shape).mask() == mask).all()


@FEW
@given(CORNERS, SIZES)
def test_polygons_are_pycocotools_pixel_for_pixel(corners, size):
    expected = coco.frPyObjects([[float(v) for corner in corners for v in corner]], *size)[0]
    assert polygon_runs(np.array(corners, float), size).text() == expected["counts"].decode()


@FEW
@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20), st.floats(0, 30)), min_size=1, max_size=4), SIZES)
def test_an_object_of_several_polygons(places, size):
    polygons = [np.array([(x, y), (x + side, y + 1), (x + 2, y + side)]) for x, y, side in places]
    parts = coco.frPyObjects([polygon.ravel().tolist() for polygon in polygons], *size)
    found = union([polygon_runs(polygon, size) for polygon in polygons], size)
    assert found.text() == coco.merge(parts)["counts"].decode()


def test_the_union_of_none_is_empty():
    assert union([], (3, 2)).counts.tolist() == [6]


@FEW
@given(SIZES, st.integers(0, 4), st.integers(0, 4), st.integers(0, 9))
def test_overlaps_and_the_rule_of_crowds_are_pycocotools(size, some, others, seed):
    masks = [drawn(size, seed + place, share) for place, share in enumerate([0.1, 0.6, 0.0, 1.0, 0.5, 0.3, 0.0, 0.8])]
    found, truth = masks[:some], masks[8 - others :]
    crowd = np.arange(others) % 2 == 1
    ours = mask_iou([Runs.of_mask(m) for m in found], [Runs.of_mask(m) for m in truth], crowd)
    assert ours.shape == (some, others)
    if some and others:
        expected = coco.iou([theirs(m) for m in found], [theirs(m) for m in truth], crowd.astype(np.uint8).tolist())
        assert ours.tolist() == expected.tolist()


def test_by_hand():
    square = polygon_runs(np.array([[1, 1], [3, 1], [3, 3], [1, 3]]), (4, 4))
    assert square.counts.tolist() == [5, 2, 2, 2, 5]  # a column and a pixel; two; two; two; the rest
    shifted = Runs.of_mask(np.roll(square.mask(), 1, 1))
    assert mask_iou([square], [shifted]).tolist() == [[2 / 6]]
    assert mask_iou([square], [shifted], np.array([True])).tolist() == [[2 / 4]]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Runs.of_counts([1, 2], (2, 2)), "the runs of a mask have 3 pixels, its picture of 2x2 has 4"),
        (lambda: Runs.of_counts([2**62, 2**62, 2**62, 2**62 + 4], (2, 2)), "its picture of 2x2 has 4"),
        (lambda: Runs.of_counts([2**63], (2, 2)), "its picture of 2x2 has 4"),
        (lambda: Runs.of_counts([4], (-2, -2)), "a mask has -2x-2 pixels"),
        (lambda: Runs.of_counts([60000**2], (60000, 60000)), "at most 268,435,456 can be read"),
        (lambda: Runs.of_text("\ud800", (2, 2)), "is no compressed mask"),
        (lambda: Runs.of_counts([-1, 5], (2, 2)), "runs are whole numbers that fill it"),
        (lambda: Runs.of_text("1 1", (2, 2)), "'1 1' is no compressed mask as COCO writes it"),
        (lambda: Runs.of_text("11o", (2, 2)), "is no compressed mask"),
        (lambda: Runs.of_text("oooooooooooo1", (2, 2)), "is no compressed mask"),
        (lambda: Runs.of_text("é", (2, 2)), "is no compressed mask"),
        (lambda: Runs.of_text("", (2, 2)), "the runs of a mask have 0 pixels"),
        (
            lambda: polygon_runs(np.array([[0, 0], [1e9, 0], [0, 1e9]]), (2, 2)),
            r"corner is at \[1000000000.0, 0.0\], not in",
        ),
        (
            lambda: polygon_runs(np.array([[0, 0], [np.nan, 0], [0, 1]]), (2, 2)),
            r"corner is at \[nan, 0.0\], not in pixels",
        ),
        (lambda: polygon_runs(np.array([[0, 0], [1e7, 0], [0, 1]]), (2, 2)), "is 20,000,001 pixels long, at most 3,3"),
    ],
)
def test_what_is_no_mask_is_said(made, message):
    with pytest.raises(StriateError, match=message):
        made()


def sampled(probabilities: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Detectron2's way: torch samples every mask at the middle of each pixel."""
    height, width = size
    left, top, right, bottom = (edge[:, None] for edge in boxes.unbind(1))
    down = (torch.arange(height) + 0.5 - top) / (bottom - top) * 2 - 1
    along = (torch.arange(width) + 0.5 - left) / (right - left) * 2 - 1
    grid = torch.stack([along[:, None].expand(-1, height, -1), down[:, :, None].expand(-1, -1, width)], 3)
    return F.grid_sample(probabilities[:, None], grid, align_corners=False)[:, 0]


def test_pasting_is_sampling_at_the_middle_of_pixels():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(6, 28, 28, generator=generator)
    corner = torch.rand(6, 2, generator=generator) * 30 - 8
    boxes = torch.cat([corner, corner + torch.rand(6, 2, generator=generator) * 40 + 0.3], 1)
    found = pasted(probabilities, boxes, (37, 41))
    torch.testing.assert_close(found, sampled(probabilities, boxes, (37, 41)), atol=2e-4, rtol=0)
    assert pasted(probabilities[:0], boxes[:0], (5, 4)).shape == (0, 5, 4)


def test_a_mask_as_large_as_its_box_is_pasted_pixel_for_pixel():
    probabilities = torch.rand(1, 3, 4)
    found = pasted(probabilities, torch.tensor([[2.0, 1, 6, 4]]), (6, 7))
    expected = torch.zeros(6, 7)
    expected[1:4, 2:6] = probabilities[0]
    assert torch.equal(found[0], expected)


def test_an_empty_box_has_no_pixels_to_speak_of():
    found = pasted(torch.ones(1, 5, 5), torch.tensor([[2.2, 1.1, 2.2, 1.1]]), (4, 4))
    assert not found.any()
