"""A task written down once: the loop, the run folder, the report, prediction and the command line read this record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.data.dataset import Dataset
from striate.data.targets import BatchTargets, Indices, Targets
from striate.runtime.runtime import Runtime

NETWORK = "network"
"""The phase that trains all of a network."""


@dataclass(frozen=True)
class Figure:
    """A figure of how good a network is.

    key: as metrics.jsonl has it, behind "val_". title: as a person reads it. stated: as config.json has it, behind the
    name of the split. start: what is worse than any; a first result must be better than it.
    """

    key: str
    title: str
    stated: str
    higher_is_better: bool = True

    @property
    def worst(self) -> float:
        """What every result is better than, or as good as."""
        return -1.0 if self.higher_is_better else float("inf")


class Result(Protocol):
    """What evaluation came to, for the report, evaluation.json and a person who asks."""

    @property
    def total(self) -> int:
        """Pictures evaluated."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the first figure."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""


class Metric(Protocol):
    """Sums over batches, and over processes, that are divided once, at the end."""

    def add(self, output: Any, targets: BatchTargets) -> None:
        """Count what the network gave for a batch."""

    def merge(self, other: Self) -> None:
        """Count what another one has counted, behind what this one has."""

    def figures(self) -> dict[str, float]:
        """The task's figures by key."""

    def result(self) -> Any:
        """All that is known; a `Result`."""


class StepLosses(NamedTuple):
    """What a step is made of.

    losses: scalars whose sum is minimised. counted: sums over the pictures, of what an epoch says of them per picture.
    """

    losses: dict[str, Tensor]
    counted: dict[str, Tensor]


class Example(Protocol):
    """A picture of the evaluation that is worth showing."""

    def to_dict(self) -> dict[str, Any]:
        """For evaluation.json."""


@dataclass(frozen=True)
class Task:
    """A task as a record of functions.

    name: in recipe.json and config.json; files without one are of classification. figures: the first decides which
    weights are best, the next where the first are equal. outputs: numbers that the network gives for the names of the
    targets.
    losses: of a network in training, a phase, images (N, C, H, W), their targets, and the recipe; each mean over
    `weight` of the targets. predict: what validation, `predict` and everything else asks of the network: network, uint8
    pictures of the working size, their preprocessing, where it runs. metric: for the names. read: what a person is told
    of an output: output, names, paths, how many answers.
    captions: what is read under each picture of a batch. examples: pictures worth showing of a result: data set,
    numbers of the pictures that were evaluated, and `Preprocess.white`.
    phases: one optimiser each, of the module of that name, or of all that is called NETWORK. mix: pictures of a batch
    mixed with each other: pictures, targets, number of names, recipe, random numbers; None: nothing of the kind.
    chance_loss: the loss of knowing nothing; None where no such number is known. weight: what of a batch's targets a
    loss is a mean over, so that a batch in parts has the gradients of a whole one.
    """

    name: str
    figures: tuple[Figure, ...]
    outputs: Callable[[tuple[str, ...]], int]
    losses: Callable[[Any, str, Tensor, Any, Any], StepLosses]
    predict: Callable[[nn.Module, Tensor, Preprocess, Runtime], Any]
    metric: Callable[[tuple[str, ...]], Metric]
    read: Callable[[Any, tuple[str, ...], Sequence[str], int], list[Any]]
    captions: Callable[[BatchTargets, tuple[str, ...]], list[str]]
    examples: Callable[[Any, Dataset, Indices, float | None], list[Any]]
    phases: tuple[str, ...] = (NETWORK,)
    mix: Callable[[Tensor, Any, int, Any, torch.Generator], tuple[Tensor, Any]] | None = None
    chance_loss: Callable[[Targets], float] | None = None
    weight: Callable[[Any], float] = field(default=len)

    def module(self, network: nn.Module, phase: str) -> nn.Module:
        """What of a network is trained in a phase."""
        return network if phase == NETWORK else network.get_submodule(phase)

    def merit(self, figures: dict[str, float], first: str | None = None) -> tuple[float, ...]:
        """What is larger for the better of two networks. first: key of the figure that counts most."""
        ordered = sorted(self.figures, key=lambda figure: figure.key != first)
        return tuple(figures[f.key] if f.higher_is_better else -figures[f.key] for f in ordered)

    def worst(self) -> dict[str, float]:
        """Figures that any network betters."""
        return {figure.key: figure.worst for figure in self.figures}
