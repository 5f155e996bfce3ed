"""How good a classifier is: accuracy from the confusion counts, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.core.one_screen import OneScreen, few
from striate.data.splits import TRAIN, VAL
from striate.data.targets import BatchTargets
from striate.data.targets.classes import labels_of
from striate.ops.calibration import BINS, Reliability, in_equal_counts, in_equal_widths, reliability
from striate.ops.metrics import confusion_counts, in_top_k, wilson_interval

MATRIX_UP_TO = 300
"""Classes up to which JSON holds the whole confusion matrix; of more, `[truth, predicted, count]` of its cells."""


@dataclass(frozen=True, repr=False)
class Evaluation(OneScreen):
    """Sums over a split, and what follows from them.

    confusion: rows truth, columns predicted. probabilities: of the predicted class, per picture. predicted, truth:
    class numbers, per picture, in the order of the split. losses, in_top5: per picture too. seen: what the network's
    training did with each picture, 0: trained on it, 1: chose its weights by it, 2: tested on it, -1: never had it;
    None: that is not known. none_below: the share of the predicted class below which a picture is of none of them.
    """

    classes: tuple[str, ...]
    confusion: Tensor
    top5_hits: int
    loss_sum: float
    probabilities: Tensor
    predicted: Tensor
    truth: Tensor
    losses: Tensor | None = None
    in_top5: Tensor | None = None
    seen: Tensor | None = None
    none_below: float = 0.0

    @property
    def trained_on(self) -> int | None:
        """How many of the pictures the network was trained on; None: not known."""
        return None if self.seen is None else int((self.seen == TRAIN).sum())

    @property
    def chose_weights(self) -> int | None:
        """By how many of the pictures its weights were chosen among those of all epochs; None: not known."""
        return None if self.seen is None else int((self.seen == VAL).sum())

    @property
    def unseen(self) -> Evaluation | None:
        """On the pictures that neither: the figure to expect of new ones. None: not known which, or there are none."""
        if self.seen is None or self.losses is None or self.in_top5 is None:
            return None
        rows = (self.seen != TRAIN) & (self.seen != VAL)
        if rows.all() or not rows.any():
            return self if rows.any() else None
        return Evaluation(
            self.classes,
            confusion_counts(self.truth[rows], self.predicted[rows], len(self.classes)),
            int(self.in_top5[rows].sum()),
            float(self.losses[rows].double().sum()),
            self.probabilities[rows],
            self.predicted[rows],
            self.truth[rows],
            self.losses[rows],
            self.in_top5[rows],
            self.seen[rows],
            self.none_below,
        )

    @property
    def total(self) -> int:
        """Pictures evaluated."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """Pictures whose most probable class is the correct one."""
        return int(self.confusion.diagonal().sum())

    @property
    def right(self) -> Tensor:
        """Whether the most probable class of each picture is the correct one, bool (N,)."""
        return self.predicted == self.truth

    def of_samples(self, times: Tensor) -> Tensor:
        """The accuracy of samples of the pictures, float64 (S,). times: how often each is drawn, float64 (S, N)."""
        return times @ self.by_picture / times.sum(1)

    @property
    def by_picture(self) -> Tensor:
        """1 of each picture that is answered rightly, else 0, float64 (N,)."""
        return self.right.double()

    @property
    def accuracy(self) -> float:
        """Share of correct answers, 0..1 (top-1)."""
        return self.correct / max(1, self.total)

    @property
    def top5_share(self) -> float:
        """Share of pictures whose class is among the five most probable."""
        return self.top5_hits / max(1, self.total)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy (Wilson)."""
        return wilson_interval(self.correct, self.total)

    @property
    def mean_loss(self) -> float:
        """Mean cross-entropy without label smoothing."""
        return self.loss_sum / max(1, self.total)

    @property
    def kept(self) -> Tensor:
        """Which pictures are given a class, bool (N,): of the others it is too little sure."""
        return self.probabilities >= self.none_below

    @property
    def reliability(self) -> Reliability:
        """How often it is right where it is how sure, in BINS bins of equal width."""
        return reliability(self.probabilities, self.right, in_equal_widths(self.probabilities))

    def per_class(self) -> list[dict[str, Any]]:
        """Pictures, recall, its interval and precision of every class; None where there is nothing to divide by."""
        rows = []
        for number, name in enumerate(self.classes):
            correct = int(self.confusion[number, number])
            support, called = int(self.confusion[number].sum()), int(self.confusion[:, number].sum())
            rows.append(
                {
                    "class": name,
                    "pictures": support,
                    "recall": correct / support if support else None,
                    "recall_interval": list(wilson_interval(correct, support)),
                    "precision": correct / called if called else None,
                }
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Everything but the per-picture lists, for JSON; what is known of unseen pictures first."""
        return {
            **self._unseen_for_json(),
            **self.figures(),
            **self._kept_for_json(),
            "reliability": self.by_share(),
            "per_class": self.per_class(),
            **self._confusion_for_json(),
        }

    def _unseen_for_json(self) -> dict[str, Any]:
        if self.seen is None:
            return {}
        unseen = self.unseen
        return {
            "unseen": unseen.figures() if unseen is not None else None,
            "trained_on": self.trained_on,
            "chose_weights": self.chose_weights,
        }

    def figures(self) -> dict[str, Any]:
        """How many pictures, and how many answers were correct, for JSON."""
        recalls = [row["recall"] for row in self.per_class() if row["recall"] is not None]
        adaptive = reliability(self.probabilities, self.right, in_equal_counts(self.probabilities))
        return {
            "pictures": self.total,
            "top1": self.accuracy,
            "top1_interval": list(self.interval),
            "top5": self.top5_share,
            "balanced_accuracy": sum(recalls) / max(1, len(recalls)),
            "loss": self.mean_loss,
            "calibration_error": self.reliability.error,
            "calibration_error_by_chance": self.reliability.chance,
            "adaptive_calibration_error": adaptive.error,
        }

    def _kept_for_json(self) -> dict[str, Any]:
        if not self.none_below:
            return {}
        kept, right = int(self.kept.sum()), int((self.kept & self.right).sum())
        return {"none_below": self.none_below, "kept": kept, "top1_of_kept": right / max(1, kept)}

    def by_share(self) -> list[dict[str, Any]]:
        """Of each bin that has pictures: its bounds, how many, how sure the network was, and how often right."""
        found = self.reliability
        columns = zip(*(each.tolist() for each in (found.count, found.sure, found.right)), strict=True)
        return [
            {"from": place / BINS, "to": (place + 1) / BINS, "pictures": count, "sure": sure, "right": right}
            for place, (count, sure, right) in enumerate(columns)
            if count
        ]

    def _confusion_for_json(self) -> dict[str, Any]:
        """`confusion`, the whole matrix; of more than MATRIX_UP_TO classes `confusion_cells`, those that are not 0.

        A matrix of 4,000 classes is 145 MB of text, nearly all of it zeros.
        """
        if len(self.classes) <= MATRIX_UP_TO:
            return {"confusion": self.confusion.tolist()}
        truth, predicted = self.confusion.nonzero(as_tuple=True)
        return {"confusion_cells": torch.stack([truth, predicted, self.confusion[truth, predicted]], 1).tolist()}

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        low, high = self.interval
        return {
            "pictures": f"{self.total:,}",
            "accuracy": f"{self.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})",
            "top-5": f"{self.top5_share:.2%}",
            "loss": f"{self.mean_loss:.4f}",
            "calibration error": f"{self.reliability.error:.2%}",
            "classes": few(self.classes),
        }


class ClassificationMetric:
    """Counts answers to pictures, in the order in which they come."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.confusion = torch.zeros(len(names), len(names), dtype=torch.int64)
        self.loss_sum = 0.0
        self.columns: list[tuple[Tensor, ...]] = []

    def add(self, output: Tensor, targets: BatchTargets) -> None:
        """Count a batch. output: logits (N, classes), float32."""
        self.count(output, labels_of(targets))

    def count(self, output: Tensor, labels: Tensor) -> None:
        """The same of class numbers, int64 (N,)."""
        probability, predicted = output.softmax(1).max(1)
        self.confusion += confusion_counts(labels, predicted, len(self.names))
        self.loss_sum += float(F.cross_entropy(output, labels, reduction="sum"))
        losses = F.cross_entropy(output, labels, reduction="none")
        self.columns.append((probability, predicted, labels, losses, in_top_k(output, labels, 5)))

    def merge(self, other: Self) -> None:
        """Count what another one has counted."""
        self.confusion += other.confusion
        self.loss_sum += other.loss_sum
        self.columns += other.columns

    def figures(self) -> dict[str, float]:
        """Mean cross-entropy without label smoothing, and accuracy."""
        total = max(1, int(self.confusion.sum()))
        return {"loss": self.loss_sum / total, "accuracy": int(self.confusion.diagonal().sum()) / total}

    def result(self) -> Evaluation:
        """All that was counted, picture by picture."""
        probabilities, predicted, truth, losses, in_top5 = map(torch.cat, zip(*self.columns, strict=True))
        counts = self.names, self.confusion, int(in_top5.sum()), self.loss_sum
        return Evaluation(*counts, probabilities, predicted, truth, losses, in_top5)
