"""What a report is made of. Whoever trains fills these in; nothing here is computed from anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from striate.analysis.summary import Summary
from striate.data.decode import Pixels
from striate.report.space import FeatureSpace
from striate.tasks.task import Task


@dataclass(frozen=True)
class Sample:
    """A training picture as the network sees it, with what is read under it; uint8 (H, W, channels), 1 or 3 of them."""

    label: str
    pixels: Pixels


@dataclass(frozen=True)
class Measured:
    """An accuracy, 0..1, with its 95 % interval."""

    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Stage:
    """A part of fine-tuning. tuned, frozen: layers. epochs: such as "1 to 4", "" for the head that was solved.

    best: the best validation in it. kept: whether the weights that were kept are of it.
    """

    tuned: tuple[str, ...]
    frozen: tuple[str, ...]
    epochs: str
    best: Measured
    kept: bool


@dataclass(frozen=True)
class TransferFacts:
    """How a run went on from other weights. sentence: what was decided and why. probes: by layer, from the pictures up.

    views: of each of the `pictures` that the head was solved on. advice: what would help most, in a sentence.
    """

    weights: str
    sentence: str
    probes: dict[str, Measured]
    stages: list[Stage]
    pictures: int
    views: int
    advice: str


@dataclass(frozen=True)
class ReportFacts:
    """Everything that a report tells about a run. Shares are 0..1, times are seconds.

    title: name of the run. command: what repeats it. task: what the network learned. evaluation: the task's result.
    evaluated_split: "test", or "val" where there is no test split.
    history: one record per epoch with epoch (from 1), step, lr, images_per_second, seconds (since the start), best (the
    best so far) and the task's figures behind train_ and val_, as far as it has them; one that was not taken is None.
    Some have grad_norm, update_ratio, dead_share and, of classes, clean_accuracy besides, and findings: records with
    kind, epoch, step and text (docs/babysitting.md).
    examples: pictures of the evaluation, as the task chose them. names: what the network tells apart. described: what
    there was to learn, in two words. augmented: sixteen training pictures. recipe, machine: plain JSON values.
    data: source, split_rule, counts (split to a list, one number per name) and warnings (sentences).
    seconds: training time. best_epoch: the one whose weights were kept and evaluated; 0: those before the first.
    transfer: of a run that was staged. space: the features of a run that began from other weights.
    """

    title: str
    command: str
    task: Task
    evaluation: Any
    evaluated_split: str
    history: list[dict[str, Any]]
    examples: list[Any]
    names: tuple[str, ...]
    described: str
    augmented: list[Sample]
    cost: Summary | None
    recipe: dict[str, Any]
    machine: dict[str, Any]
    data: dict[str, Any]
    seconds: float
    best_epoch: int
    transfer: TransferFacts | None = None
    space: FeatureSpace | None = None
