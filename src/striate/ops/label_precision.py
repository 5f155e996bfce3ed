"""Average precision of labels, of which a picture may have any number, and thresholds that decide on them.

N pictures, K labels, R drawings of the pictures. Where no picture has a label, its figures are nan.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

REDRAWN = 200  # samples of a bootstrap
AT_ONCE = 4_000_000  # numbers of a part of them


def average_precisions(shares: Numbers, present: Flags, times: Numbers | None = None) -> Numbers:
    """The average precision of each label in each drawing, (R, K).

    shares: how likely each label is, (N, K). present: whether it is there, (N, K). times: how often each picture is
    drawn, (R, N); None: each once, R is 1.
    The pictures are put in the order of their shares; it is the sum, over the places of that order, of the precision
    down to there times the recall that is gained there. Pictures with equal shares are one place, so that their order
    decides nothing, and equal shares of all pictures give how frequent the label is. No interpolation.
    Source: Zhu, "Recall, precision and average precision", University of Waterloo (2004), section 3; so, without ties,
    are the mAPs of the papers on several labels a picture, such as Ridnik et al., arXiv:2009.14119.

    >>> average_precisions(np.array([[0.9], [0.8], [0.7]]), np.array([[True], [False], [True]])).round(4).tolist()
    [[0.8333]]
    """
    if times is None:
        times = np.ones((1, len(shares)))
    found = np.full((len(times), present.shape[1]), np.nan)
    for label in range(present.shape[1]):
        for part in _parts(len(times), len(shares)):
            right, called = _down_to(shares[:, label], present[:, label], times[part])
            precision = right / np.maximum(called, 1)
            gained = np.diff(right, axis=1, prepend=0)
            whole = right[:, -1] if right.shape[1] else np.zeros(len(right))
            sums = (gained * precision).sum(1)
            found[part, label] = np.divide(sums, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return found


def mean_of_known(values: Numbers) -> Numbers:
    """The mean of each row over what is no nan, (R,); nan where nothing is.

    >>> mean_of_known(np.array([[0.5, np.nan], [np.nan, np.nan]])).tolist()
    [0.5, nan]
    """
    known = ~np.isnan(values)
    sums, counts = np.where(known, values, 0).sum(1), known.sum(1)
    found: Numbers = np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)
    return found


def best_thresholds(shares: Numbers, present: Flags, otherwise: float, fewest: int = 1) -> tuple[float, ...]:
    """The share of each label from which naming it gives the largest F1 on these pictures.

    Half-way between the last share that is named and the next; of equal ones the highest. otherwise: of labels that
    fewer than `fewest` pictures have.

    >>> best_thresholds(np.array([[0.9], [0.6], [0.2]]), np.array([[True], [True], [False]]), 0.5)
    (0.4,)
    """
    once = np.ones((1, len(shares)))
    found = []
    for label in range(present.shape[1]):
        column, there = shares[:, label], present[:, label]
        if there.sum() < fewest:
            found.append(otherwise)
            continue
        (right,), (called,) = _down_to(column, there, once)
        best = int((2 * right / (called + there.sum())).argmax())
        levels = np.append(np.unique(column)[::-1], 0.0)
        found.append(float(levels[best] + levels[best + 1]) / 2)
    return tuple(found)


class Named(NamedTuple):
    """How often labels were named, and rightly, in each drawing, (R, K). there: pictures that have them."""

    right: Numbers
    called: Numbers
    there: Numbers

    @classmethod
    def of(cls, named: Flags, present: Flags, times: Numbers | None = None) -> Named:
        """named, present: (N, K). times: as in `average_precisions`."""
        drawn = np.ones((1, len(named))) if times is None else times
        return cls(*(drawn @ each.astype(np.float64) for each in (named & present, named, present)))

    @property
    def each_f1(self) -> Numbers:
        """F1 of each label, (R, K): the harmonic mean of its precision and its recall; nan where no picture has it."""
        found: Numbers = np.divide(
            2 * self.right, self.called + self.there, out=np.full(self.right.shape, np.nan), where=self.there > 0
        )
        return found

    @property
    def micro_f1(self) -> Numbers:
        """F1 of all labels counted together, (R,); nan where there are none."""
        right, both = self.right.sum(1), (self.called + self.there).sum(1)
        found: Numbers = np.divide(2 * right, both, out=np.full(len(right), np.nan), where=both > 0)
        return found


def drawings(pictures: int, seed: int = 0, redrawn: int = REDRAWN) -> Numbers:
    """How often each of some pictures is in each of many samples of them, (R, N), drawn with replacement.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    chances = np.full(pictures, 1 / pictures)
    return np.random.default_rng(seed).multinomial(pictures, chances, size=redrawn).astype(np.float64)


def _down_to(shares: Numbers, present: Flags, times: Numbers) -> tuple[Numbers, Numbers]:
    """How many pictures with a label there are down to each share, and how many pictures, both (R, shares)."""
    order = np.argsort(-shares, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(shares[order]) != 0, True)) if len(order) else order
    drawn = times[:, order]
    return (drawn * present[order]).cumsum(1)[:, ends], drawn.cumsum(1)[:, ends]


def _parts(draws: int, rows: int) -> Iterator[slice]:
    at_once = max(1, AT_ONCE // max(1, rows))
    return (slice(start, start + at_once) for start in range(0, draws, at_once))
