"""What all trials of a search share: pictures decoded once, one runtime, the way from a point to a trained trial."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from striate.core.files import remove_parts, storage_errors, write_json
from striate.data.batches import Batches, batches_of
from striate.data.manifest import MANIFEST, write_manifest
from striate.deploy.inputs import split_to_evaluate
from striate.deploy.run import Run
from striate.models.stored import CONFIG, WEIGHTS
from striate.ops.threads import torch_threads
from striate.report.facts import ReportFacts
from striate.runtime.global_state import generators_kept
from striate.tasks.evaluation import evaluate
from striate.tasks.task import Figure, Task
from striate.training.folder.layout import RECIPE, STATE
from striate.training.folder.state import Counters
from striate.training.job import Job
from striate.training.loop import fit, prepare
from striate.training.memory.lone_pictures import refuse_lone_pictures
from striate.training.memory.retry import memory_errors
from striate.training.network import build_network
from striate.training.plan import data_record, plan_record
from striate.training.prepared import Prepared
from striate.training.recipe import Recipe
from striate.training.speed.autotune import autotune
from striate.training.speed.compiling import kernels_of
from striate.training.step import train_step

TIMED_SHARE, TIMED_SECONDS = 0.01, 2.0  # of a budget, and at most, for the steps that say how long an epoch takes


Late = Callable[[], bool]


def in_time() -> bool:
    """Of what may take as long as it does: it is never late."""
    return False


class Trained(NamedTuple):
    """What a trial came to: on validation, None where there was no time for all of it, and its seconds so far."""

    figure: float | None
    seconds: float


@dataclass
class Silent:
    """Who is told how a trial goes. epoch_done: called at the end of each epoch."""

    epoch_done: Callable[[], None] = lambda: None

    def say(self, text: str) -> None:
        """What a run says of itself is not a search's to tell."""

    def step(self, counters: Counters, lr: float) -> None:
        """Nothing."""

    def epoch(self, line: dict[str, Any]) -> None:
        """An epoch is over."""
        self.epoch_done()

    def result(self, facts: ReportFacts) -> None:
        """Trials are not tested."""


