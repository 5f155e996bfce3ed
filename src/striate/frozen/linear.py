"""Linear classifiers of features, their strength chosen by cross-validation: logistic regression and linear SVM."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.ops.metrics import wilson_interval

Kind = Literal["logistic", "svm"]
Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

FOLDS = 5
STRENGTHS = tuple(10.0**power for power in range(-4, 3))  # C, from strong to weak
PATIENCE = 2  # strengths without a lower cost; weaker ones take long and are worse
SMALLEST = 1e-12
LEAST_DEVIATION = 0.1  # of a feature, as a share of the root mean square of all of them


@dataclass(frozen=True)
class Linear:
    """logits = features @ weight.T + bias. weight: (classes, features). C: the strength that it was fitted with."""

    weight: Array
    bias: Array
    C: float

    def logits(self, features: Array) -> Array:
        """(N, classes) of features (N, dimensions)."""
        return features @ self.weight.T + self.bias


@dataclass(frozen=True)
class Validated:
    """What cross-validation found. logits: (N, classes), each picture's by a classifier that did not see it."""

    C: float
    logits: Array
    labels: Labels

    @property
    def is_correct(self) -> Array:
        """1 for each picture whose class is the first answer, else 0; (N,)."""
        answered: Array = (self.logits.argmax(1) == self.labels).astype(np.float64)
        return answered

    @property
    def correct(self) -> int:
        """Pictures whose class is the first answer."""
        return int(self.is_correct.sum())

    @property
    def accuracy(self) -> float:
        """Share of correct answers."""
        return self.correct / len(self.labels)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy (Wilson)."""
        return wilson_interval(self.correct, len(self.labels))

    @property
    def probabilities(self) -> Array:
        """(N, classes), by softmax."""
        return softmax(self.logits)


def softmax(logits: Array) -> Array:
    """Rows that sum to 1.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp(logits - logits.max(1, keepdims=True))
    shares: Array = powers / powers.sum(1, keepdims=True)
    return shares


def folds_of(labels: Labels, folds: int = FOLDS) -> Labels:
    """The fold of every picture, stratified: each class goes round the folds in the order of its pictures.

    >>> folds_of(np.array([0, 0, 0, 1, 1, 1]), 3).tolist()
    [0, 1, 2, 0, 1, 2]
    """
    numbers = np.empty(len(labels), np.int64)
    start = 0
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        numbers[members] = (start + np.arange(len(members))) % folds
        start += len(members)  # so that small classes do not all begin in the first fold
    return numbers


def cross_validate(features: Array, labels: Labels, classes: int, kind: Kind = "logistic") -> Validated:
    """The strength whose classifiers answer best on folds that they did not see, and these answers.

    features: (N, dimensions). labels: (N,). Best is the lowest mean cost: cross-entropy, or for an SVM the share of
    wrong answers. Raises StriateError for fewer than two pictures.
    """
    if len(labels) < 2:
        raise StriateError(f"a linear classifier needs at least two pictures, got {len(labels)}")
    with one_thread():
        best, waited = held_out([features], labels, classes, STRENGTHS[0], kind), 0
        for C in STRENGTHS[1:]:
            found = held_out([features], labels, classes, C, kind)
            if costs(found, kind).mean() < costs(best, kind).mean():
                best, waited = found, 0
            elif (waited := waited + 1) == PATIENCE:
                break
    return best


def one_thread() -> AbstractContextManager[Any]:
    """The context of many small solutions: threads that share so little work wait for each other, and take four times
    as long where other programs run besides.
    """
    import sklearn.linear_model  # noqa: F401 - loads the libraries whose threads are limited
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limits


def held_out(
    views: Sequence[Array],
    labels: Labels,
    classes: int,
    C: float,
    kind: Kind = "logistic",
    *,
    asked: int = 1,
    folds: int = FOLDS,
) -> Validated:
    """What classifiers of one strength answer on the folds that they did not see.

    views: features of the same pictures, (N, dimensions) each; all are trained on, and the answer is the mean over the
    first `asked`. Views of one picture are no new pictures: each counts for its share, or C would mean another thing.
    """
    fold, logits = folds_of(labels, folds), np.zeros((len(labels), classes))
    for number in np.unique(fold):
        held = fold == number
        seen, truth = np.concatenate([view[~held] for view in views]), np.tile(labels[~held], len(views))
        linear = fit(seen, truth, classes, C / len(views), kind)
        logits[held] = np.mean([linear.logits(view[held]) for view in views[:asked]], axis=0)
    return Validated(C, logits, labels)


def costs(validated: Validated, kind: Kind) -> Array:
    """What the best classifier has least of in the mean, per picture: cross-entropy in nats, or for an SVM errors."""
    if kind == "svm":
        return 1 - validated.is_correct
    right = validated.probabilities[np.arange(len(validated.labels)), validated.labels]
    found: Array = -np.log(np.maximum(right, SMALLEST))
    return found


def fit(features: Array, labels: Labels, classes: int, C: float, kind: Kind = "logistic") -> Linear:
    """A linear classifier of standardised features, told in the features' own units.

    C: as scikit-learn has it, the weight of the pictures' costs against the penalty. A class without pictures gets the
    lowest logit. Features that hardly vary here count for little: blown up, they would decide other pictures.
    """
    mean, deviation = features.mean(0), features.std(0)
    scale = np.sqrt(deviation**2 + (LEAST_DEVIATION * max(SMALLEST, float(np.sqrt((deviation**2).mean())))) ** 2)
    solver, present = _solver(kind, C), np.unique(labels)
    weight, bias = np.zeros((classes, features.shape[1])), np.full(classes, -1e3)
    if len(present) == 1:
        bias[present] = 0.0
        return Linear(weight, bias, C)
    solver.fit((features - mean) / scale, labels)
    rows, offsets = solver.coef_, solver.intercept_
    if len(present) == 2:  # one row that tells the second from the first
        rows, offsets = np.concatenate([-rows, rows]) / 2, np.concatenate([-offsets, offsets]) / 2
    weight[present] = rows / scale
    bias[present] = offsets - weight[present] @ mean
    return Linear(weight, bias, C)


def _solver(kind: Kind, C: float) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if kind == "svm":
        return LinearSVC(C=C, dual=True, max_iter=100_000, random_state=0)
    return LogisticRegression(C=C, max_iter=10_000)
