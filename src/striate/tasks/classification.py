"""Classification: one class per picture, cross-entropy, accuracy from the confusion counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.one_screen import OneScreen, few
from striate.core.records import Preprocess
from striate.data.batches import Batch
from striate.data.picture import normalise, to_network_size
from striate.data.splits import TRAIN, VAL
from striate.models import Network
from striate.ops.metrics import confusion_counts, in_top_k, wilson_interval
from striate.runtime.folding import inference_form
from striate.runtime.runtime import Runtime

# Of the largest logit: some times what rounding to bf16 moves a difference of two by (benchmarks/evaluation.md).
NEAR_TIE = 1 / 32
MATRIX_UP_TO = 300
"""Classes up to which JSON holds the whole confusion matrix; of more, `[truth, predicted, count]` of its cells."""


def loss(network: Network, images: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """Training loss and the number of correct answers of the main head, two scalars.

    images: float (N, C, H, W). labels: int64 (N,), or of mixed pictures probabilities (N, classes), of which the
    largest is the correct answer. The loss is the mean cross-entropy; with auxiliary heads, the weighted sum over all
    of them.
    Source of label smoothing: Szegedy et al., arXiv:1512.00567, section 7.
    """
    heads = network.training_logits(images)
    losses = [
        weight * F.cross_entropy(logits.float(), labels, label_smoothing=label_smoothing) for weight, logits in heads
    ]
    right = (heads[0][1].argmax(1) == (labels if labels.dim() == 1 else labels.argmax(1))).sum()
    return torch.stack(losses).sum(), right


@dataclass(frozen=True, repr=False)
class Evaluation(OneScreen):
    """Sums over a split, and what follows from them.

    confusion: rows truth, columns predicted. probabilities: of the predicted class, per picture. predicted, truth:
    class numbers, per picture, in the order of the split. losses, in_top5: per picture too. seen: what the network's
    training did with each picture, 0: trained on it, 1: chose its weights by it, 2: tested on it, -1: never had it;
    None: that is not known.
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
        )

    @property
    def total(self) -> int:
        """Pictures evaluated."""
        return int(self.confusion.sum())

    @property
    def hits(self) -> int:
        """Pictures whose most probable class is the correct one."""
        return int(self.confusion.diagonal().sum())

    @property
    def accuracy(self) -> float:
        """Share of correct answers, 0..1 (top-1)."""
        return self.hits / max(1, self.total)

    @property
    def top5_share(self) -> float:
        """Share of pictures whose class is among the five most probable."""
        return self.top5_hits / max(1, self.total)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy (Wilson)."""
        return wilson_interval(self.hits, self.total)

    @property
    def mean_loss(self) -> float:
        """Mean cross-entropy without label smoothing."""
        return self.loss_sum / max(1, self.total)

    def per_class(self) -> list[dict[str, Any]]:
        """Pictures, recall, its interval and precision of every class; None where there is nothing to divide by."""
        rows = []
        for number, name in enumerate(self.classes):
            hits = int(self.confusion[number, number])
            support, called = int(self.confusion[number].sum()), int(self.confusion[:, number].sum())
            rows.append(
                {
                    "class": name,
                    "pictures": support,
                    "recall": hits / support if support else None,
                    "recall_interval": list(wilson_interval(hits, support)),
                    "precision": hits / called if called else None,
                }
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Everything but the per-picture lists, for JSON; what is known of unseen pictures first."""
        return {
            **self._unseen_for_json(),
            **self.figures(),
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
        return {
            "pictures": self.total,
            "top1": self.accuracy,
            "top1_interval": list(self.interval),
            "top5": self.top5_share,
            "balanced_accuracy": sum(recalls) / max(1, len(recalls)),
            "loss": self.mean_loss,
        }

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
            "classes": few(self.classes),
        }


@torch.inference_mode()
def evaluate(
    network: nn.Module, batches: Iterable[Batch], preprocess: Preprocess, classes: tuple[str, ...], runtime: Runtime
) -> Evaluation:
    """Run a network in its inference form over batches of working-size pictures; it is left as it was."""
    was_training = network.training
    form = inference_form(network, preprocess)
    confusion = torch.zeros(len(classes), len(classes), dtype=torch.int64)
    loss_sum = 0.0
    columns: list[tuple[Tensor, ...]] = []
    for pictures, labels, _ in batches:
        logits = predict_logits(form, pictures, preprocess, runtime)
        probability, predicted = logits.softmax(1).max(1)
        confusion += confusion_counts(labels, predicted, len(classes))
        loss_sum += float(F.cross_entropy(logits, labels, reduction="sum"))
        losses = F.cross_entropy(logits, labels, reduction="none")
        columns.append((probability, predicted, labels, losses, in_top_k(logits, labels, 5)))
    network.train(was_training)
    probabilities, predicted, truth, losses, in_top5 = (torch.cat(column) for column in zip(*columns, strict=True))
    top5_hits = int(in_top5.sum())
    return Evaluation(classes, confusion, top5_hits, loss_sum, probabilities, predicted, truth, losses, in_top5)


def predict_logits(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Logits (N, classes), float32 on the CPU, of uint8 working-size pictures (N, C, h, w).

    With `preprocess.mirrored` they are the mean over the picture and its mirror image. In 16 bits, pictures whose two
    likeliest classes are nearly equal are computed again in fp32, so that the answers are fp32's.
    """
    images = runtime.images(normalise(to_network_size(runtime.move(pictures), preprocess), preprocess))
    with runtime.autocast():
        logits = _logits(network, images, preprocess.mirrored)
    if runtime.precision != "fp32" and len(close := _near_ties(logits)):
        logits[close] = _logits(network, runtime.images(images[close]), preprocess.mirrored)
    return logits.cpu()


def _logits(network: nn.Module, images: Tensor, mirrored: bool) -> Tensor:
    logits: Tensor = network(images).float()
    return (logits + network(images.flip(3)).float()) / 2 if mirrored else logits


def _near_ties(logits: Tensor) -> Tensor:
    """Which rows have two largest logits so close that rounding in 16 bits could exchange them."""
    if logits.shape[1] == 1:
        return torch.empty(0, dtype=torch.long)
    first, second = logits.topk(2).values.unbind(1)
    return (first - second < NEAR_TIE * logits.abs().amax(1)).nonzero()[:, 0]
