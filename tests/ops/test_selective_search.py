"""Selective search: what must hold of its boxes, and how many objects they hit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from striate.core.errors import StriateError
from striate.data.shapes import scene
from striate.ops.boxes import pairwise_iou
from striate.ops.colour_spaces import COLOUR_SPACES, grey, lab
from striate.ops.selective_search import FAST, selective_search


@pytest.fixture(scope="module")
def pictures():
    scenes = [scene(number, size_px=96) for number in range(40)]
    return [one for one in scenes if len(one.boxes) > 1][:6]


def best_overlaps(boxes, of):
    return pairwise_iou(torch.from_numpy(of), torch.from_numpy(boxes)).max(1).values


def test_boxes_are_inside_each_once_and_the_same_again(pictures):
    pixels = pictures[0].pixels
    found = selective_search(pixels)
    assert found.dtype == np.float32
    assert len(np.unique(found, axis=0)) == len(found)
    assert (found[:, 2:] > found[:, :2]).all()
    assert found.min() == 0
    assert found.max() == 96
    assert [0, 0, 96, 96] in found.tolist()
    assert np.array_equal(found, selective_search(pixels.copy()))


def test_shapes_are_found(pictures):
    best = torch.cat([best_overlaps(selective_search(one.pixels), one.boxes) for one in pictures])
    assert (best >= 0.5).float().mean() >= 0.95
    assert best.mean() >= 0.8


def test_more_ways_find_more_boxes(pictures):
    pixels = pictures[0].pixels
    one_way = FAST._replace(colours=("hsv",), measures=FAST.measures[:1], scales=(50,))
    assert len(selective_search(pixels, one_way)) < len(selective_search(pixels))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2)])
def test_a_tiny_picture_is_one_box(size):
    assert selective_search(np.zeros((*size, 3), np.uint8)).tolist() == [[0, 0, size[1], size[0]]]


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(StriateError, match=r"proposals are of a picture uint8 \(H, W, 3\), got .*; bring it to that"):
        selective_search(picture)


@pytest.mark.parametrize("space", COLOUR_SPACES)
def test_colours_are_between_0_and_255(space):
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    found = COLOUR_SPACES[space](values)
    assert found.dtype == np.float32
    assert found.shape[:2] == (20, 30)
    assert found.min() >= 0
    assert found.max() <= 255.01


def test_greys_have_no_colour_in_lab():
    levels = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None, :, None], 3, 2)
    found = lab(levels)
    assert found[..., 1:] == pytest.approx(128, abs=0.01)
    assert (np.diff(found[0, :, 0]) > 0).all()
    assert grey(levels)[..., 0] == pytest.approx(levels[..., 0])
