"""Axes and curves: hand-computed positions, and properties that hold for any numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.core.words import percent
from striate.report.axis import count_axis, epoch_axis, fixed_axis, value_axis
from striate.report.charts import FRAME
from striate.report.charts import charts_of as charts_of_figures
from striate.tasks.classification import CLASSIFICATION
from striate.tasks.confusion import confused_pairs


def charts_of(history, best_epoch):
    """The charts of a run that classifies."""
    return charts_of_figures(history, best_epoch, CLASSIFICATION.curves)


def epochs(**series):
    """A history of these series; what is not given is 0."""
    keys = ("lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    count = len(next(iter(series.values())))
    return [{"epoch": i + 1, **{key: series[key][i] if key in series else 0.0 for key in keys}} for i in range(count)]


def test_positions_by_hand():
    loss, accuracy, rate = charts_of(
        epochs(train_loss=[2.0, 1.0, 0.5], val_loss=[2.0, 1.5, 1.0], val_accuracy=[0.0, 0.5, 1.0], lr=[0.1, 0.1, 0.1]),
        2,
    )
    width, height = FRAME.right - FRAME.left, FRAME.bottom - FRAME.top
    assert [label for _, label in loss.y_ticks] == ["0.0", "0.5", "1.0", "1.5", "2.0"]
    assert loss.curves[0].runs == (
        (
            (FRAME.left, FRAME.bottom - height * 2.0 / 2.0),
            (FRAME.left + width * 1 / 2, FRAME.bottom - height * 1.0 / 2.0),
            (FRAME.left + width * 2 / 2, FRAME.bottom - height * 0.5 / 2.0),
        ),
    )
    assert loss.best_x == FRAME.left + width / 2
    assert loss.best_y == FRAME.bottom - height * 1.5 / 2.0  # on the validation curve
    assert [label for _, label in accuracy.y_ticks] == ["0", "20", "40", "60", "80", "100"]
    assert [label for _, label in accuracy.x_ticks] == ["1", "2", "3"]
    assert rate.curves[0].path == "M44.0 22.0L193.0 22.0L342.0 22.0"  # 0.1 is the highest tick
    assert loss.sentence == (
        "Loss cross-entropy in nats: training from 2 in epoch 1 to 0.5 in epoch 3; "
        "validation from 2 in epoch 1 to 1 in epoch 3"
    )


def test_one_epoch_is_a_dot_in_the_middle():
    loss = charts_of(epochs(train_loss=[1.2], val_loss=[1.0]), 1)[0]
    middle = (FRAME.left + FRAME.right) / 2
    assert [curve.dots[0][0] for curve in loss.curves] == [middle, middle]
    assert loss.x_ticks == ((middle, "1"),)


def test_gaps_break_the_line_and_what_stands_alone_is_a_dot():
    curve = charts_of(epochs(train_loss=[3.0] * 20 + [math.nan, 2.0, None, math.inf]), 1)[0].curves[0]
    assert [len(run) for run in curve.runs] == [20, 1]
    assert curve.path.count("M") == 2
    assert curve.dots == [curve.runs[1][0]]


def test_long_runs_are_thinned_but_keep_the_best_epoch():
    chart = charts_of(epochs(train_loss=[1.0] * 100_000), best_epoch=77_777)[0]
    assert len(chart.curves[0].runs[0]) == 500 + 2  # and the best and the last
    assert chart.best_y is not None


@pytest.mark.parametrize("values", [[], [math.nan]])
def test_nothing_to_draw(values):
    charts = charts_of(epochs(train_loss=values, val_loss=values) if values else [], 1)
    assert [chart.curves[0].runs for chart in charts[:1]] == [()] * len(values)


numbers = st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-9)


@given(numbers, numbers)
def test_a_value_axis_covers_its_values_with_few_round_ticks(one, other):
    low, high = sorted((one, other))
    if high - low < 1e-6 * max(abs(low), abs(high)):
        low = high
    axis = value_axis(low, high)
    room = 1e-6 * (axis.high - axis.low)
    assert axis.low - room <= low <= high <= axis.high + room
    assert 2 <= len(axis.ticks) <= 8
    assert len(set(axis.labels)) == len(axis.labels)
    for tick, label in zip(axis.ticks, axis.labels, strict=True):
        assert float(label) == pytest.approx(tick, abs=1e-3 * (axis.high - axis.low))


@given(numbers, numbers)
def test_a_fixed_axis_ends_where_it_is_told_and_has_round_ticks_inside(one, other):
    low, high = sorted((one, other))
    if high - low < 1e-6 * max(abs(low), abs(high)) or high == low:
        high = low + 1 + abs(low)
    axis = fixed_axis(low, high)
    assert (axis.low, axis.high) == (low, high)
    room = 1e-6 * (high - low)
    assert 3 <= len(axis.ticks) <= 11
    assert all(low - room <= tick <= high + room for tick in axis.ticks)
    assert all(tick >= 0 for tick in fixed_axis(low, high, floor=0).ticks)


@given(st.floats(1, 1e12), st.floats(1.6, 1e6))
def test_a_count_axis_has_each_tenfold_as_wide_as_any_other(low, times):
    axis = count_axis(low, low * times)
    assert all(low <= tick <= low * times for tick in axis.ticks)
    widths = [axis.share(10 * tick) - axis.share(tick) for tick in axis.ticks]
    assert widths == pytest.approx([1 / math.log10(times)] * len(widths))
    assert len(axis.ticks) >= math.floor(3 * math.log10(times)) - 1


@given(st.integers(1, 100_000), st.integers(0, 100_000))
def test_an_epoch_axis_has_whole_ticks_inside(first, more):
    axis = epoch_axis(first, first + more)
    assert 1 <= len(axis.ticks) <= 7
    assert all(first <= tick <= first + more and tick == int(tick) for tick in axis.ticks)


@pytest.mark.parametrize(
    ("hits", "total", "shown"),
    [(0, 9, "0.0 %"), (9, 9, "100.0 %"), (9999, 10_000, "99.9 %"), (1, 10_000, "0.1 %"), (354, 359, "98.6 %")],
)
def test_almost_all_is_not_all(hits, total, shown):
    assert percent(hits / total).replace("\u202f", " ") == shown


@given(st.integers(2, 6), st.randoms(use_true_random=False))
def test_confused_pairs_against_sorting_all(count, random):
    counts = np.array([[random.randrange(4) for _ in range(count)] for _ in range(count)])
    names = tuple("abcdef"[:count])
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    slow = [(-counts[t, p], t, p) for t in range(count) for p in range(count) if t != p and counts[t, p]]
    expected = [(names[t], names[p], -minus) for minus, t, p in sorted(slow)[:15]]
    assert [(pair.truth, pair.predicted, pair.count) for pair in confused_pairs(names, counts, shares)] == expected
