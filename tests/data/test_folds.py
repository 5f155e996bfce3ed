"""Folds: every picture in one, classes even over them, the same on every machine, what cannot be dealt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from striate.core.errors import StriateError
from striate.data.folds import Fold, dealt, in_fold
from striate.data.sources import open_data


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(2, 7), st.integers(0, 3))
def test_classes_and_the_whole_are_even_over_the_folds(labels, folds, seed):
    numbers = dealt(map(str, range(len(labels))), np.array(labels), seed, folds)
    assert set(numbers.tolist()) <= set(range(folds))
    for members in (np.array(labels) >= 0, *(np.array(labels) == each for each in set(labels))):
        sizes = np.bincount(numbers[members], minlength=folds)
        assert sizes.max() - sizes.min() <= 1


@given(st.permutations(range(20)))
def test_the_order_of_listing_decides_nothing(order):
    names, labels = [f"{number}.png" for number in range(20)], np.arange(20) % 3
    straight = dealt(names, labels, 0, 4)
    turned = dealt([names[place] for place in order], labels[list(order)], 0, 4)
    assert straight[list(order)].tolist() == turned.tolist()


def test_every_picture_that_is_not_test_is_judged_once_by_a_network_that_did_not_see_it():
    before = open_data("digits")
    folds = [in_fold(before, Fold(number, 5), seed=0) for number in range(1, 6)]
    judged = np.concatenate([fold.splits["test"] for fold in folds])
    assert sorted(judged) == sorted(np.concatenate([before.splits["train"], before.splits["val"]]))
    for fold in folds:
        parts = np.concatenate(list(fold.splits.values()))
        assert len(np.unique(parts)) == len(parts) == len(judged)
        assert not set(parts) & set(before.splits["test"])
        assert all(min(row) > 0 for row in fold.counts().values())
    rows = np.array([fold.counts()["test"] for fold in folds])
    assert (rows.max(0) - rows.min(0)).max() == 1
    assert folds[1].split_rule == (
        "fold 2 of 5 tests, of 1,438 pictures that are not test, dealt by class, by name and split seed 0; val is 15 % "
        "of the rest"
    )


def test_splits_that_come_with_the_data_are_dealt_together_and_its_test_stays(tmp_path):
    for split, count in (("train", 5), ("val", 2), ("test", 3)):
        for name in ("ant", "bee"):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / split / name / f"{number}.png")
    before = open_data(str(tmp_path))
    folds = [in_fold(before, Fold(number, 3), seed=0) for number in (1, 2, 3)]
    judged = np.concatenate([fold.splits["test"] for fold in folds])
    assert sorted(judged) == sorted(np.concatenate([before.splits["train"], before.splits["val"]]))
    assert in_fold(before, Fold(7, 7), seed=0).counts()["test"] == [1, 1]
    with pytest.raises(StriateError) as error:
        in_fold(before, Fold(1, 8), seed=0)
    assert error.value.in_flags == (
        "--folds 8 needs a picture of every class for each fold, and ant has 7 pictures that are not test; "
        "ask for at most 7, or give it more"
    )
