"""An epoch in which every class is shown equally often."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from striate.data.balance import balanced_order

COUNTS = st.lists(st.integers(1, 12), min_size=1, max_size=5)


@given(COUNTS, st.integers(0, 3), st.integers(0, 3))
def test_every_class_is_shown_equally_often_and_its_pictures_too(counts, seed, epoch):
    labels = np.repeat(np.arange(len(counts)), counts)
    indices = 100 + np.arange(len(labels))
    order = balanced_order(indices, labels, seed, epoch)
    assert len(order) == len(indices)
    of_class = np.bincount(labels[order - 100], minlength=len(counts))
    assert of_class.max() - of_class.min() <= 1
    for label in range(len(counts)):
        times = np.bincount(order - 100, minlength=len(labels))[labels == label]
        assert times.max() - times.min() <= 1
    assert np.array_equal(order, balanced_order(indices, labels, seed, epoch))


def test_other_epochs_show_other_pictures_of_a_large_class():
    labels = np.array([0] * 50 + [1] * 2)
    shown = [set(balanced_order(np.arange(52), labels, 0, epoch).tolist()) for epoch in range(6)]
    assert all(len(each & set(range(50))) == 26 for each in shown)
    assert all(each >= {50, 51} for each in shown) and len(set.union(*shown)) > 45
