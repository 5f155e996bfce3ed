"""Paired differences: by hand, by counting every case, and in simulations where nothing is better than anything."""

from __future__ import annotations

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from striate.ops.paired import Spread, holm, mcnemar, redrawn_spread, share_gain_interval

COUNTS = st.integers(0, 5)


@given(COUNTS, COUNTS)
def test_mcnemar_counts_all_ways_to_split_the_pictures_that_disagree(one, other):
    splits = [sum(sides) for sides in product((0, 1), repeat=one + other)]
    least = comb(one + other, one)  # ways to split as unevenly as was seen, or more so
    expected = np.mean([comb(one + other, split) <= least for split in splits])
    assert mcnemar(one, other) == pytest.approx(expected)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_the_interval_of_a_gain_is_that_of_the_loss_mirrored(one, other, neither):
    total = one + other + neither + 1
    low, high = share_gain_interval(one, other, total)
    assert -1 <= low <= (one + 1 - other - 1) / (total + 2) <= high <= 1
    assert share_gain_interval(other, one, total) == pytest.approx((-high, -low))


def test_the_interval_of_a_gain_covers_what_is_true():
    generator, total, covered = np.random.default_rng(0), 60, 0
    for one, other, _, _ in generator.multinomial(total, (0.2, 0.1, 0.5, 0.2), size=400).tolist():
        low, high = share_gain_interval(one, other, total)
        covered += low <= 0.1 <= high
    assert 0.92 <= covered / 400 <= 0.99


def spread_of(differences: torch.Tensor, samples: int = 400, seed: int = 0) -> Spread:
    """Of the mean of differences (N,)."""
    drawn = torch.randint(len(differences), (samples, len(differences)), generator=torch.Generator().manual_seed(seed))
    return redrawn_spread(float(differences.mean()), differences[drawn].mean(1), len(differences))


@pytest.mark.parametrize("total", [8, 40])
def test_runs_that_are_equally_good_are_told_apart_in_one_of_twenty_cases_at_most(total):
    """Three of them, so three comparisons; each picture has a difficulty of its own, which all of them share."""
    generator, cases, mistaken, mistaken_counts = torch.Generator().manual_seed(1), 300, 0, 0
    for case in range(cases):
        difficulty = torch.rand(total, 1, generator=generator, dtype=torch.float64)
        figures = difficulty + 0.3 * torch.randn(total, 3, generator=generator, dtype=torch.float64)
        right = torch.rand(total, 3, generator=generator) > difficulty
        pairs = list(combinations(range(3), 2))
        drawn = [spread_of(figures[:, a] - figures[:, b], seed=case).chance for a, b in pairs]
        counts = [
            mcnemar(int((right[:, a] & ~right[:, b]).sum()), int((right[:, b] & ~right[:, a]).sum())) for a, b in pairs
        ]
        mistaken += min(holm(drawn)) < 0.05
        mistaken_counts += min(holm(counts)) < 0.05
    most = 0.05 * cases + 3 * (0.05 * 0.95 * cases) ** 0.5  # by chance in one of 700 simulations
    assert mistaken <= most
    assert mistaken_counts <= most


@pytest.mark.parametrize("total", [5, 20])
@pytest.mark.parametrize("shift", [0.0, 0.6, 1.2])
def test_of_a_mean_it_is_the_t_test(total, shift):
    differences = shift + torch.randn(total, generator=torch.Generator().manual_seed(total), dtype=torch.float64)
    expected = ttest_1samp(differences.numpy(), 0)
    found = spread_of(differences, samples=20_000)
    assert found.chance == pytest.approx(expected.pvalue, rel=0.05)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()), rel=0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_corrected_chances_are_larger_keep_their_order_and_stay_chances(chances):
    corrected = holm(chances)
    assert all(chance <= other <= 1 for chance, other in zip(chances, corrected, strict=True))
    by_chance = [corrected[number] for number in np.argsort(chances, kind="stable")]
    assert by_chance == sorted(by_chance)


def test_nothing_is_known_of_one_picture_or_of_none_that_is_asked():
    for gains, total in ((torch.zeros(5).double(), 1), (torch.full((5,), torch.nan).double(), 9)):
        assert redrawn_spread(0.5, gains, total) == ((-np.inf, np.inf), 1.0)


def test_what_is_equal_is_by_chance_and_what_always_differs_is_as_sure_as_its_signs():
    assert redrawn_spread(0.0, torch.zeros(5).double(), 9) == ((0.0, 0.0), 1.0)
    for total in (2, 9):
        expected = mcnemar(total, 0)
        assert redrawn_spread(0.25, torch.full((5,), 0.25).double(), total) == ((0.25, 0.25), expected)
