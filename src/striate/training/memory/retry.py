"""A step that does not fit into memory is made again in smaller parts; elsewhere it is said that memory ran out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, TypeVar

import torch

from striate.analysis.summary import summarize
from striate.core.errors import StriateError, first_line
from striate.core.units import in_bytes
from striate.data.batches import Batch
from striate.runtime.shortage import is_out_of_memory
from striate.tasks.task import StepLosses
from striate.training.folder.begun import going_on
from striate.training.folder.state import Counters
from striate.training.job import Job
from striate.training.memory.forecast import available_bytes, training_bytes
from striate.training.memory.lone_pictures import fewest_at_once
from striate.training.optim.optimizer import Optimizers
from striate.training.step import begun_step, gradients, of_phases, update

P = ParamSpec("P")
T = TypeVar("T")


class Shortage(str):
    """What was said when memory ran out."""


def fitting_step(job: Job, batch: Batch, optimizers: Optimizers, lr: float, counters: Counters) -> StepLosses | None:
    """One update in parts of `counters.micro_batch` pictures; None, and half of that, when memory ran out.

    After a None nothing has happened: weights and the statistics of batch norm are as before, gradients are gone,
    randomness is a function of the step. Raises StriateError with the numbers when one picture alone does not fit.
    """
    before = Before(job, optimizers)
    made = _tried_step(with_parts(job, counters), batch, optimizers, lr, counters.step)
    if not isinstance(made, Shortage):
        return made
    before.restore()  # here the error is gone, and with it the frames that held the step's tensors
    counters.micro_batch = half(job, counters.micro_batch or job.runtime.micro_batch or len(batch.targets), made)
    return None


def _tried_step(job: Job, batch: Batch, optimizers: Optimizers, lr: float, step: int) -> StepLosses | Shortage:
    """As `train_step`, or the reason why it did not come to its end."""
    begun = _tried(begun_step, job, batch, step)
    if isinstance(begun, Shortage):
        return begun
    made: list[StepLosses] = []
    for phase in optimizers:
        found = _tried(gradients, job, phase, *begun)
        if isinstance(found, Shortage):
            return found
        made.append(found)
        update(job, optimizers[phase], lr)
    return of_phases(made)


def _tried(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Shortage:
    try:
        return function(*args, **kwargs)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return Shortage(first_line(error))


class Before:
    """What a step changes before it is sure to fit: statistics of batch norm, and of several phases the weights."""

    def __init__(self, job: Job, optimizers: Optimizers) -> None:
        several = len(optimizers) > 1
        self.job, self.optimizers = job, optimizers
        self.changing = [*job.network.buffers(), *(job.network.parameters() if several else ())]
        self.values = [tensor.detach().clone() for tensor in self.changing]
        self.states = [copy.deepcopy(each.state_dict()) for each in optimizers.values()] if several else []
        self.scale = job.scaler.state_dict()

    def restore(self) -> None:
        """Undo the step."""
        with torch.no_grad():
            for tensor, value in zip(self.changing, self.values, strict=True):
                tensor.copy_(value)
        self.job.network.zero_grad(set_to_none=True)
        if self.states:
            self.job.scaler.load_state_dict(self.scale)
        for each, state in zip(self.optimizers.values(), self.states, strict=False):
            each.load_state_dict(state)


def with_parts(job: Job, counters: Counters) -> Job:
    """The job with the parts that were found to fit."""
    if counters.micro_batch is None:
        return job
    return replace(job, runtime=replace(job.runtime, micro_batch=counters.micro_batch))


@contextmanager
def memory_errors(folder: Path) -> Iterator[None]:
    """Turn memory that ran out elsewhere than in a step into one sentence; `folder` is the run's."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise StriateError(
            f"memory ran out ({first_line(error)}); close other programs and go on "
            f"from the newest state, if there is one, with: {going_on(folder)}"
        ) from error


def half(job: Job, pictures: int, reason: str) -> int:
    """Half as many pictures at once. Raises StriateError when these are the fewest that the network can train on."""
    if pictures > 1 and pictures > (fewest := fewest_at_once(job.network, job.recipe)):
        return max(fewest, (pictures + 1) // 2)
    height, width = job.preprocess.size
    needed = training_bytes(summarize(job.network), pictures, job.runtime, job.recipe)
    about = "nobody knows how much" if needed is None else f"about {in_bytes(needed)}"
    free = available_bytes(job.runtime.device)
    left = "" if free is None else f", {in_bytes(free)} are free now"
    taken = "one picture" if pictures == 1 else f"{pictures} pictures"
    raise StriateError(
        f"memory ran out with {taken} of {height}x{width} px at a time in {job.network.label} ({reason}); it needs "
        f"{about}{left}. Close other programs, or take a smaller --size or --model"
    )
