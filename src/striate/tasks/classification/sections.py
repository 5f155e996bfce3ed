"""What a report tells of classification: key figures, what became of each class, the confusion matrix, mistakes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.core.words import percent
from striate.tasks.classification.examples import Mistake
from striate.tasks.classification.metric import Evaluation
from striate.tasks.task import Fact, Headline, Section

FOLDER = "classification"
"""Below report/template/."""
MOST_CLASS_ROWS = 40
"""Classes up to which the table is not folded."""
MOST_MISTAKES = 24
TOP5_FROM = 6
"""Classes from which on it says something that the correct one is among the first five."""
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
    """A class that was taken for another: how often, and which share of its pictures that is."""

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


def headline(found: Evaluation, split: str) -> Headline:
    """The accuracy in a sentence."""
    return Headline(percent(found.accuracy), f"of {found.total:,} {split} pictures are classified correctly")


def facts(found: Evaluation) -> list[Fact]:
    """Accuracy, top-5 where there are enough classes, balanced accuracy, loss."""
    metrics = found.figures()
    top5 = [Fact("Among the first five", percent(found.top5_share), "top-5 accuracy")]
    return [
        Fact("Accuracy", percent(found.accuracy), f"{found.correct:,} of {found.total:,}"),
        *(top5 if len(found.classes) >= TOP5_FROM else []),
        Fact("Balanced accuracy", percent(metrics["balanced_accuracy"]), "mean recall of the classes"),
        Fact("Loss", f"{found.mean_loss:.3f}", "cross-entropy, nats"),
    ]


def sections(found: Evaluation, mistakes: list[Mistake]) -> list[Section]:
    """Classes, confusion, mistakes."""
    rows, confusion = weakest_first(found), confusion_of(found)
    shown = mistakes[:MOST_MISTAKES]
    counts = {"total": found.total, "wrong": found.total - found.correct}
    return [
        Section("classes", "Classes", f"{FOLDER}/classes.html", {"rows": rows, "most_rows": MOST_CLASS_ROWS}),
        Section(
            "confusion", "Confusion", f"{FOLDER}/confusion.html", {"classes": found.classes, "confusion": confusion}
        ),
        Section("mistakes", "Mistakes", f"{FOLDER}/mistakes.html", {"mistakes": shown, **counts}),
    ]


def weakest_first(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The rows of `Evaluation.per_class`, lowest recall first; classes without pictures come last."""
    return sorted(evaluation.per_class(), key=lambda row: math.inf if row["recall"] is None else row["recall"])


def confusion_of(evaluation: Evaluation) -> Confusion:
    """The confusion matrix in the form that suits the number of classes."""
    counts_KK = evaluation.confusion.cpu().numpy().astype(np.int64)
    shares_KK = counts_KK / np.maximum(1, counts_KK.sum(axis=1, keepdims=True))
    names = evaluation.classes
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
