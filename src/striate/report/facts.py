"""What a report is made of. Whoever trains fills these in; nothing here is computed from anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from striate.analysis.summary import Summary
from striate.data.decode import Pixels
from striate.tasks.classification import Evaluation


@dataclass(frozen=True)
class Mistake:
    """A picture that was taken for another class.

    name: file, as the user knows it. truth, predicted: class names. probability: of the predicted class, 0..1.
    pixels: uint8 (H, W, channels), 1 or 3 channels.
    """

    name: str
    truth: str
    predicted: str
    probability: float
    pixels: Pixels


@dataclass(frozen=True)
class Sample:
    """A training picture as the network sees it, with its class name; pixels as in `Mistake`."""

    label: str
    pixels: Pixels


@dataclass(frozen=True)
class ReportFacts:
    """Everything that a report tells about a run. Shares are 0..1, times are seconds.

    title: name of the run. command: what repeats it. evaluated_split: "test", or "val" where there is no test split.
    history: one record per epoch with epoch (from 1), step, lr, train_loss, train_accuracy, val_loss, val_accuracy,
    images_per_second, seconds (since the start) and best (the best so far); a figure that was not taken is None.
    mistakes: most confident first. augmented: sixteen training pictures. recipe, machine: plain JSON values.
    data: source, split_rule, counts (split to a list, one number per class) and warnings (sentences).
    seconds: training time. best_epoch: the one whose weights were kept and evaluated.
    """

    title: str
    command: str
    evaluation: Evaluation
    evaluated_split: str
    history: list[dict[str, Any]]
    mistakes: list[Mistake]
    augmented: list[Sample]
    cost: Summary | None
    recipe: dict[str, Any]
    machine: dict[str, Any]
    data: dict[str, Any]
    seconds: float
    best_epoch: int