@dataclass(frozen=True)
class Bench:
    """All that trials share. prepared: pictures, settings, and the recipe that every trial begins with.

    data: what recipe.json of each says of the pictures. folder: of the search. watch: is told of their epochs.
    """

    prepared: Prepared
    data: dict[str, Any]
    folder: Path
    watch: Silent = field(default_factory=Silent)

    @classmethod
    def of(cls, prepared: Prepared, folder: Path) -> Bench:
        """Of pictures that were opened; the settings that are fastest here are measured, unless that was not wanted."""
        assert prepared.report is not None  # noqa: S101 - of a new run there is one
        plan = prepared.plan
        data = data_record(plan, prepared.dataset, prepared.scan, prepared.report)
        bench = cls(prepared, data, folder)
        if plan.options.autotune:  # a network that is compiled would be so for every trial
            tuned = autotune(bench.job(folder, plan.recipe, plan.seed), replace(plan.options, compile=False))
            bench = replace(bench, prepared=replace(prepared, runtime=tuned.runtime))
        return bench

    @property
    def task(self) -> Task:
        """What is learned."""
        return self.prepared.plan.task_of(self.prepared.dataset)

    @property
    def figure(self) -> Figure:
        """What trials are compared by, on validation."""
        by = self.prepared.plan.recipe.best_by
        return next((figure for figure in self.task.figures if figure.key == by), self.task.figures[0])

    def job(self, folder: Path, recipe: Recipe, seed: int) -> Job:
        """The training of a recipe, its weights drawn from the seed."""
        prepared, runtime = self.prepared, self.prepared.runtime
        changed = prepared.plan.changed | recipe.differences(prepared.plan.recipe)
        changed = {name: getattr(recipe, name) for name in changed}
        plan = replace(prepared.plan, recipe=recipe, changed=changed, seed=seed)
        network = build_network(plan, prepared.dataset, prepared.preprocess)
        preprocess = replace(prepared.preprocess, mirrored=recipe.test_flip)
        job = replace(prepared, plan=plan, network=network, preprocess=preprocess).job(folder, self.watch)
        refuse_lone_pictures(job)
        runtime.network(network)
        if not (folder / RECIPE).exists() and folder != self.folder:
            self._write_down(job, replace(prepared, plan=plan))
        return job

    def _write_down(self, job: Job, prepared: Prepared) -> None:
        """Make a run folder of a trial; all share one list of pictures."""
        with storage_errors(job.folder):
            job.folder.mkdir(parents=True, exist_ok=True)
            remove_parts(job.folder)
            shared, own = self.folder / MANIFEST, job.folder / MANIFEST
            if not shared.exists():
                write_manifest(shared, prepared.dataset, prepared.scan)
            if not own.exists():
                try:
                    os.link(shared, own)
                except OSError:  # a file system without links
                    shutil.copyfile(shared, own)
        made = plan_record(job.folder, prepared.plan, job.runtime, job.preprocess, job.task.name, self.data)
        write_json(job.folder / RECIPE, made)

    def train(self, folder: Path, recipe: Recipe, seed: int, until: int, late: Late = in_time) -> Trained:
        """Train a recipe in its folder, on from where it stopped, to the end of epoch `until`, or before where `late`.

        Raises Diverged as `fit` does, StriateError for a point at which nothing can be trained, Interrupted.
        """
        job = self.job(folder, recipe, seed)
        steps, was_late = job.train.steps * until, False

        def pause(counters: Counters) -> bool:
            nonlocal was_late
            was_late = counters.step < steps and late()
            return was_late or counters.step >= steps

        with memory_errors(folder), torch_threads(job.runtime.threads), kernels_of(job.runtime, job.network):
            job, transfer = prepare(job)
            counters = fit(job, transfer, pause)
        best = counters.best.get(self.figure.key)
        return Trained(None if was_late else best, counters.seconds)

    def tested(self, folder: Path) -> float:
        """What the best weights of a folder reach on pictures that chose nothing, those of the test."""
        prepared, runtime = self.prepared, self.prepared.runtime
        run = Run(folder, model=prepared.plan.code.get("model"))
        with torch_threads(runtime.threads), generators_kept():
            network = runtime.network(run.network)
            batches = self.batches(self.tested_split)
            found = evaluate(
                self.task, network, batches.in_order(), run.preprocess, prepared.dataset.targets.names, runtime
            )
        return found.figures()[self.figure.key]

    @property
    def tested_split(self) -> str:
        """The split that winner and defaults are compared on."""
        return split_to_evaluate(self.prepared.dataset, None)

    def batches(self, split: str) -> Batches:
        """Those of a split that is evaluated."""
        prepared = self.prepared
        at_once = prepared.runtime.at_once(prepared.plan.recipe.batch_size)
        return batches_of(prepared.dataset, split, prepared.working, at_once, unreadable=prepared.unreadable)

    def epoch_seconds(self, recipe: Recipe, budget_s: float) -> float:
        """About how long an epoch takes with its validation, from a few steps of a network that is thrown away."""
        job = self.job(self.folder, recipe, 0)
        limit, taken = min(TIMED_SECONDS, TIMED_SHARE * budget_s), []
        with generators_kept(), torch_threads(job.runtime.threads), kernels_of(job.runtime, job.network):
            job, optimizers = replace(job, scaler=job.runtime.loss_scaler()), job.optimizers
            job.network.train()
            since = time.monotonic()
            for step, batch in enumerate(job.train.shuffled(0, 0)):
                start = time.monotonic()
                made = train_step(job, batch, optimizers, 0.0, step)
                next(iter(made.losses.values())).item()  # waits for the device
                taken.append(time.monotonic() - start)
                if len(taken) > 2 and time.monotonic() - since > limit:
                    break
            start = time.monotonic()
            batch = next(job.val.in_order())
            one = replace(job.val, indices=batch.indices)
            evaluate(job.task, job.network, one.in_order(), job.preprocess, job.names, job.runtime)
            validating = (time.monotonic() - start) * job.val.steps
        usual = sorted(taken[1:] or taken)
        return usual[len(usual) // 2] * job.train.steps + validating


def forget(folder: Path, *, weights: bool) -> None:
    """Take the checkpoint of a trial away, which no longer goes on; weights: its best ones too."""
    shutil.rmtree(folder / STATE, ignore_errors=True)
    for name in (WEIGHTS, CONFIG) if weights else ():
        with suppress(OSError):
            (folder / name).unlink()
