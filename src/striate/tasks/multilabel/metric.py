"""How well a network names the labels of pictures, summed over a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.answers.labels import THRESHOLD
from striate.core.one_screen import OneScreen, few
from striate.data.targets import BatchTargets
from striate.data.targets.labels import present_in
from striate.ops.label_precision import (
    Flags,
    Named,
    Numbers,
    average_precisions,
    best_thresholds,
    drawings,
    mean_of_known,
)

FEWEST = 5
"""Pictures with a label that decide on a threshold of its own: one alone would put it anywhere below its share."""


@dataclass(frozen=True, repr=False, eq=False)
class LabelEvaluation(OneScreen):
    """What an evaluation of N pictures with K labels came to.

    names: of the labels. shares: how likely each is, float64 (N, K), 0..1. present: whether it is there, bool (N, K).
    losses: binary cross-entropy of each picture, the mean over its labels, in nats, (N,). thresholds: of each label,
    the share from which it is named.
    """

    names: tuple[str, ...]
    shares: Numbers
    present: Flags
    losses: Numbers
    thresholds: tuple[float, ...]

    @property
    def total(self) -> int:
        """Pictures evaluated."""
        return len(self.shares)

    @property
    def named(self) -> Flags:
        """Whether each label is named, bool (N, K)."""
        return np.asarray(self.shares >= np.array(self.thresholds))

    @cached_property
    def precisions(self) -> Numbers:
        """The average precision of each label, (K,); nan of one that no picture has."""
        found: Numbers = average_precisions(self.shares, self.present)[0]
        return found

    @property
    def prior_map(self) -> float:
        """The mean average precision of saying of every picture how frequent each label is."""
        frequent = self.present.mean(0)
        return float(frequent[frequent > 0].mean()) if self.present.any() else 0.0

    @cached_property
    def values(self) -> dict[str, float]:
        """The figures of the task, by key; 0 where there is nothing to name."""
        found = {key: float(np.nan_to_num(value)[0]) for key, value in self._drawn(np.ones((1, self.total))).items()}
        return {**found, "loss": float(self.losses.mean())}

    def _drawn(self, times: Numbers) -> dict[str, Numbers]:
        """The figures but the loss in drawings of the pictures, each (R,); nan where one asks nothing."""
        counted = Named.of(self.named, self.present, times)
        exact = (self.named == self.present).all(1).astype(np.float64)
        return {
            "map": mean_of_known(average_precisions(self.shares, self.present, times)),
            "micro_f1": counted.micro_f1,
            "macro_f1": mean_of_known(counted.each_f1),
            "exact": times @ exact / times.sum(1),
        }

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals of the figures by drawing the pictures anew; a rare label may shift them, so that each is
        widened to its figure where it is not in it.
        """
        ends = {}
        for key, drawn in self._drawn(drawings(self.total)).items():
            known, value = drawn[~np.isnan(drawn)], self.values[key]
            low, high = np.quantile(known, [0.025, 0.975]).tolist() if len(known) else (0.0, 1.0)
            ends[key] = (min(low, value), max(high, value))
        return ends

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean average precision."""
        return self.intervals["map"]

    def of_samples(self, times: Tensor) -> Tensor:
        """The mean average precision of samples of the pictures, float64 (S,). times: of each, float64 (S, N)."""
        return torch.from_numpy(mean_of_known(average_precisions(self.shares, self.present, times.numpy())))

    @property
    def by_picture(self) -> Tensor:
        """The average precision of each picture, whose labels are put in the order of their shares, float64 (N,)."""
        return torch.from_numpy(average_precisions(self.shares.T, self.present.T)[0])

    def per_class(self) -> list[dict[str, Any]]:
        """Of every label: pictures that have it, average precision, F1, precision, recall, threshold."""
        counted = Named.of(self.named, self.present)
        right, called, there, f1 = (each[0] for each in (*counted, counted.each_f1))
        rows = []
        for number, name in enumerate(self.names):
            rows.append(
                {
                    "class": name,
                    "pictures": int(there[number]),
                    "average_precision": _known(self.precisions[number]),
                    "f1": _known(f1[number]),
                    "precision": float(right[number] / called[number]) if called[number] else None,
                    "recall": float(right[number] / there[number]) if there[number] else None,
                    "threshold": self.thresholds[number],
                }
            )
        return rows

    def figures(self) -> dict[str, Any]:
        """The figures of the whole, for JSON."""
        ends = {f"{key}_interval": list(ends) for key, ends in self.intervals.items()}
        return {"pictures": self.total, **self.values, "map_of_prior": self.prior_map, **ends}

    def to_dict(self) -> dict[str, Any]:
        """Figures and labels, for JSON."""
        return {**self.figures(), "per_class": self.per_class()}

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        low, high = self.interval
        return {
            "pictures": f"{self.total:,}",
            "mAP": f"{self.values['map']:.2%} (95 % interval {low:.2%} to {high:.2%})",
            "mAP of the prior": f"{self.prior_map:.2%}",
            "F1": f"{self.values['micro_f1']:.2%} of all together, {self.values['macro_f1']:.2%} as a mean of labels",
            "exactly right": f"{self.values['exact']:.2%}",
            "labels": few(self.names),
        }


class LabelMetric:
    """Counts answers to pictures, in the order in which they come. thresholds: (): THRESHOLD for all labels."""

    def __init__(self, names: tuple[str, ...], thresholds: Sequence[float] = ()) -> None:
        self.names = names
        self.thresholds = tuple(thresholds) or (THRESHOLD,) * len(names)
        self.logits: list[Tensor] = []
        self.present: list[Tensor] = []

    def add(self, output: Tensor, targets: BatchTargets) -> None:
        """Count a batch. output: logits (N, K), float32."""
        self.logits.append(output)
        self.present.append(present_in(targets).cpu())

    def merge(self, other: Self) -> None:
        """Count what another one has counted."""
        self.logits += other.logits
        self.present += other.present

    def figures(self) -> dict[str, float]:
        """Mean average precision, F1, exact answers, loss."""
        return dict(self.result().values)

    def result(self) -> LabelEvaluation:
        """All that was counted, picture by picture."""
        empty = [torch.zeros(0, len(self.names))]
        logits, present = (torch.cat(each or empty).double() for each in (self.logits, self.present))
        losses = F.binary_cross_entropy_with_logits(logits, present, reduction="none").mean(1)
        return LabelEvaluation(
            self.names, logits.sigmoid().numpy(), present.numpy() > 0, losses.numpy(), self.thresholds
        )


def thresholds_of(found: LabelEvaluation) -> tuple[float, ...]:
    """The thresholds with the largest F1 of each label on the pictures of an evaluation.

    Labels that fewer than FEWEST of them have share the threshold with the largest F1 of all labels together.
    """
    (common,) = best_thresholds(found.shares.reshape(-1, 1), found.present.reshape(-1, 1), THRESHOLD)
    return best_thresholds(found.shares, found.present, common, FEWEST)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
