"""Graph segmentation against its algorithm written down plainly, and by what must hold of any picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from striate.data.shapes import scene
from striate.ops.graph_segmentation import blurred, graph_regions, regions_of, sorted_edges

PICTURES = of_numpy.arrays(
    np.float32, st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 3)), elements=st.integers(0, 255)
)


def plainly(picture: np.ndarray, scale: float, least_px: int) -> list[list[int]]:
    """Algorithm 1 edge by edge, with sets of pixels, and no union-find."""
    height, width = picture.shape[:2]
    edges = sorted_edges(picture)
    region = {pixel: {pixel} for pixel in range(height * width)}
    inside = dict.fromkeys(range(height * width), 0.0)

    def join(one: int, other: int) -> None:
        both = region[one] | region[other]
        region.update(dict.fromkeys(both, both))

    for one, other, weight in zip(*edges.ends.tolist(), edges.weight.tolist(), strict=True):
        bounds = [inside[min(each)] + scale / len(each) for each in (region[one], region[other])]
        if region[one] is not region[other] and weight <= min(bounds):
            join(one, other)
            inside[min(region[one])] = weight
    for one, other in edges.ends.T.tolist():
        if region[one] is not region[other] and min(len(region[one]), len(region[other])) < least_px:
            join(one, other)
    numbers = {first: number for number, first in enumerate(sorted({min(each) for each in region.values()}))}
    return [[numbers[min(region[row * width + column])] for column in range(width)] for row in range(height)]


@settings(max_examples=60, deadline=None)
@given(PICTURES, st.sampled_from([1, 30, 100, 400]), st.integers(1, 6))
def test_it_is_the_algorithm_of_the_paper(picture, scale, least_px):
    found = regions_of(sorted_edges(picture), picture.shape[:2], scale, least_px)
    assert found.tolist() == plainly(picture, scale, least_px)


def test_a_picture_whose_edges_come_in_many_parts_is_segmented_as_by_the_algorithm():
    picture = scene(2, size_px=32).pixels.astype(np.float32)
    found = regions_of(sorted_edges(picture), (32, 32), 60, 8)
    assert 3 < found.max() < 100
    assert found.tolist() == plainly(picture, 60, 8)


def test_every_pixel_is_in_one_region_none_is_too_small_and_numbers_come_in_order():
    picture = blurred(scene(4, size_px=64).pixels.astype(np.float32))
    found = graph_regions(picture, 50, 20)
    sizes = np.bincount(found.ravel())
    assert (sizes >= 20).all()
    _, first = np.unique(found, return_index=True)
    assert (np.diff(first) > 0).all()


def test_a_larger_scale_gives_fewer_regions():
    edges = sorted_edges(blurred(scene(4, size_px=64).pixels.astype(np.float32)))
    counts = [int(regions_of(edges, (64, 64), scale, 1).max()) + 1 for scale in (20, 60, 200)]
    assert counts[0] > counts[1] > counts[2]


def test_neighbours_by_hand():
    edges = sorted_edges(np.array([[[0.0], [3.0]], [[0.0], [7.0]]], np.float32))
    assert edges.weight.tolist() == [0.0, 3.0, 3.0, 4.0, 7.0, 7.0]
    assert edges.ends[:, 0].tolist() == [0, 2]
    assert {tuple(sorted(pair)) for pair in edges.ends.T.tolist()} == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1)])
def test_thin_pictures(size):
    assert graph_regions(np.zeros((*size, 3), np.float32), 100, 10).tolist() == np.zeros(size, int).tolist()
