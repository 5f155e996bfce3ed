"""How well a network tells what is there and where, summed over a data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen, few
from striate.data.targets import BatchTargets
from striate.data.targets.boxes import boxes_of
from striate.ops.boxes import box_iou
from striate.ops.metrics import mean_interval
from striate.tasks.localisation.losses import BOX_WEIGHT, RIGHT_FROM, box_of

SHARES = ("error", "class_error", "box_error", "mean_iou")


class Places(NamedTuple):
    """What was answered of N pictures, and what is right.

    truth, predicted: class numbers, int64 (N,). probability: of the predicted class. boxes: true ones, as shares, (N,
    4). answered: boxes of the predicted class, (N, 4). iou: of those with the true ones; known_iou: of the box of the
    true class, (N,). loss: (N,).
    """

    truth: Tensor
    predicted: Tensor
    probability: Tensor
    boxes: Tensor
    answered: Tensor
    iou: Tensor
    known_iou: Tensor
    loss: Tensor

    @property
    def class_right(self) -> Tensor:
        """Whether the class is right, bool (N,)."""
        return self.truth == self.predicted

    @property
    def right(self) -> Tensor:
        """Whether class and box are right, as ILSVRC's track of localisation has it."""
        return self.class_right & (self.iou >= RIGHT_FROM)

    @property
    def box_right(self) -> Tensor:
        """Whether the box is right where the class is told."""
        return self.known_iou >= RIGHT_FROM

    def figures(self) -> dict[str, float]:
        """The figures of the task, by key."""
        return {
            "error": _share(~self.right),
            "class_error": _share(~self.class_right),
            "box_error": _share(~self.box_right),
            "mean_iou": _share(self.known_iou),
            "loss": _share(self.loss),
        }


@dataclass(frozen=True, repr=False, eq=False)
class PlaceEvaluation(OneScreen):
    """What an evaluation of pictures with one object each came to. names: of the classes."""

    names: tuple[str, ...]
    places: Places

    @property
    def total(self) -> int:
        """Pictures evaluated."""
        return len(self.places.truth)

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals of the shares, by drawing the pictures anew."""
        places = self.places
        columns = {
            "error": ~places.right,
            "class_error": ~places.class_right,
            "box_error": ~places.box_right,
            "mean_iou": places.known_iou,
        }
        return {key: mean_interval(values) for key, values in columns.items()}

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the localisation error."""
        return self.intervals["error"]

    def of_samples(self, times: Tensor) -> Tensor:
        """The localisation error of samples of the pictures, float64 (S,). times: of each, float64 (S, N)."""
        return times @ self.by_picture / times.sum(1)

    @property
    def by_picture(self) -> Tensor:
        """1 of each picture that is answered wrongly, else 0, float64 (N,)."""
        return (~self.right).double().cpu()

    @property
    def right(self) -> Tensor:
        """Whether class and box of each picture are right, bool (N,)."""
        return self.places.right

    def per_class(self) -> list[dict[str, Any]]:
        """Pictures, errors and mean IoU of every class; None where there is no picture."""
        rows = []
        for number, name in enumerate(self.names):
            own = self.places.truth == number
            figures = Places(*(column[own] for column in self.places)).figures()
            shown = {key: figures[key] if own.any() else None for key in SHARES}
            rows.append({"class": name, "pictures": int(own.sum()), **shown})
        return rows

    def figures(self) -> dict[str, Any]:
        """The figures of the whole, for JSON."""
        ends = {f"{key}_interval": list(ends) for key, ends in self.intervals.items()}
        return {"pictures": self.total, **self.places.figures(), **ends}

    def to_dict(self) -> dict[str, Any]:
        """Figures and classes, for JSON."""
        return {**self.figures(), "per_class": self.per_class()}

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        found, (low, high) = self.places.figures(), self.interval
        return {
            "pictures": f"{self.total:,}",
            "localisation error": f"{found['error']:.2%} (95 % interval {low:.2%} to {high:.2%})",
            "class error": f"{found['class_error']:.2%}",
            "box error, class known": f"{found['box_error']:.2%}",
            "mean IoU": f"{found['mean_iou']:.4f}",
            "classes": few(self.names),
        }


class LocalisationMetric:
    """Counts answers to pictures, in the order in which they come."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.parts: list[Places] = []

    def add(self, output: Tensor, targets: BatchTargets) -> None:
        """Count a batch. output: (N, K, 5), float32. Raises StriateError where a picture has not one box."""
        batch = boxes_of(targets)
        if not torch.equal(batch.picture, torch.arange(len(batch), device=batch.picture.device)):
            raise StriateError("localisation is measured on pictures with one box each")
        truth, boxes, logits = batch.labels, batch.shares, output[:, :, 0]
        probability, predicted = logits.softmax(1).max(1)
        answered, known = box_of(output, predicted).clamp(0, 1), box_of(output, truth).clamp(0, 1)
        iou, known_iou = box_iou(answered, boxes), box_iou(known, boxes)
        lost = (1 - known_iou) + (known - boxes).abs().mean(1)
        loss = F.cross_entropy(logits, truth, reduction="none") + BOX_WEIGHT * lost
        self.parts.append(Places(truth, predicted, probability, boxes, answered, iou, known_iou, loss))

    def merge(self, other: Self) -> None:
        """Count what another one has counted."""
        self.parts += other.parts

    def figures(self) -> dict[str, float]:
        """Errors, mean IoU, and the loss: cross-entropy and what boxes lack."""
        return self._places().figures()

    def _places(self) -> Places:
        return Places(*map(torch.cat, zip(*self.parts, strict=True)))

    def result(self) -> PlaceEvaluation:
        """All that was counted, picture by picture."""
        return PlaceEvaluation(self.names, self._places())


def _share(values: Tensor) -> float:
    """The mean, 0 of none."""
    return float(values.double().mean()) if len(values) else 0.0
