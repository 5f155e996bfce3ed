"""A confusion matrix as a page has it: a table where it fits, else a map, and the pairs most often confused."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_IN_TABLE = 30
"""Classes up to which the confusion matrix is a table; above, a map and the most confused pairs."""
MOST_PAIRS = 15


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix: its count, and its depth of colour, 0..1.

    The depth is the root of the share of its row, so that single mistakes show.
    """

    count: int
    depth: float


@dataclass(frozen=True)
class Pair:
    """A class that was taken for another: how often, and which share of all that are of it."""

    truth: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix for the page: `rows` where it fits as a table; the worst pairs; shares of rows, (K, K)."""

    rows: list[tuple[str, list[Cell]]]
    pairs: list[Pair]
    shares: npt.NDArray[np.float64]


def confusion_of(names: tuple[str, ...], counts_KK: npt.NDArray[np.int64]) -> Confusion:
    """The confusion matrix in the form that suits the number of classes. counts_KK: rows truth."""
    shares_KK = counts_KK / np.maximum(1, counts_KK.sum(axis=1, keepdims=True))
    pairs = confused_pairs(names, counts_KK, shares_KK)
    if len(names) > MOST_IN_TABLE:
        return Confusion([], pairs, shares_KK)
    rows = [
        (name, [Cell(int(count), round(math.sqrt(share), 2)) for count, share in zip(counts, shares, strict=True)])
        for name, counts, shares in zip(names, counts_KK, shares_KK, strict=True)
    ]
    return Confusion(rows, pairs, shares_KK)


def confused_pairs(
    names: tuple[str, ...], counts_KK: npt.NDArray[np.int64], shares_KK: npt.NDArray[np.float64]
) -> list[Pair]:
    """The most frequent mistakes, truth to prediction; among equals the order of the classes.

    >>> counts = np.array([[8, 2], [0, 5]])
    >>> confused_pairs(("cat", "dog"), counts, counts / counts.sum(1, keepdims=True))
    [Pair(truth='cat', predicted='dog', count=2, share=0.2)]
    """
    truths, calleds = np.nonzero(counts_KK)
    wrong = truths != calleds
    truths, calleds = truths[wrong], calleds[wrong]
    most = np.argsort(-counts_KK[truths, calleds], kind="stable")[:MOST_PAIRS]
    return [
        Pair(names[truth], names[called], int(counts_KK[truth, called]), float(shares_KK[truth, called]))
        for truth, called in zip(truths[most].tolist(), calleds[most].tolist(), strict=True)
    ]
