"""Average precision of labels by a second definition, thresholds by trying all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from striate.ops.label_precision import Named, average_precisions, best_thresholds, drawings, mean_of_known


def by_definition(shares, present):
    """The mean, over the pictures that have the label, of the share of them among all that are no less likely."""
    of = [present[shares >= share].mean() for share, there in zip(shares, present, strict=True) if there]
    return np.mean(of) if of else np.nan


def test_a_case_worked_by_hand():
    """In order 0.9 yes, 0.8 no, 0.7 yes, 0.6 yes, 0.5 no: (1/1 + 2/3 + 3/4) / 3."""
    shares = np.array([0.5, 0.9, 0.6, 0.8, 0.7])[:, None]
    present = np.array([False, True, True, False, True])[:, None]
    assert average_precisions(shares, present).item() == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


def test_equal_shares_give_how_frequent_a_label_is():
    present = np.arange(10)[:, None] < 3
    assert average_precisions(np.full((10, 1), 0.4), present).item() == pytest.approx(0.3)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(
            arrays.arrays(np.int64, (n, 2), elements=st.integers(0, 4)), arrays.arrays(np.bool_, (n, 2))
        )
    )
)
def test_it_is_the_other_definition_whatever_is_tied(case):
    shares, present = case[0] / 4, case[1]
    found = average_precisions(shares, present)[0]
    expected = [by_definition(shares[:, label], present[:, label]) for label in range(2)]
    np.testing.assert_allclose(found, expected)
    order = np.random.default_rng(0).permutation(len(shares))
    np.testing.assert_allclose(average_precisions(shares[order], present[order])[0], found)


def test_a_drawing_is_the_pictures_as_often_as_it_has_them():
    random = np.random.default_rng(1)
    shares, present = random.random((9, 3)).round(1), random.random((9, 3)) < 0.4
    times = drawings(9, redrawn=5)
    assert times.sum(1).tolist() == [9.0] * 5
    found, counted = average_precisions(shares, present, times), Named.of(shares > 0.5, present, times)
    for row, drawn in enumerate(times.astype(int)):
        rows = np.repeat(np.arange(9), drawn)
        np.testing.assert_allclose(found[row], average_precisions(shares[rows], present[rows])[0])
        alone = Named.of(shares[rows] > 0.5, present[rows])
        np.testing.assert_allclose(counted.each_f1[row], alone.each_f1[0])
        np.testing.assert_allclose(counted.micro_f1[row], alone.micro_f1[0])


def test_a_threshold_has_the_largest_f1_of_all():
    random = np.random.default_rng(2)
    shares, present = random.random((40, 4)).round(1), random.random((40, 4)) < 0.3
    chosen = Named.of(shares >= np.array(best_thresholds(shares, present, 0.5)), present).each_f1[0]
    for level in np.linspace(0, 1, 101):
        assert (Named.of(shares >= level, present).each_f1[0] <= chosen + 1e-12).all()


def test_f1_by_hand():
    named = np.array([[True, False], [True, True], [False, False]])
    present = np.array([[True, True], [False, True], [False, False]])
    found = Named.of(named, present)
    assert found.each_f1[0].tolist() == pytest.approx([2 * 1 / 3, 2 * 1 / 3])
    assert found.micro_f1.item() == pytest.approx(2 * 2 / (3 + 3))


def test_a_label_that_nobody_has_counts_nowhere():
    found = average_precisions(np.array([[0.9, 0.3], [0.1, 0.2]]), np.array([[True, False], [False, False]]))
    assert found[0, 0] == 1 and np.isnan(found[0, 1])
    assert mean_of_known(found).tolist() == [1.0]
    assert best_thresholds(np.array([[0.9, 0.3]]), np.array([[True, False]]), 0.5) == (0.45, 0.5)
