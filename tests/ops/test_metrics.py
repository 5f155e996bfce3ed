from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from striate.ops.metrics import confusion_counts, in_top_k, wilson_interval


def test_confusion_agrees_with_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    truth, predicted = (torch.randint(0, 7, (500,), generator=generator) for _ in range(2))
    assert (confusion_counts(truth, predicted, 7).numpy() == confusion_matrix(truth, predicted, labels=range(7))).all()


def test_top_k_agrees_with_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    logits, truth = torch.randn(300, 9, generator=generator), torch.randint(0, 9, (300,), generator=generator)
    share = top_k_accuracy_score(truth.numpy(), logits.numpy(), k=5, labels=np.arange(9))
    assert int(in_top_k(logits, truth, 5).sum()) == round(share * 300)


def test_top_5_of_three_classes_is_everything():
    assert int(in_top_k(torch.randn(4, 3), torch.tensor([0, 1, 2, 0]), 5).sum()) == 4


def test_sums_over_batches_are_sums_over_all():
    truth, predicted = torch.arange(10) % 3, torch.arange(10) % 2
    parts = sum(confusion_counts(t, p, 3) for t, p in zip(truth.split(4), predicted.split(4), strict=True))
    assert (parts == confusion_counts(truth, predicted, 3)).all()


def test_interval_by_hand():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, Wilson without continuity correction.
    low, high = wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (10, 10), (0, 0)])
def test_interval_stays_within_0_and_1(hits, total):
    low, high = wilson_interval(hits, total)
    assert 0 <= low < high <= 1
