"""What a training costs, measured on a few real steps: they are made as in training, of pictures of the data set."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from striate.core.reading import Count, Positive
from striate.data.batches import Batch
from striate.runtime.peak import peak_memory
from striate.runtime.shortage import is_out_of_memory
from striate.tasks.evaluation import evaluate
from striate.training.job import Job
from striate.training.optim.optimizer import Optimizers
from striate.training.speed.compiling import kernels_of
from striate.training.step import begun_step, gradients, update

FEW = 2  # pictures of the step that warms up and says how many the others may have
TIMED_STEPS = 3
CHECKED_BATCHES = 2  # the first one plans how the network computes, the second is as all others

Seconds = Annotated[float, Meta(ge=0, le=1e9)]


@dataclass(frozen=True)
class Costs:
    """What a training costs on a machine.

    step_s: seconds of a step of a whole batch. check_s: of a picture in validation. decode_s: of a picture that is
    decoded. pictures, growth_bytes: of the largest steps that were made, and what they needed at their peak beyond a
    process that has done nothing yet; None where the system does not say.
    """

    step_s: Seconds
    check_s: Seconds
    decode_s: Seconds
    pictures: Positive
    growth_bytes: Count | None


@dataclass
class Step:
    """Seconds of a step, apart by what depends on the number of its pictures and what does not."""

    of_pictures: float
    of_weights: float


def costs_of(job: Job, limit_s: float) -> Costs | None:
    """The costs of a training, from steps that together take about `limit_s`; None where memory ran out.

    job: of a network and pictures that nobody else uses, as its weights move. Steps have as many pictures as there is
    time for: a picture's share of a step is the same in small ones, and what a step does to the weights takes as long.
    """
    begun = time.perf_counter()
    batch = next(iter(job.train.shuffled(job.seed, 0)))
    decode_s = (time.perf_counter() - begun) / len(batch.indices)
    network, runtime, optimizers = job.network.train(), job.runtime, job.optimizers
    runtime.network(network)
    last = job.train.steps * job.recipe.epochs - 1  # where sizes grow during the run, the largest
    try:
        with peak_memory(runtime.device) as peak, runtime.processor_threads(), kernels_of(runtime, network):
            first = timed_step(job, cut(batch, FEW), optimizers, last)
            again = timed_step(job, cut(batch, FEW), optimizers, last)
            each = min(first.of_pictures, again.of_pictures) / min(FEW, len(batch.indices))
            pictures = max(FEW, min(len(batch.indices), int(limit_s / (TIMED_STEPS + 2) / each)))
            steps = [timed_step(job, cut(batch, pictures), optimizers, last) for _ in range(TIMED_STEPS)]
            check_s = checked_s(job, pictures)
        pictures = min(pictures, len(batch.indices))
        share = len(batch.indices) / pictures
        of_pictures, of_weights = (statistics.median(getattr(s, kind) for s in steps) for kind in Step.__annotations__)
        return Costs(of_pictures * share + of_weights, check_s, decode_s, pictures, peak.bytes)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None  # training would make its steps in parts


def timed_step(job: Job, batch: Batch, optimizers: Optimizers, step: int) -> Step:
    """A step of `train_step`, with its time."""
    begun = time.perf_counter()
    images, targets = begun_step(job, batch, step)
    taken = Step(0.0, 0.0)
    for phase in optimizers:
        made = gradients(job, phase, images, targets)
        next(iter(made.losses.values())).item()  # waits for the device
        between = time.perf_counter()
        taken.of_pictures += between - begun
        update(job, optimizers[phase], 0.0)
        begun = time.perf_counter()
        taken.of_weights += begun - between
    return taken


def checked_s(job: Job, pictures: int) -> float:
    """Seconds of a picture in validation."""
    moments: list[float] = []
    part = next(iter(job.val.in_order()))

    def batches() -> Iterator[Batch]:
        for _ in range(CHECKED_BATCHES):
            moments.append(time.perf_counter())
            yield cut(part, pictures)
        moments.append(time.perf_counter())

    evaluate(job.task, job.network, batches(), job.preprocess, job.names, job.runtime)
    return (moments[-1] - moments[-2]) / min(pictures, len(part.indices))


def cut(batch: Batch, pictures: int) -> Batch:
    """The first pictures of a batch."""
    return Batch(batch.pictures[:pictures], batch.targets[:pictures], batch.indices[:pictures])
