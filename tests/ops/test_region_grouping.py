"""Features of regions and their grouping: small cases by hand, and what must hold of any tree."""

from __future__ import annotations

import numpy as np
import pytest

from striate.data.shapes import scene
from striate.ops.graph_segmentation import graph_regions
from striate.ops.region_features import COLOUR_BINS, TEXTURE_BINS, RegionFeatures, region_features
from striate.ops.region_grouping import Similarity, grouped, neighbours
from striate.ops.selective_search import ALL, WITHOUT_COLOUR


def three_in_a_row(colours: list[list[float]], widths: list[int]) -> RegionFeatures:
    """Regions one beside the other in a picture of one line, with histograms of colour as given."""
    right = np.cumsum(widths).astype(np.float32)
    boxes = np.stack([right - widths, 0 * right, right, 0 * right + 1], 1).astype(np.float32)
    rows = np.array(colours, np.float32)
    return RegionFeatures(rows, rows, boxes, np.array(widths, np.float32))


BESIDE = np.array([[0, 1], [1, 2]])


def test_the_two_of_one_colour_join_first():
    features = three_in_a_row([[1, 0], [0.1, 0.9], [0, 1]], [1, 1, 1])
    tree = grouped(features, BESIDE, Similarity(colour=True))
    assert tree.joined.tolist() == [[1, 2], [0, 3]]
    assert tree.box[3:].tolist() == [[1, 0, 3, 1], [0, 0, 3, 1]]


def test_small_ones_join_first_by_size():
    tree = grouped(three_in_a_row([[1, 0]] * 3, [5, 2, 3]), BESIDE, Similarity(size=True))
    assert tree.joined.tolist() == [[1, 2], [0, 3]]  # 1 - 5 / 10 is more than 1 - 7 / 10


def test_colours_that_join_are_a_mean_by_size():
    # 0 and 1 join to (0.6, 0.4) of 4 px, which is like 2 by 0.6 + 0; 2 and 3 by 0.5
    features = three_in_a_row([[1, 0, 0], [0.2, 0.8, 0], [0.6, 0, 0.4], [0, 0.5, 0.5]], [2, 2, 1, 1])
    tree = grouped(features, np.array([[0, 2, 1], [1, 3, 2]]), Similarity(colour=True))
    # likeness: 0-1 0.2, 2-3 0.4, 1-2 0.2; then (2, 3) is (0.3, 0.25, 0.45): with 1 it shares 0.2 + 0.25
    assert tree.joined.tolist() == [[2, 3], [1, 4], [0, 5]]


def test_fill_joins_what_leaves_the_least_gap():
    # an L of 3 px beside 1 px that fills its corner, and 4 px beyond that leave gaps
    boxes = np.array([[0, 0, 2, 2], [1, 1, 2, 2], [2, 0, 6, 1]], np.float32)
    features = RegionFeatures(*(np.ones((3, 1), np.float32),) * 2, boxes, np.array([3, 1, 4], np.float32))
    tree = grouped(features, np.array([[0, 0], [1, 2]]), Similarity(fill=True))
    assert tree.joined.tolist()[0] == [0, 1]


@pytest.mark.parametrize("measures", [ALL, WITHOUT_COLOUR, Similarity(size=True), Similarity(fill=True)])
def test_all_regions_end_in_one_and_each_joins_once(measures):
    picture = scene(4, size_px=64).pixels.astype(np.float32)
    regions = graph_regions(picture, 50, 20)
    features, count = region_features(picture, regions), int(regions.max()) + 1
    tree = grouped(features, neighbours(regions), measures)
    assert sorted(tree.joined.ravel().tolist()) == list(range(2 * count - 2))
    assert tree.box[-1].tolist() == [0, 0, 64, 64]
    for node, (one, other) in enumerate(tree.joined.tolist(), start=count):
        both = tree.box[[one, other]]
        assert tree.box[node].tolist() == [*both[:, :2].min(0), *both[:, 2:].max(0)]


def test_features_of_regions_by_hand():
    picture = np.zeros((2, 4, 1), np.float32)
    picture[:, 2:] = 255
    found = region_features(picture, np.array([[0, 0, 1, 1], [0, 0, 1, 1]]))
    assert found.colour.shape == (2, COLOUR_BINS)
    assert found.colour[0, 0] == found.colour[1, -1] == 1
    assert found.texture.shape == (2, 8 * TEXTURE_BINS)
    assert found.texture.sum(1).tolist() == pytest.approx([1, 1])
    towards_the_right, towards_the_left = found.texture[:, :TEXTURE_BINS], found.texture[:, 40 : 40 + TEXTURE_BINS]
    assert (towards_the_left[:, 0] == 1 / 8).all()  # nothing gets darker
    assert (towards_the_right[:, 0] < 1 / 8).all()


def test_one_region_is_a_tree_of_one():
    regions = np.zeros((3, 3), np.int64)
    tree = grouped(region_features(np.zeros((3, 3, 3), np.float32), regions), neighbours(regions), ALL)
    assert tree.box.tolist() == [[0, 0, 3, 3]]
    assert tree.joined.shape == (0, 2)
