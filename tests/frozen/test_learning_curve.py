"""The learning curve: which pictures are drawn, what is measured, and forecasts on pictures that were kept back."""

from __future__ import annotations

import numpy as np
import pytest

from striate.core.errors import StriateError
from striate.data.sources import open_data
from striate.frozen.learning_curve import FOLDS, SHARES, draws_of, errors_of, kept, mean_errors_of, measure_curve
from striate.frozen.linear import fit


def digits(count):
    """Scans as rows of 64 pixels, and their classes."""
    opened = open_data("digits")
    some = np.random.default_rng(0).permutation(1797)[:count]  # not in the file's order, which is one of writers
    return opened.pictures.pixels[some].reshape(count, 64) / 255, opened.labels[some]


@pytest.fixture(scope="module")
def curve():
    """Of 120 digits 0 to 3, with features of 16 rows and columns: seconds."""
    pixels, labels = digits(400)
    few = labels < 4
    done = []
    found = measure_curve(pixels[few][:120], labels[few][:120], 4, added=50, step=lambda *count: done.append(count))
    return found, done


def test_every_picture_is_held_out_once_and_never_trained_on_then():
    labels = np.repeat(np.arange(3), 40)
    draws = draws_of(labels, np.random.default_rng(0))
    assert len(draws) == FOLDS
    assert sorted(np.concatenate([draw.held for draw in draws]).tolist()) == list(range(120))
    for draw in draws:
        assert sorted([*draw.train.tolist(), *draw.held.tolist()]) == list(range(120))
        assert np.bincount(labels[draw.held]).tolist() == [4, 4, 4]  # stratified


def test_many_pictures_are_drawn_fewer_times():
    counts = [len(draws_of(np.arange(count) % 5, np.random.default_rng(0))) for count in (999, 1_000, 5_000)]
    assert counts == [10, 5, 3]


def test_small_shares_lie_within_large_ones_and_leave_no_class_out():
    labels = np.random.default_rng(1).integers(0, 4, 90)
    before = np.zeros(90, bool)
    for share in SHARES:
        part = kept(labels, np.full(4, share))
        assert not (before & ~part).any()
        assert np.bincount(labels[part], minlength=4).tolist() == [
            max(1, round(share * count)) for count in np.bincount(labels)
        ]
        before = part
    assert before.all()


def test_errors_are_sums_divided_once():
    hits, asked = np.array([[1, 2], [3, 6]]), np.array([4, 8])
    errors = errors_of(hits, asked, np.array([[1, 1], [2, 0]]))
    assert errors.tolist() == [[1 - (1 + 3) / (4 + 8), 1 - (2 + 6) / (4 + 8)], [1 - 2 / 8, 1 - 4 / 8]]


def test_mean_errors_count_every_class_that_was_asked_about_as_much():
    hits, asked = np.array([[[3, 0, 0]], [[1, 2, 0]]]), np.array([[4, 0, 0], [2, 2, 0]])  # two draws, three classes
    errors = mean_errors_of(hits, asked, np.array([[1, 1], [2, 0]]))
    assert errors.tolist() == [[1 - (4 / 6 + 2 / 2) / 2], [1 - 6 / 8]]


def test_what_is_measured_is_what_classifiers_of_those_pictures_say(curve):
    found, done = curve
    assert [size.share for size in found.sizes] == list(SHARES)
    assert found.sizes[-1].pictures == 108  # nine tenths of 120
    assert all(len(size.accuracies) == FOLDS for size in found.sizes)
    for size in found.sizes:
        low, high = size.interval
        assert low <= size.accuracy <= high
    assert found.sizes[-1].accuracy > found.sizes[0].accuracy
    total = 10 * 4 + 10 * 2 * 4  # draws x shares, and draws x two shares left out of four classes
    assert done == [(number, total) for number in range(1, total + 1)]


def test_the_forecast_lies_beyond_what_was_measured_and_within_its_interval(curve):
    found, _ = curve
    accuracy, low, high = found.forecast(240)
    assert low <= accuracy <= high <= 1
    assert accuracy >= 1 - found.law.error(108)


def test_gains_are_sorted_and_bounded_by_what_is_mistaken(curve):
    found, _ = curve
    gains = [gain.gain for gain in found.gains]
    assert gains == sorted(gains, reverse=True)
    assert {gain.number for gain in found.gains} == set(range(4))
    for gain in found.gains:
        assert gain.interval[0] <= gain.interval[1]
        assert gain.gain <= gain.error / 4 + 1e-9  # of the mean over four classes
        assert 15 <= gain.pictures <= 40


def test_a_class_that_lacks_pictures_gains_most():
    """Three heaps of points, one of them of few pictures: more of those help, more of the others do not."""
    random = np.random.default_rng(4)
    labels = np.array([0] * 150 + [1] * 150 + [2] * 30)
    centres = np.array([[0.0, 0, 0, 0, 0, 0], [6, 0, 0, 0, 0, 0], [1, 2, 1, 1, 1, 1]])
    features = centres[labels] + random.normal(0, 1, (len(labels), 6))
    found = measure_curve(features, labels, 3)
    assert found.gains[0].number == 2
    assert found.gains[0].interval[0] > 0
    assert found.gains[0].gain > 2 * abs(found.gains[1].gain)


def test_the_forecast_of_half_the_digits_holds_for_all_of_them():
    """Measured on 200 pictures, forecast for 400, then held against classifiers of 400 that are asked about others."""
    pixels, labels = digits(1_000)
    forecast, low, high = measure_curve(pixels[:200], labels[:200], 10, added=10).forecast(400)
    linear = fit(pixels[:400], labels[:400], 10, 0.1)
    measured = (linear.logits(pixels[400:]).argmax(1) == labels[400:]).mean()
    assert low - 0.02 <= measured <= high + 0.02
    assert abs(forecast - measured) < 0.04


def test_too_few_pictures_are_refused():
    with pytest.raises(StriateError, match="a learning curve needs at least 20 pictures, got 19"):
        measure_curve(np.zeros((19, 2)), np.zeros(19, np.int64), 2)


def test_no_interval_has_no_width():
    """Four classes of twelve that are told apart in every draw: that is not certain of other pictures."""
    labels = np.repeat(np.arange(4), 12)
    features = np.eye(4)[labels] * 9 + np.random.default_rng(1).normal(0, 0.1, (48, 4))
    found = measure_curve(features, labels, 4)
    assert found.sizes[-1].accuracy == 1
    assert 0.85 < found.sizes[-1].interval[0] < 0.99 and found.sizes[-1].interval[1] == 1
    accuracy, low, high = found.forecast(96)
    assert accuracy == 1 and low < high
    assert all(gain.interval[0] < gain.interval[1] for gain in found.gains)
