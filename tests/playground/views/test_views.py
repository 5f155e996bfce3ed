"""The five ways agree on any picture, and pyramids lose nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import StriateError
from striate.ops.pyramid import gaussian_pyramid, laplacian_pyramid, rebuilt
from striate.playground.views.convolution import connections, five_views


@settings(deadline=None)  # torch is slow at first
@given(st.integers(3, 7), st.integers(3, 7), st.integers(1, 3), st.integers(0, 99))
def test_five_ways_give_equal_numbers(height, width, side, seed):
    draw = torch.Generator().manual_seed(seed)
    picture, kernel = torch.randn(height, width, generator=draw), torch.randn(side, side, generator=draw)
    views = five_views(picture, kernel)
    assert len(views) == 5
    for view in views:
        torch.testing.assert_close(view.answer, views[0].answer, atol=1e-5, rtol=0)


def test_a_layer_has_as_many_weights_as_its_kind():
    for name, expected in {"fully connected": 6 * 8, "locally connected": 6 * 3, "convolution": 3}.items():
        matrix = connections(8, 3)[name]
        assert matrix.shape == (6, 8) and len(matrix[matrix > 0].unique()) == expected


@settings(deadline=None)  # torch is slow at first
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 99))
def test_a_picture_is_rebuilt(height, width, seed):
    picture = torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
    levels = (min(height, width) - 1).bit_length() + 1
    assert (rebuilt(laplacian_pyramid(picture, levels)) - picture).abs().max() < 1e-6


def test_a_flat_picture_has_no_details_and_too_many_levels_are_told():
    flat = torch.full((1, 9, 12), 0.3)
    *details, last = laplacian_pyramid(flat, 3)
    assert all(detail.abs().max() < 1e-6 for detail in details)
    assert last.flatten().tolist() == pytest.approx([0.3] * 9)
    with pytest.raises(StriateError, match="a picture of 9x12 pixels has 1 to 5 levels, got 6"):
        gaussian_pyramid(flat, 6)
