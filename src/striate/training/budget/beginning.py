"""How a run with a budget begins: what an epoch of it takes is measured, which decides how many its schedule has."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace

from striate.core.begun import seconds_gone
from striate.core.durations import as_written
from striate.core.errors import StriateError
from striate.core.units import duration
from striate.runtime.global_state import generators_kept
from striate.training.budget.deadline import AIM, Deadline
from striate.training.budget.record import Budget, Decided, Stretch, read_decided, write_decided
from striate.training.finetune.head import passes_before
from striate.training.job import Job
from striate.training.planning.trial import Costs, costs_of
from striate.training.recipe import Recipe

TRIAL_SHARE = 0.02  # of the budget, for the steps that say how many epochs it has room for
REPORT_S = 4.0  # from the test to the end of the process: pictures, page, files
WARMUP_SHARE = 0.2  # of a run, that warming up may take at most


def budgeted(job: Job, budget: Budget, tested: int) -> tuple[Job, Costs]:
    """A job over as many epochs as a budget has room for, and what was measured for that.

    tested: pictures of the test. Raises StriateError, with the least budget, where there is not one.
    """
    trial = replace(job, network=copy.deepcopy(job.network), scaler=job.runtime.loss_scaler())
    with generators_kept():
        costs = costs_of(trial, TRIAL_SHARE * budget.seconds)
    if costs is None:
        raise StriateError(
            "memory ran out in the first steps; close other programs, or take a smaller --size or --model"
        )
    epoch_s = job.train.steps * costs.step_s + between_seconds(job, costs)
    left = AIM * budget.seconds - seconds_gone() - head_seconds(job, costs) - end_seconds(job, costs, tested)
    if left < epoch_s:
        raise too_short(budget, job, epoch_s, budget.seconds - left)
    return replace(job, recipe=over_epochs(job.recipe, max(1, round(left / epoch_s)))), costs


def too_short(budget: Budget, job: Job, epoch_s: float, around_s: float) -> StriateError:
    """The error for a budget without room for an epoch."""
    least = math.ceil((epoch_s + around_s) * 1.1)
    return StriateError(
        f"--budget {budget.text} is too short for {job.network.architecture} on these pictures; the smallest possible "
        f"is about {as_written(least)}: one epoch with its validation takes {duration(epoch_s)}, what is before and "
        f"after it {duration(around_s)}"
    )


def over_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """A recipe over so many epochs, in which it has time to warm up and to validate.

    >>> short = over_epochs(Recipe(model="lenet5", epochs=30, warmup_epochs=3, validate_every_epochs=5), 4)
    >>> short.epochs, short.warmup_epochs, short.validate_every_epochs
    (4, 0.8, 4)
    """
    warmup = min(recipe.warmup_epochs, WARMUP_SHARE * epochs)
    every = min(recipe.validate_every_epochs, epochs)
    return replace(recipe, epochs=epochs, warmup_epochs=warmup, validate_every_epochs=every)


def between_seconds(job: Job, costs: Costs) -> float:
    """Seconds between two epochs, for the validations that there are."""
    return len(job.val.indices) * costs.check_s / job.recipe.validate_every_epochs


def head_seconds(job: Job, costs: Costs) -> float:
    """Seconds before the first step in which the head of a staged run is solved and validated."""
    return passes_before(job.recipe, len(job.train.indices), len(job.val.indices)) * costs.check_s


def end_seconds(job: Job, costs: Costs, tested: int) -> float:
    """Seconds from the last step to the end: the last validation, the test, the report."""
    return (len(job.val.indices) + tested) * costs.check_s + REPORT_S


def decide_first(job: Job, costs: Costs, tested: int) -> None:
    """Write down what is decided before the first step: the schedule as it is."""
    whole = Stretch(0, 0, job.train.steps * job.recipe.epochs)
    write_decided(job.folder, Decided(end_seconds(job, costs, tested), between_seconds(job, costs), (whole,)))


def with_deadline(job: Job, budget: Budget, expect: Callable[[int], None]) -> Job:
    """A job that ends in time, by what its folder says is decided. expect: told how many steps there will be.

    Raises StriateError where that file is damaged or gone.
    """
    decided = read_decided(job.folder)
    if decided is None:
        raise StriateError(f"{job.folder} was begun with a budget, and its budget.json is gone; start another run")
    side, steps = min(job.preprocess.size), job.train.steps
    return replace(job, deadline=Deadline(budget, job.recipe, steps, side, job.folder, decided, expect))
