"""A task written down once: the loop, the run folder, the report, prediction and the command line read this record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from striate.answers.classes import CLASSIFICATION
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.dataset import Dataset
from striate.data.decode import Pixels
from striate.data.targets import BatchTargets, Indices, Targets
from striate.runtime.runtime import Runtime
from striate.tasks.agreement import Agreement, of_logits
from striate.tasks.figure import LOSS as LOSS
from striate.tasks.figure import Figure as Figure
from striate.tasks.finding import Finding, Validated, no_findings

NETWORK = "network"
"""The phase that trains all of a network."""


class Result(Protocol):
    """What evaluation came to, for the report, evaluation.json and a person who asks."""

    @property
    def total(self) -> int:
        """Pictures evaluated."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the first figure."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the task's figures are in it, each as it is `stated`."""


@runtime_checkable
class ByClass(Protocol):
    """A result that has figures of each class."""

    def per_class(self) -> list[dict[str, Any]]:
        """Of each class: its name as "class", and figures by what a table calls them, None where there are none."""


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


Losses = Callable[[Any, str, Tensor, Any, Any], StepLosses]
"""Of a network in training, a phase, images (N, C, H, W), their targets, and the recipe."""


class Example(Protocol):
    """A picture of the evaluation that is worth showing."""

    @property
    def caption(self) -> str:
        """What a person should know of it."""

    @property
    def pixels(self) -> Pixels:
        """uint8 (H, W, channels), 1 or 3 channels."""

    def to_dict(self) -> dict[str, Any]:
        """For evaluation.json."""


class Headline(NamedTuple):
    """What a result comes to: a figure as text, and what follows it in the report's first sentence.

    >>> " ".join(Headline("98.6 %", "of 359 test pictures are classified correctly"))
    '98.6 % of 359 test pictures are classified correctly'
    """

    figure: str
    meaning: str


class Fact(NamedTuple):
    """A key figure of a report: what it is, its value as text, and what else there is to know."""

    title: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class Section:
    """A section of a report.

    id: its anchor. title: its heading. template: file below report/template/ of what stands below the heading. values:
    what that draws, by the names that it has for them; pictures are uint8 (H, W, channels). link: what the link to it
    says, if not the title.
    """

    id: str
    title: str
    template: str
    values: dict[str, Any] = field(default_factory=dict)
    link: str = ""


def same(output: Any) -> Any:
    """An output as it is."""
    return output


def no_sections(result: Any, examples: list[Any]) -> list[Section]:
    """Of a task that has nothing to show beside its figures."""
    return []


