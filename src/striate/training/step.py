"""One step of a training: a batch varied, its gradients, the update."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, reduce
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from striate.data.batches import Batch, step_generator
from striate.data.targets import BatchTargets
from striate.runtime.global_state import seed_everything
from striate.runtime.runtime import Runtime
from striate.tasks.task import StepLosses, Task
from striate.training.job import Job
from striate.training.optim.optimizer import Optimizers
from striate.training.own_call import called


def train_step(job: Job, batch: Batch, optimizers: Optimizers, lr: float, step: int) -> StepLosses:
    """One update in each phase. Returns the losses and what was counted, detached, not yet read."""
    images, targets = begun_step(job, batch, step)
    made = []
    for phase in optimizers:
        made.append(gradients(job, phase, images, targets))
        update(job, optimizers[phase], lr)
    return of_phases(made)


def begun_step(job: Job, batch: Batch, step: int) -> tuple[Tensor, BatchTargets]:
    """What the network is trained on in a step: images, float32 (N, C, H, W), normalised, and their targets.

    Everything random follows from (seed, step): the augmentation, and dropout through torch's global generator, which
    is seeded here, with those of numpy and Python, which code of a person's own may use.
    """
    seed_everything(step_generator(job.seed, step).initial_seed())
    return job.variation.images(batch, step)


def gradients(job: Job, phase: str, images: Tensor, targets: BatchTargets) -> StepLosses:
    """Add the gradients of a phase, in nearly equal parts of at most `runtime.micro_batch` pictures.

    Returns mean losses and sums of what was counted, detached; the gradients are scaled as `scaler` says. They are
    those of the whole batch, each part weighted by its share of what the losses are means over, except that batch norm
    sees the statistics of a part: "ghost batch norm" of Hoffer et al., arXiv:1705.08741, section 4.
    """
    compute, whole = losses_of(job.task, job.runtime), job.task.weight(targets) or 1
    made = []
    for rows in parts_of(len(targets), job.runtime):
        with job.runtime.autocast():
            part = compute(job.network, phase, images[rows], targets[rows], job.recipe)
        share = job.task.weight(targets[rows]) / whole
        losses = {name: loss * share for name, loss in part.losses.items()}
        job.scaler.scale(reduce(torch.add, losses.values())).backward()  # type: ignore[no-untyped-call]
        made.append(StepLosses({name: loss.detach() for name, loss in losses.items()}, part.counted))
    return StepLosses(*(summed([getattr(part, kind) for part in made]) for kind in StepLosses._fields))


def update(job: Job, optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Move a phase's weights, and forget all gradients; where fp16 has overflown, the weights stay where they are."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_factor"]
    job.scaler.unscale_(optimizer)  # here, so that whoever looks at the gradients sees them as they are
    if own := job.code.get("optimizer"):
        called("optimizer", own, job.scaler.step, optimizer)
    else:
        job.scaler.step(optimizer)
    job.scaler.update()
    job.network.zero_grad(set_to_none=True)  # a phase may leave gradients in what another one trains, or none does


def parts_of(pictures: int, runtime: Runtime) -> Iterator[slice]:
    """The parts of a batch that go through the network at once, nearly equal; the first have one picture more."""
    parts = math.ceil(pictures / runtime.at_once(pictures))
    size, more = divmod(pictures, parts)
    first = 0
    for part in range(parts):
        end = first + size + (part < more)
        yield slice(first, end)
        first = end


def summed(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Sums by name."""
    return {name: torch.stack([part[name] for part in parts]).sum() for name in parts[0]}


def of_phases(made: list[StepLosses]) -> StepLosses:
    """What all phases of a step came to."""
    losses, counted = (dict(chain.from_iterable(part.items() for part in parts)) for parts in zip(*made, strict=True))
    return StepLosses(losses, counted)


@cache
def compiled_losses(losses: Callable[..., Any]) -> Callable[..., StepLosses]:
    """A task's losses translated by torch.compile, once for each network and size that they are called with."""
    return torch.compile(losses)


def losses_of(task: Task, runtime: Runtime) -> Callable[..., StepLosses]:
    """A task's losses as they are, or translated."""
    return compiled_losses(task.losses) if runtime.compiled else task.losses
