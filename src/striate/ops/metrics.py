"""Metrics as sums: counts are added over batches and divided once."""

from __future__ import annotations

import math

import torch
from torch import Tensor

REDRAWN = 1000  # samples of a bootstrap


def confusion_counts(truth: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """How often each class was taken for each other: int64 (classes, classes), rows truth, columns predicted.

    truth, predicted: int64 (N,).

    >>> confusion_counts(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return torch.bincount(truth * classes + predicted, minlength=classes * classes).view(classes, classes)


def in_top_k(logits: Tensor, truth: Tensor, k: int) -> Tensor:
    """Which pictures have their class among the k largest logits, bool (N,); with fewer classes than k, all of them.

    logits: (N, classes). truth: int64 (N,).

    >>> in_top_k(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]]), torch.tensor([2, 2]), 2).tolist()
    [True, False]
    """
    best = logits.topk(min(k, logits.shape[1]), dim=1).indices
    return (best == truth[:, None]).any(1)


def wilson_interval(correct: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a proportion, both ends between 0 and 1; (0, 1) when there is nothing to go by.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).

    >>> tuple(round(end, 4) for end in wilson_interval(355, 360))
    (0.9679, 0.9941)
    """
    if total == 0:
        return 0.0, 1.0
    share = correct / total
    centre = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def mean_interval(values: Tensor, seed: int = 0, redrawn: int = REDRAWN) -> tuple[float, float]:
    """95 % interval of the mean of values (N,) by drawing them anew, with replacement; not a number of none.

    The same seed gives the same interval.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).

    >>> mean_interval(torch.ones(5))
    (1.0, 1.0)
    """
    if not len(values):
        return math.nan, math.nan
    generator, values = torch.Generator().manual_seed(seed), values.double().cpu()
    means = [values[torch.randint(len(values), (len(values),), generator=generator)].mean() for _ in range(redrawn)]
    low, high = torch.stack(means).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high
