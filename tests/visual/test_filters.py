"""Filters that are made to look for something, and what is said that they look for."""

from math import cos, pi, radians, sin

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from striate.analysis.wiring import wiring
from striate.core.errors import StriateError
from striate.models import create_model
from striate.visual.filters import first_filters
from striate.visual.gabor import direction_of, fit_gabor


def gabor(side, orientation_deg, cycles_px, phase=0.0, width=None):
    """Bars that run in a direction, counted against the clock, y upwards, below a round hill."""
    half = (side - 1) / 2
    rows, columns = np.mgrid[:side, :side] - half
    along = radians(orientation_deg - 90)  # the wave runs across the bars
    wave = np.cos(2 * pi * cycles_px * (columns * cos(along) - rows * sin(along)) + phase)
    return np.exp(-(rows**2 + columns**2) / (2 * (width or side / 5) ** 2)) * wave


def between(one, other):
    return abs((one - other + 90) % 180 - 90)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 179), st.floats(0.12, 0.3), st.floats(0, 6))
def test_a_gabor_function_is_found_again(orientation, cycles, phase):
    pattern = gabor(11, orientation, cycles, phase)
    found = fit_gabor(pattern)
    assert between(found.orientation_deg, orientation) < 1
    assert found.cycles_px == pytest.approx(cycles, abs=0.01)
    assert found.explained > 0.999
    turned, directed = direction_of(pattern)
    assert between(turned, orientation) < 10 and directed > 0.4


def test_the_fit_does_not_depend_on_sign_or_scale():
    one, other = fit_gabor(gabor(9, 30, 0.2)), fit_gabor(-7 * gabor(9, 30, 0.2))
    assert other.orientation_deg == pytest.approx(one.orientation_deg, abs=0.01)
    assert other.explained == pytest.approx(one.explained)


def test_noise_is_not_explained_and_what_is_too_small_is_not_fitted():
    noise = np.random.default_rng(0).standard_normal((20, 11, 11))
    assert np.mean([fit_gabor(each).explained for each in noise]) < 0.5
    assert fit_gabor(noise[0, :3, :3]) is None
    assert fit_gabor(np.zeros((7, 7))) is None


def with_filters(*filters):
    weights = torch.tensor(np.array(filters), dtype=torch.float32)
    network = nn.Sequential(nn.Conv2d(weights.shape[1], len(weights), weights.shape[-1]), nn.ReLU())
    with torch.no_grad():
        network[0].weight.copy_(weights)
    return network


def told(network, size):
    return first_filters(network, wiring(network, size))


def test_filters_are_sorted_by_what_they_look_for():
    grey, red_green = np.ones((3, 1, 1)), np.array([1, -1, 0]).reshape(3, 1, 1)
    noise = np.random.default_rng(1).standard_normal((3, 9, 9))
    blob = gabor(9, 0, 0.0, width=2.0)
    network = with_filters(
        red_green * blob, grey * gabor(9, 120, 0.2), noise, grey * gabor(9, 30, 0.2), 0 * noise,
        red_green * gabor(9, 90, 0.2),
    )  # fmt: skip
    found = told(network, (3, 32, 32))
    assert found.path == "0"
    assert [(each.number, each.kind) for each in found.filters] == [
        (3, "edges"), (1, "edges"), (5, "coloured edges"), (0, "colours"), (2, "others"), (4, "silent"),
    ]  # fmt: skip
    assert [round(each.orientation_deg) for each in found.filters[:3]] == [30, 120, 90]
    assert found.directions == [0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0]
    assert found.counts == {"edges": 2, "coloured edges": 1, "colours": 1, "others": 1, "silent": 1}


def test_a_direction_just_below_180_counts_as_level():
    assert told(with_filters(gabor(9, 178, 0.2)[None]), (1, 32, 32)).directions[0] == 1


def test_a_linear_layer_over_pixels_has_filters_too():
    found = told(create_model("mlp"), None)
    assert found.filters[0].weights.shape == (1, 28, 28)
    assert len(found.filters) == 300


def test_a_network_whose_first_layer_reads_something_else():
    with pytest.raises(StriateError) as raised:
        told(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)), (3, 8, 8))
    assert str(raised.value) == (
        "Sequential has no convolution or linear layer that reads the picture itself, so no filters"
    )
