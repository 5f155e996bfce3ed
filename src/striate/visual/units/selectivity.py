"""How much a unit answers to one class more than to the others.

Morcos, Barrett, Rabinowitz and Botvinick, "On the importance of single directions for generalization",
arXiv:1803.06959, equation 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

UNKNOWN = -1

Numbers = npt.NDArray[np.float64]


class Selectivity(NamedTuple):
    """How selective U units are.

    shares: 0 where one answers to all classes alike, or classes are not known, 1 where it answers to one only.
    classes: the number of the class that it answers to most, int64 (U,), UNKNOWN where nobody knows.
    standing_out: by how many standard deviations the strongest answer is above the mean over the pictures.
    """

    shares: Numbers
    classes: npt.NDArray[np.int64]
    standing_out: Numbers

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """Units, the most selective first; where classes are not known by how far they stand out."""
        by = self.shares if (self.classes >= 0).any() else self.standing_out
        return np.argsort(-by, kind="stable")


def selectivity_of(means: Mapping[int, Numbers], smallest: Numbers, standing_out: Numbers) -> Selectivity:
    """Of the mean answer of U units over the places and pictures of each class, (U,) by its number.

    It is (m - o) / (m + o), m the mean for the class that a unit answers to most, o that of the other classes. Where a
    unit gives numbers below 0 it is measured from the smallest that a picture has in the mean, (U,).

    >>> means = {3: np.array([4.0, 1.0]), 5: np.array([0.0, 1.0]), 9: np.array([2.0, 1.0])}
    >>> found = selectivity_of(means, np.zeros(2), np.zeros(2))
    >>> found.shares.tolist(), found.classes.tolist()
    ([0.6, 0.0], [3, 3])
    """
    if len(means) < 2:
        unknown = np.full(len(smallest), UNKNOWN, np.int64)
        return Selectivity(np.zeros(len(smallest)), unknown, standing_out)
    by_class = np.stack(list(means.values())) - np.minimum(smallest, 0)
    best = by_class.argmax(0)
    most = by_class.max(0)
    others = (by_class.sum(0) - most) / (len(by_class) - 1)
    total = most + others
    shares = np.divide(most - others, total, out=np.zeros_like(total), where=total > 0)
    return Selectivity(shares, np.array(list(means), np.int64)[best], standing_out)
