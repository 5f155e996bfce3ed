"""What one training is made of, and who is told how it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import torch

from striate.core.own_code import OwnCode
from striate.core.records import Preprocess
from striate.data.batches import Batches
from striate.models import Network
from striate.report.facts import ReportFacts
from striate.runtime.runtime import Runtime
from striate.tasks.task import Task
from striate.training.budget.deadline import Deadline
from striate.training.callbacks import Callbacks
from striate.training.continued import Continued, scheduled
from striate.training.folder.keeper import Keeper
from striate.training.folder.state import Counters
from striate.training.optim.optimizer import optimizers_of
from striate.training.optim.schedule import learning_rate
from striate.training.own_augment import OwnAugmentation
from striate.training.recipe import Recipe
from striate.training.variation import Variation

UNSCALED = torch.amp.GradScaler("cpu", enabled=False)
NO_CALLBACKS = Callbacks()


class Watch(Protocol):
    """Who is told how training goes."""

    def say(self, text: str) -> None:
        """Something happened that a person should know."""

    def step(self, counters: Counters, lr: float) -> None:
        """Some steps were made."""

    def epoch(self, line: dict[str, Any]) -> None:
        """An epoch was finished, and validated where the line says so."""

    def result(self, facts: ReportFacts) -> None:
        """The run was tested and its report is written."""


@dataclass(frozen=True)
class Job:
    """All that one training is made of.

    preprocess: how pictures become the network's input. scaler: of the loss, which fp16 needs; see
    `Runtime.loss_scaler`. keeper: of the folder, should that go. share_seen: of the area of a typical picture.
    callbacks: of the caller; they are no `Watch`, for they may stop it.
    code: of a person's own, by the field of the recipe that names it; a network, as it was given.
    continued: where it went on after its end. deadline: when it has to end, and how its schedule is stretched to that.
    """

    network: Network
    preprocess: Preprocess
    task: Task
    train: Batches
    val: Batches
    recipe: Recipe
    seed: int
    runtime: Runtime
    folder: Path
    watch: Watch
    scaler: torch.amp.GradScaler = UNSCALED
    keeper: Keeper | None = None
    share_seen: float = 1.0
    callbacks: Callbacks = NO_CALLBACKS
    code: Mapping[str, OwnCode] = field(default_factory=dict)
    continued: tuple[Continued, ...] = ()
    deadline: Deadline | None = None

    def scheduled(self, step: int) -> tuple[Recipe, int, bool]:
        """The schedule that a step is in; see `continued.scheduled`."""
        return scheduled(self.recipe, self.continued, self.place(step), self.train.steps)

    def place(self, step: int) -> int:
        """Where in its schedule a step is, both counted from 0."""
        return step if self.deadline is None else self.deadline.place(step)

    @property
    def names(self) -> tuple[str, ...]:
        """What the network tells apart, in the order of its outputs."""
        return self.train.targets.names

    @cached_property
    def variation(self) -> Variation:
        """How batches are varied; made once, as a class of a person's own is."""
        steps, code = self.train.steps, self.code.get("augment")
        own = None if code is None else OwnAugmentation.of(code)
        recipe, runtime = self.recipe, self.runtime
        rest = (self.seed, steps, runtime, self.continued, own, self.place)
        return Variation(recipe, self.preprocess, self.task, self.names, *rest)

    def ends_after(self, made: int) -> bool:
        """Whether its deadline ends it after so many steps."""
        return self.deadline is not None and self.deadline.is_over(made)

    def epochs_from(self, first: int) -> Iterable[int]:
        """The epochs from one on, counted from 0; with a deadline as many as there is time for."""
        return range(first, self.recipe.epochs) if self.deadline is None else count(first)

    @property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Those of its phases, made anew."""
        return optimizers_of(self.task, self.network, self.recipe, self.code.get("optimizer"))

    def learning_rate(self, step: int, drops: int = 0) -> float:
        """The rate of a step, counted from 0. drops: of the plateau schedule so far."""
        schedule, step_in_it, _ = self.scheduled(step)
        return learning_rate(schedule, step_in_it, self.train.steps, drops, self.code.get("schedule"))

    @property
    def chance_loss(self) -> float:
        """The loss of knowing nothing; 0 where no such number is known."""
        return self.task.chance_loss(self.train.targets) if self.task.chance_loss else 0.0
