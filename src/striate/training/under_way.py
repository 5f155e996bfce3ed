"""A job under way: all that changes while it is done, and how callbacks are shown it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch

from striate.core.errors import Interrupted
from striate.models import Network
from striate.runtime.signals import StopRequest
from striate.tasks.task import StepLosses
from striate.training.callbacks import Called, Moment
from striate.training.clock import Clock
from striate.training.finetune.transfer import Transfer
from striate.training.folder.begun import going_on
from striate.training.folder.state import Counters
from striate.training.job import Job
from striate.training.monitor.monitor import TrainingMonitor


@dataclass
class Training:
    """A job under way: all that changes while it is done.

    networks: the one that is trained and, where the recipe averages, the one that is validated and kept. optimizers: by
    phase. unread: what steps came to that nobody has looked at, with the pictures of each. failure: what a callback has
    raised.
    """

    job: Job
    transfer: Transfer | None
    networks: dict[str, Network]
    optimizers: dict[str, torch.optim.Optimizer]
    counters: Counters
    clock: Clock
    monitor: TrainingMonitor
    unread: list[tuple[StepLosses, int]] = field(default_factory=list)
    failure: Exception | None = None

    @property
    def kept(self) -> Network:
        """The network that is validated and kept."""
        return list(self.networks.values())[-1]

    @property
    def epoch_is_over(self) -> bool:
        """Whether the newest step was the last of its epoch, which a callback may have cut short."""
        return self.counters.stopped or self.counters.step % self.job.train.steps == 0


def moment_of(job: Job, counters: Counters, network: Network) -> Moment:
    """Where a job is, for its callbacks."""
    return Moment(
        step=counters.step,
        steps=job.recipe.epochs * job.train.steps,
        epoch=max(0, counters.step - 1) // job.train.steps + 1,
        epochs=job.recipe.epochs,
        lr=None,
        figures={},
        network=network,
        folder=job.folder,
        _counters=counters,
    )


def tell(run: Training, called: Called, lr: float | None = None, line: dict[str, Any] | None = None) -> None:
    """Have callbacks look at the run as it is; what one raises ends it like a signal, between two steps.

    line: of an epoch that has ended.
    """
    if not called or run.failure:
        return
    run.kept.eval()
    losses = run.unread[-1][0].losses if run.unread else {}
    moment = moment_of(run.job, run.counters, run.kept)
    moment = replace(moment, lr=lr, figures=dict(line or {}), _losses=losses)
    try:
        for each in called:
            each(moment)
    except Exception as error:  # whatever it is: it is the caller's own
        run.failure = error
    run.job.network.train()
    run.job.network.zero_grad(set_to_none=True)


def stop_if(request: StopRequest, run: Training) -> None:
    """Raise Interrupted when a signal asked for it, and what a callback has raised."""
    job, step = run.job, run.counters.step
    steps = job.recipe.epochs * job.train.steps if job.deadline is None else job.deadline.last
    saved = f"everything is saved. Go on with: {going_on(job.folder)}"
    if run.failure is not None:
        job.watch.say(f"a callback raised {type(run.failure).__name__} at step {step:,} of {steps:,}; {saved}")
        raise run.failure
    if request.signal is not None and step < steps:
        rest = "" if job.deadline is None else job.deadline.told_rest()
        raise Interrupted(f"stopped at step {step:,} of {steps:,}{rest}; {saved}", request.signal)


def say_why_stopped(run: Training) -> None:
    """Say what has ended a run before its schedule was over, if anything has."""
    job, counters = run.job, run.counters
    if counters.stopped and job.deadline is not None and job.deadline.has_ended(counters.step):
        job.watch.say(job.deadline.told_end(counters.step))
    elif counters.stopped:
        steps = job.recipe.epochs * job.train.steps
        job.watch.say(f"a callback ended the run at step {counters.step:,} of {steps:,}")