@dataclass(frozen=True)
class Task:
    """A task as a record of functions.

    name: in recipe.json and config.json; files without one are of classification. figures: the first decides which
    weights are best, the next where the first are equal. outputs: numbers that the network gives for the names of the
    targets.
    needs: the task whose targets it learns from, where those are another's. networks: the task whose networks answer
    it, where those are another's. learns_from, answers_with, one_answer: in
    words, the targets of pictures, what a network says of one, and the part of that which others do not say; of a task
    with targets of its own. idle: fields of the recipe that do nothing here. losses: each mean over `weight` of the
    targets, 0 where that is 0; what it is made of has names that no other phase uses. losses_for: the same for a data
    set, where its training pictures decide something: targets, numbers of these pictures, recipe. loss_names: what the
    recipe's field `loss` may name, first what it is by default.
    sees_all: whether all of a picture must be seen, as where answers are places in it; at_own_size: at the size of the
    pictures, as where those are pixels. finds_objects: whether pictures have any number of boxes. recipe,
    recipe_of_model: those of who names none, the second where another network than that of the first is named.
    predict: what validation, `predict` and everything else asks of the network: network, uint8 pictures of the working
    size, their preprocessing, where it runs. metric: for the names. read: what a person is told of an output, in
    which arrays stand for tensors: output, names, paths, how many answers (`striate.answers`). readable: of an output,
    what is read, where that is less than `metric` needs; at_once: of how many pictures, where outputs are so large.
    captions: what is read under each picture of a batch. drawn: pictures of a batch, uint8 (N, H, W, channels), with
    their targets drawn into them. examples: pictures worth showing of a result: data set,
    numbers of the pictures that were evaluated, and `Preprocess.white`.
    beside: targets of a batch with what else is known of its pictures by their pixels: uint8 pictures of the working
    size, targets, preprocessing.
    thresholds: of a result on validation, what numbers of the network have to reach, one for each name; kept with the
    weights, and given by that name to `metric`, `read` and `agreement`.
    agreement: of how far another way, such as an exported file, may be from the network: its output, that of the other
    way, and what is close.
    phases: one optimiser each, of the module of that name, or of all that is called NETWORK. mix: pictures of a batch
    mixed with each other: pictures, targets, number of names, recipe, random numbers; None: nothing of the kind.
    chance_loss: the loss of knowing nothing; None where no such number is known. weight: what of a batch's targets a
    loss is a mean over, so that a batch in parts has the gradients of a whole one.
    headline, facts, sections: what a report tells of a result: of it and the name of its split, of it, of it and the
    examples. The first two are made of the figures where a task has none of its own.
    findings: what is to be said of a run after a validation, beside what the numbers of any run say.
    alt: of what a picture is, for who cannot see it, around its caption. examples_are: what the examples are called in
    evaluation.json. tags, limits: for the model card: of the kind of network, and a sentence on what it cannot do.
    """

    name: str
    figures: tuple[Figure, ...]
    outputs: Callable[[tuple[str, ...]], int]
    losses: Losses
    predict: Callable[[nn.Module, Tensor, Preprocess, Runtime], Any]
    metric: Callable[[tuple[str, ...]], Metric]
    read: Callable[[Any, tuple[str, ...], Sequence[str], int], list[Any]]
    captions: Callable[[BatchTargets, tuple[str, ...]], list[str]]
    examples: Callable[[Any, Dataset, Indices, float | None], list[Any]]
    phases: tuple[str, ...] = (NETWORK,)
    needs: str = CLASSIFICATION
    networks: str = ""
    learns_from: str = ""
    answers_with: str = ""
    one_answer: str = ""
    idle: tuple[str, ...] = ()
    losses_for: Callable[[Targets, Indices, Any], Losses] | None = None
    loss_names: tuple[str, ...] = ("cross_entropy",)
    readable: Callable[[Any], Any] = same
    at_once: int | None = None
    drawn: Callable[[Pixels, BatchTargets], Pixels] | None = None
    beside: Callable[[Tensor, Any, Preprocess], Any] = lambda pictures, targets, preprocess: targets
    thresholds: Callable[[Any], tuple[float, ...]] | None = None
    agreement: Callable[[Any, Any, float], Agreement] = of_logits
    sees_all: bool = False
    at_own_size: bool = False
    finds_objects: bool = False
    recipe: str = "default"
    recipe_of_model: str = "default"
    mix: Callable[[Tensor, Any, int, Any, torch.Generator], tuple[Tensor, Any]] | None = None
    chance_loss: Callable[[Targets], float] | None = None
    weight: Callable[[Any], float] = field(default=len)
    headline: Callable[[Any, str], Headline] | None = None
    facts: Callable[[Any], list[Fact]] | None = None
    sections: Callable[[Any, list[Any]], list[Section]] = no_sections
    findings: Callable[[Validated], list[Finding]] = no_findings
    alt: str = "of {}"
    examples_are: str = "examples"
    tags: tuple[str, ...] = ()
    limits: str = ""

    def module(self, network: nn.Module, phase: str) -> nn.Module:
        """What of a network is trained in a phase."""
        return network if phase == NETWORK else network.get_submodule(phase)

    @property
    def answered_by(self) -> str:
        """The task whose networks answer it."""
        return self.networks or self.needs

    def at(self, thresholds: tuple[float, ...]) -> Task:
        """The task with answers that thresholds decide on; as it is without any."""
        if not thresholds:
            return self
        fixed: dict[str, Any] = {}
        for name in ("metric", "read", "agreement"):
            fixed[name] = partial(getattr(self, name), thresholds=thresholds)
        return replace(self, **fixed)

    def merit(self, figures: dict[str, float], first: str | None = None) -> tuple[float, ...]:
        """What is larger for the better of two networks. first: key of the figure that counts most."""
        ordered = sorted(self.figures, key=lambda figure: figure.key != first)
        return tuple(figures[f.key] if f.higher_is_better else -figures[f.key] for f in ordered)

    def worst(self) -> dict[str, float]:
        """Figures that any network betters."""
        return {figure.key: figure.worst for figure in self.figures}

    @property
    def curves(self) -> tuple[Figure, ...]:
        """What is told of every epoch: the loss, then the other figures."""
        return (self.figure(LOSS.key), *(figure for figure in self.figures if figure.key != LOSS.key))

    def figure(self, key: str) -> Figure:
        """The figure of a key; one that has only its key where an epoch counts what is no figure of the task."""
        return next((figure for figure in self.figures if figure.key == key), Figure(key, key, key))

    def measured(self, result: Result) -> list[tuple[Figure, float]]:
        """The figures with what a result comes to."""
        found = result.to_dict()
        return [(figure, float(found[figure.stated])) for figure in self.figures]

    def headline_of(self, result: Result, split: str) -> Headline:
        """What a result comes to. split: its name as a person says it, such as "validation"."""
        if self.headline is not None:
            return self.headline(result, split)
        figure, value = self.measured(result)[0]
        return Headline(f"{figure.title} {figure.shown(value)}", f"on {counted(result.total, f'{split} picture')}")

    def facts_of(self, result: Result) -> list[Fact]:
        """The key figures of a result."""
        if self.facts is not None:
            return self.facts(result)
        (first, value), *others = self.measured(result)
        fact = Fact(first.heading, first.shown(value), f"95 % interval {first.between(result.interval)}")
        return [fact, *(Fact(figure.heading, figure.shown(value), figure.unit.strip("%")) for figure, value in others)]

    def line_of(self, result: Result) -> str:
        """The first figure of a result with its interval, as a line on a terminal has it."""
        figure, value = self.measured(result)[0]
        low, high = map(figure.line, result.interval)
        return f"{figure.title} {figure.line(value)} (95 % interval {low} to {high})"
