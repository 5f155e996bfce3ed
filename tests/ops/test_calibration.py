"""Calibration: by hand, by a naive loop, and where it is known that a network is as sure as it is right."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from striate.ops.calibration import (
    BINS,
    calibration_error,
    fitted_temperature,
    gaps,
    in_equal_counts,
    in_equal_widths,
    reliability,
    share_that_keeps,
)

SHARES = st.integers(0, 64).map(lambda number: number / 64)
ANSWERS = st.lists(st.tuples(SHARES, st.booleans()), min_size=1, max_size=20)


def naive_error(answers: list[tuple[float, bool]], bins: int) -> float:
    """The definition, bin by bin and picture by picture."""
    error = 0.0
    for place in range(bins):
        low, high = place / bins, (place + 1) / bins
        within = [(share, right) for share, right in answers if low < share <= high or (share == 0 and place == 0)]
        if within:
            sure = sum(share for share, _ in within) / len(within)
            correct = sum(right for _, right in within) / len(within)
            error += len(within) / len(answers) * abs(sure - correct)
    return error


@given(ANSWERS, st.sampled_from([1, 2, 4, 8, 16]))  # whose edges are exact numbers
def test_the_error_is_that_of_a_loop_over_the_definition(answers, bins):
    shares, right = (torch.tensor(column) for column in zip(*answers, strict=True))
    assert calibration_error(shares, right, bins) == pytest.approx(naive_error(answers, bins), abs=1e-9)


def test_a_case_by_hand():
    """Two bins: 0.4 of (0.3, 0.5) is right once of two; 0.8 of (0.6, 0.8, 1.0) is right once of three."""
    shares = torch.tensor([0.3, 0.5, 0.6, 0.8, 1.0], dtype=torch.float64)
    right = torch.tensor([True, False, False, True, False])
    found = reliability(shares, right, in_equal_widths(shares, 2), 2)
    assert found.count.tolist() == [2, 3]
    assert found.sure.tolist() == pytest.approx([0.4, 0.8])
    assert found.right.tolist() == pytest.approx([0.5, 1 / 3])
    assert found.error == pytest.approx(0.4 * 0.1 + 0.6 * (0.8 - 1 / 3))


@given(ANSWERS)
def test_bins_of_equally_many_differ_by_one_picture_and_ascend(answers):
    shares = torch.tensor([share for share, _ in answers])
    bin_of = in_equal_counts(shares, 4)
    count = torch.bincount(bin_of, minlength=4)
    assert count.max() - count.min() <= 1
    assert (bin_of[shares.argsort(stable=True)].diff() >= 0).all()


def test_what_chance_makes_of_the_error_is_what_drawn_answers_have():
    generator = torch.Generator().manual_seed(0)
    shares = 0.3 + 0.7 * torch.rand(3000, generator=generator, dtype=torch.float64)
    bin_of = in_equal_widths(shares)
    drawn = [reliability(shares, torch.rand(3000, generator=generator) < shares, bin_of) for _ in range(200)]
    assert drawn[0].chance == pytest.approx(math.fsum(each.error for each in drawn) / 200, rel=0.05)


def test_of_no_picture_nothing_is_wrong():
    none = torch.empty(0)
    found = reliability(none, none.bool(), in_equal_widths(none))
    assert (found.error, found.chance, len(found.count)) == (0.0, 0.0, BINS)


@given(ANSWERS)
def test_the_gaps_of_pictures_add_up_to_the_error(answers):
    shares, right = (torch.tensor(column) for column in zip(*answers, strict=True))
    summed = float(gaps(shares, right).sum(0).abs().sum()) / len(answers)
    assert summed == pytest.approx(calibration_error(shares, right), abs=1e-9)


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_by_which_logits_were_made_too_sure_is_found(true):
    """Classes are drawn by the softmax of some logits, and a network gives these times `true`."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(20_000, 4, generator=generator, dtype=torch.float64)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
    found = fitted_temperature(true * logits, labels, (0.05, 20))
    assert found == pytest.approx(true, rel=0.04)
    slope = [F.cross_entropy(true * logits / t, labels) for t in (found * 0.999, found, found * 1.001)]
    assert slope[1] <= min(slope[0], slope[2])


@pytest.mark.parametrize("keep", [0.8, 0.95])
def test_new_pictures_are_kept_as_often_as_was_asked(keep):
    generator, kept = torch.Generator().manual_seed(0), 0.0
    for _ in range(400):
        shares = torch.rand(60 + 200, generator=generator).sqrt()
        threshold = share_that_keeps(shares[:60], keep)
        kept += float((shares[60:] >= threshold).double().mean()) / 400
    exact = 1 - math.floor((1 - keep) * 61 + 1e-9) / 61
    assert keep <= exact
    assert kept == pytest.approx(exact, abs=0.005)


def test_too_few_pictures_settle_no_threshold():
    assert share_that_keeps(torch.ones(18), 0.95) is None
    assert share_that_keeps(torch.ones(19), 0.95) == 1.0
