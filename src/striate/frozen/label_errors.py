"""Pictures whose label is most likely wrong, from probabilities of classifiers that did not see them.

Northcutt, Jiang and Chuang, "Confident learning", arXiv:1911.00068, in its simple form: the off-diagonal cells of the
confident joint, ranked by normalised margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from striate.frozen.linear import Array, Labels

FEWEST_OF_A_CLASS = 5
"""Pictures; of a smaller class, other pictures say too little to doubt a label."""


@dataclass(frozen=True)
class Suspect:
    """A picture whose label is most likely wrong.

    place: its row. given, likely: class numbers. given_probability, likely_probability: what a classifier that did not
    see it gives these two.
    """

    place: int
    given: int
    likely: int
    given_probability: float
    likely_probability: float

    @property
    def margin(self) -> float:
        """Probability of the given class less that of the likely one; the lower, the surer that the label is wrong."""
        return self.given_probability - self.likely_probability


def find_suspects(probabilities: Array, labels: Labels) -> list[Suspect]:
    """The pictures that are confidently of another class than their label says, surest first.

    probabilities: (N, classes), each row by a classifier that did not see the picture. labels: (N,). A picture is
    confidently of a class when it gets at least the mean probability of the pictures with that label (section 3.1).
    None where the label is as probable all the same, nor where either class is below FEWEST_OF_A_CLASS.

    >>> sure, wrong = [0.9, 0.1], [0.2, 0.8]
    >>> find_suspects(np.array([sure] * 6 + [wrong] * 7), np.array([0] * 7 + [1] * 6))
    [Suspect(place=6, given=0, likely=1, given_probability=0.2, likely_probability=0.8)]
    """
    places = np.arange(len(labels))
    small = small_classes(labels, probabilities.shape[1])
    confident = probabilities >= mean_confidences(probabilities, labels)
    confident[:, small] = False  # the mean of a few pictures may be next to nothing, which every picture reaches
    likely = np.where(confident, probabilities, -1.0).argmax(1)
    given, other = probabilities[places, labels], probabilities[places, likely]
    doubted = confident.any(1) & (other > given) & ~np.isin(labels, small)
    order = np.flatnonzero(doubted)[np.argsort((given - other)[doubted], kind="stable")]
    return [
        Suspect(place, int(labels[place]), int(likely[place]), float(given[place]), float(other[place]))
        for place in order.tolist()
    ]


def mean_confidences(probabilities: Array, labels: Labels) -> Array:
    """The thresholds of the paper's equation 2: for each class, its mean probability over the pictures labelled so.

    No picture is confidently of a class that has none.

    >>> mean_confidences(np.array([[0.9, 0.1], [0.7, 0.3]]), np.array([0, 0])).round(2).tolist()
    [0.8, inf]
    """
    classes = probabilities.shape[1]
    own = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=own, minlength=classes)
    means: Array = np.where(counts > 0, sums / np.maximum(1, counts), np.inf)
    return means


def small_classes(labels: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Classes that have pictures, but fewer than FEWEST_OF_A_CLASS.

    >>> small_classes(np.array([0, 0, 0, 0, 0, 2]), 3).tolist()
    [2]
    """
    counts = np.bincount(labels, minlength=classes)
    return np.flatnonzero((counts > 0) & (counts < FEWEST_OF_A_CLASS))
