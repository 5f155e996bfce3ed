"""From a plan to a finished run folder."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from striate.analysis.summary import summarize
from striate.core.errors import Interrupted, StriateError
from striate.core.files import remove_parts
from striate.core.own_code import OwnCode
from striate.core.units import counted
from striate.data.cache import DEFAULT_CACHE_GB
from striate.data.check import DataReport
from striate.data.in_memory import Given
from striate.data.manifest import MANIFEST
from striate.deploy.inputs import split_to_evaluate
from striate.deploy.run import Run
from striate.models.pattern import canonical
from striate.ops.threads import torch_threads
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.runtime import as_current, describe, device_named
from striate.training.at_end import fit_at_end
from striate.training.before import advice_before, low_schedule
from striate.training.budget.beginning import budgeted, decide_first, with_deadline
from striate.training.budget.record import DECIDED
from striate.training.callbacks import Callbacks
from striate.training.continued import go_on
from striate.training.finish import augmented_samples, finish
from striate.training.folder.begun import going_on, read_begun
from striate.training.folder.keeper import Keeper
from striate.training.folder.layout import LOCK, LOG, RECIPE, STATE, folder_word, is_finished, locked, next_free
from striate.training.folder.state import Counters
from striate.training.job import NO_CALLBACKS, Job
from striate.training.loop import fit, prepare
from striate.training.memory.forecast import unknown
from striate.training.memory.lone_pictures import refuse_lone_pictures
from striate.training.memory.retry import memory_errors
from striate.training.monitor.reporter import Reporter
from striate.training.monitor.tensorboard import EVENTS, TensorBoard, require_tensorboard
from striate.training.optim.schedule import work_by_epoch
from striate.training.own import begun_with, forgettable, same_code
from striate.training.plan import Plan, read_plan, write_plan
from striate.training.prepared import Prepared, opened
from striate.training.reopen import Going, reopen, same_runtime
from striate.training.speed.autotune import autotune
from striate.training.speed.compiling import kernels_of
from striate.training.speed.threads import EpochThreads
from striate.training.under_way import moment_of

RUNS = Path("runs")
NOWHERE_ELSE: Mapping[str, Given] = {}
NO_CODE: Mapping[str, OwnCode] = {}


@dataclass(frozen=True)
class Audience:
    """Who is told how a run goes.

    tensorboard: whether events are written for it, into the folder tensorboard/ of the run. quiet: whether nothing is
    shown, while log.txt has it all the same. callbacks: of the caller.
    """

    tensorboard: bool = False
    quiet: bool = False
    callbacks: Callbacks = NO_CALLBACKS


NOBODY_ELSE = Audience()


def start(
    plan: Plan,
    folder: Path | None = None,
    cache_gb: float = DEFAULT_CACHE_GB,
    audience: Audience = NOBODY_ELSE,
    open_: Callable[[Plan, float, Reporter], Prepared] = opened,
) -> Run:
    """Check the data, train, evaluate, report; everything ends up in `folder`, by default a new one below runs/.

    cache_gb: what decoded pictures may take on the disk, all data sets together, in 10^9 bytes. open_: what gives what
    the run works with.
    Raises StriateError when the data cannot be trained on or the folder holds something already, Interrupted when a
    signal stops it.
    """
    device = device_named(plan.options.device)
    folder = folder or next_free(RUNS, stem_of(plan))
    if folder.exists() and not (folder / RECIPE).exists() and any(map(_is_foreign, folder.iterdir())):
        raise StriateError(f"{folder} is not empty and holds no run; choose another --run")
    with locked(folder):
        if (folder / RECIPE).exists():
            raise StriateError(f"{folder} holds a run already; go on with it by --resume, or choose another --run")
        with as_current(device):
            return execute(partial(open_, plan, cache_gb), folder, audience)


def stem_of(plan: Plan) -> str:
    """What a new folder for a plan is called, after its data and its network."""
    return f"{Path(plan.source).stem}-{folder_word(canonical(plan.named_by))}"


def _is_foreign(path: Path) -> bool:
    """Whether something is not of a run; what one leaves that was killed before its recipe.json stood is."""
    return path.name not in (LOCK, MANIFEST, LOG, DECIDED) and path.suffix != ".part"


def resume(
    folder: Path,
    cache_gb: float = DEFAULT_CACHE_GB,
    audience: Audience = NOBODY_ELSE,
    *,
    places: Mapping[str, Given] = NOWHERE_ELSE,
    without_missing: bool = False,
    code: Mapping[str, OwnCode] = NO_CODE,
    source_changed: bool = False,
    epochs: int | None = None,
) -> Run:
    """Go on with a run to exactly the weights that it would have reached; a finished one is only opened.

    audience: as in `start`; events that were begun are gone on with in any case. places: where pictures are
    now that have moved: "data", and "val" and "test" that lie elsewhere. without_missing: whether to go on without
    pictures that are gone, to other weights. code: of a person's own that the run was begun with, by field.
    source_changed: whether its file may have changed. epochs: of a finished run, to which it goes on with a schedule of
    its own.

    Raises StriateError when the folder is no run or the pictures have changed since, Interrupted as `start` does.
    """
    if not (folder / RECIPE).exists():
        raise StriateError(f"{folder} holds no run to resume (no {RECIPE}); leave --resume out to start one")
    if is_finished(folder):
        finished = Run(folder, model=code.get("model"))  # first: what is damaged is no finished run
        if epochs in (None, finished.recipe["recipe"]["epochs"]):
            Reporter(quiet=audience.quiet).say(f"{folder} is finished already; nothing was trained")
            return finished
    with locked(folder):
        reporter, begun = Reporter(quiet=audience.quiet), read_begun(folder)[0]
        reporter.log = folder
        own = same_code(folder, begun_with(begun), code, reporter.say, changed=source_changed)
        if epochs is not None and is_finished(folder):
            go_on(folder, epochs)
        plan, record = read_plan(folder)
        plan = replace(plan, code=own)
        audience = replace(audience, tensorboard=audience.tensorboard or (folder / EVENTS).exists())
        others = {split: place for split, place in places.items() if split != "data"}
        going = Going(folder, record, places.get("data"), without_missing, others)
        with as_current(the_same_device(folder, plan, record)):
            return execute(partial(reopen, plan, going, cache_gb), folder, audience)


def the_same_device(folder: Path, plan: Plan, record: dict[str, Any]) -> str:
    """The device that a run was begun on. Raises StriateError when it is not there."""
    device = same_runtime(record["machine"], plan.options.device).device
    try:
        return device_named(device)
    except StriateError as error:
        begun_on = record["machine"]["device"]
        raise StriateError(f"{folder} was begun on {begun_on} ({device}) and goes on there only: {error}") from None


def execute(open_: Callable[[Reporter], Prepared], folder: Path, audience: Audience) -> Run:
    """The way from what was prepared to a finished folder; what happens on it is told and logged."""
    if audience.tensorboard:
        require_tensorboard()
    reporter = Reporter(quiet=audience.quiet)
    try:
        prepared = open_(reporter)
        with memory_errors(folder), keep_freed_memory():
            reporter.log = folder
            remove_parts(folder)
            remove_parts(folder / STATE)
            job = replace(prepared.job(folder, reporter), callbacks=audience.callbacks)
            reporter.task = job.task
            if prepared.report is not None:
                job = _written_down(job, prepared, prepared.report)
            if (budget := prepared.plan.budget) is not None:
                job = with_deadline(job, budget, lambda last: reporter.expect(last, job.train.steps))
            job.runtime.network(job.network)
            reporter.say(_headline(job))
            with Keeper(folder) as keeper, torch_threads(job.runtime.threads):
                job = replace(job, keeper=keeper)
                with kernels_of(job.runtime, job.network):
                    job, transfer = prepare(job)
                    if audience.tensorboard:
                        watch = TensorBoard(folder / EVENTS, job.network, augmented_samples(job), reporter)
                        job = replace(job, watch=watch)
                    shares = work_by_epoch(job.recipe, min(job.preprocess.size))
                    reporter.begin(job.train.steps * job.recipe.epochs, shares)
                    if job.deadline is not None:
                        reporter.expect(job.deadline.last, job.train.steps)
                    counters = fit(job, transfer)
                reporter.close()
                EpochThreads(job).begin(job.recipe.epochs)
                counters = fit_at_end(job, counters, reporter.solving)
                finished = finish(job, prepared.dataset, prepared.working, counters, prepared.unreadable)
                last_told(job, counters, finished)
                return finished
    except (StriateError, Interrupted) as error:
        reporter.note(f"stopped: {error.in_flags}")
        raise
    except KeyboardInterrupt:  # before the first step, or a second Ctrl-C, which waits for nothing
        raise _stopped_at_once(folder) from None
    finally:
        reporter.close()


def last_told(job: Job, counters: Counters, finished: Run) -> None:
    """Tell the callbacks what the run has come to."""
    for each in job.callbacks.end:
        each(replace(moment_of(job, counters, finished.network), figures=finished.metrics, folder=finished.path))


def _written_down(job: Job, prepared: Prepared, report: DataReport) -> Job:
    """A new job in the settings that it will run in, written down, with what there is to say of its pictures."""
    plan, dataset = prepared.plan, prepared.dataset
    refuse_lone_pictures(job)
    for step in (0, job.train.steps * job.recipe.epochs - 1):
        job.learning_rate(step)  # of a person's own, it may be none
    costs, tested = None, len(dataset.splits[split_to_evaluate(dataset, None)])
    if plan.budget is not None:
        if plan.budget.why:
            job.watch.say(plan.budget.why)
        job, costs = budgeted(job, plan.budget, tested)
        plan = replace(plan, recipe=job.recipe)
    job = _tuned(job, plan)
    if costs is not None:
        decide_first(job, costs, tested)
    write_plan(job.folder, plan, job.runtime, job.preprocess, dataset, prepared.scan, report)
    before = advice_before(plan.recipe, dataset, job.preprocess, job.network.only_size)
    low = low_schedule(job.code.get("schedule"), job.train.steps * job.recipe.epochs)
    own = job.variation.own
    no_forecast = unknown(summarize(job.network))
    cost = own.cost(next(job.train.in_order()).pictures, job.train.pictures) if own is not None else None
    said = (*report.said, *filter(None, [no_forecast, cost]), *forgettable(job.code))
    for line in (*said, *(f"warning: {advice}" for advice in (*before, *filter(None, [low])))):
        job.watch.say(line)
    return job


def _stopped_at_once(folder: Path) -> Interrupted:
    if not (folder / RECIPE).exists():
        return Interrupted("stopped before anything was trained", signal.SIGINT)
    return Interrupted(
        f"stopped at once; what was saved last is kept. Go on with: {going_on(folder)}",
        signal.SIGINT,
    )


def _tuned(job: Job, plan: Plan) -> Job:
    """The job in the settings that are fastest here, and a line that says so when something was measured."""
    if not plan.options.autotune:
        return job
    tuned = autotune(job, plan.options)
    if tuned.seconds:
        job.watch.say(str(tuned))
    return replace(job, runtime=tuned.runtime)


def _headline(job: Job) -> str:
    """One line on what is about to happen."""
    height, width = job.preprocess.size
    return (
        f"{job.network.architecture}, {job.train.targets.described}, {job.train.pictures:,} pictures to train and "
        f"{job.val.pictures:,} to validate at {height}x{width} px; {counted(job.recipe.epochs, 'epoch')} of "
        f"{counted(job.train.steps, 'step')} in {describe(job.runtime)}; {job.folder}"
    )
