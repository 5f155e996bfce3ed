"""What maps are worth: dependence on the weights by layers that are drawn anew, areas of insertion and deletion."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr
from torch import nn

from foreign_modules import Attention, Functional, ReusedInPlace
from striate.visual.attribution.areas import LEAST_BLUR_PX, areas, blurred, of_chance
from striate.visual.attribution.asked import Method
from striate.visual.attribution.dependence import Dependence, dependences, levels_of, rank_correlation
from striate.visual.attribution.methods import METHODS, ask
from striate.visual.attribution.score import in_evaluation

PICTURE = Method("picture", "The picture", "nobody", lambda asked: asked.images.abs().mean(1))


def images(count=2):
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_rank_correlation_is_scipys_ties_included(pairs):
    one, other = np.array(pairs, float).T
    expected = 0.0 if len(set(one)) == 1 or len(set(other)) == 1 else spearmanr(one, other).statistic
    assert rank_correlation(one, other) == pytest.approx(expected, abs=1e-9)


def test_a_map_of_the_picture_alone_does_not_depend_on_the_weights_and_the_network_is_left_as_it_was():
    torch.manual_seed(1)
    network = ReusedInPlace()
    state = copy.deepcopy(network.state_dict())
    with in_evaluation(network, 0):
        asked = ask(network, images(), 1, "two", steps=3)
        steps = []
        found = dependences([PICTURE, METHODS["gradient"], METHODS["grad-cam"]], asked, lambda *way: steps.append(way))
    assert found["picture"].similarities == pytest.approx([1.0] * 4) and not found["picture"].depends
    assert found["gradient"].depends and found["gradient"].similarities[0] < 0.9
    assert steps[-1] == (12, 12) and len(steps) == 12
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_layers_are_drawn_anew_from_the_top_and_those_of_the_picture_last():
    network = Attention()
    network.spare = nn.Linear(2, 2)  # never called
    with in_evaluation(network, 0):
        levels = levels_of(ask(network, images(), 1))
    flat = [path for level in levels for path in level]
    assert levels[0] == ["last"] and len(levels) == 4
    assert "spare" not in flat and flat.index("blocks.2.linear2") < flat.index("blocks.0.linear1")
    assert flat.index("blocks.0.linear1") < flat.index("patches")


def test_the_same_seed_draws_the_same_weights():
    torch.manual_seed(1)
    network = Functional()
    with in_evaluation(network, 0):
        one, same, other = (
            dependences([METHODS["gradient"]], ask(network, images(), 1, seed=seed))["gradient"] for seed in (3, 3, 4)
        )
    assert one == same != other


def test_the_upper_half_decides_and_at_least_the_first_step():
    assert Dependence(("d", "c", "a"), (0.25, 0.5, 1.0), (0.9, 0.7, 0.0)).similarity == pytest.approx(0.8)
    assert Dependence(("b", "a"), (0.6, 1.0), (0.3, 0.9)).similarity == 0.3


def test_guided_backpropagation_stays_when_the_head_is_drawn_anew_and_the_gradient_does_not():
    """With one class or another, a deep stack of rectifiers hands on the positive parts, which are the picture's."""
    torch.manual_seed(0)
    widths = (3, 16, 16, 16, 16)
    rows = [layer for came, goes in pairwise(widths) for layer in (nn.Conv2d(came, goes, 3, padding=1), nn.ReLU())]
    network = nn.Sequential(*rows, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 5))
    with in_evaluation(network, 0):
        methods = [METHODS["gradient"], METHODS["guided-backpropagation"]]
        found = dependences(methods, ask(network, images(), 1))
    assert found["guided-backpropagation"].similarities[0] > 0.6 > found["gradient"].similarities[0]


class Sum(nn.Module):
    """One logit: the sum of all numbers."""

    def forward(self, pictures):
        return pictures.flatten(1).sum(1, keepdim=True)


def test_areas_by_hand():
    picture = torch.tensor([[[[3.0, 2.0], [1.0, -4.0]]]])
    with in_evaluation(Sum(), 0):
        asked = ask(Sum(), picture, 0)
        found = areas(asked, picture[:, 0], steps=4)
        worst = areas(asked, -picture[:, 0], steps=4)

    def chance(logit):
        return 1 / (1 + math.exp(-logit))

    def under(logits):
        first, *middle, last = map(chance, logits)
        return (first / 2 + sum(middle) + last / 2) / 4

    # All is 3 + 2 + 1 - 4 = 2; without the largest -1, then -3, then -4, then nothing.
    assert found.deletion == pytest.approx(under([2, -1, -3, -4, 0]), abs=1e-6)
    assert worst.deletion == pytest.approx(under([2, 6, 5, 3, 0]), abs=1e-6)
    assert found.insertion > worst.insertion and found.deletion < worst.deletion


def test_insertion_begins_blurred_and_ends_with_the_picture():
    picture = images(1)
    with in_evaluation(Sum(), 0):
        asked = ask(Sum(), picture, 0)
        found = areas(asked, picture.mean(1), steps=1)
        ends = [float(asked.score.probability(each)) for each in (blurred(picture), picture)]
    assert found.insertion == pytest.approx(sum(ends) / 2, abs=1e-6)


def test_the_blur_is_a_gaussian():
    picture = torch.rand(1, 2, 30, 24, dtype=torch.float64)
    spread = (0, 0, LEAST_BLUR_PX, LEAST_BLUR_PX)
    expected = gaussian_filter(picture.numpy(), spread, mode="nearest", truncate=3.0)
    assert blurred(picture).numpy() == pytest.approx(expected, abs=1e-9)


def test_maps_of_noise_are_those_of_the_seed():
    with in_evaluation(Sum(), 0):
        first, again = (of_chance(ask(Sum(), images(), 0, seed=2)) for _ in range(2))
        assert first == again != of_chance(ask(Sum(), images(), 0, seed=3))
