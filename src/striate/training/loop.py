"""The training loop: a list of things that fall due."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from striate.core.errors import ChangedPicture
from striate.core.units import counted
from striate.data.batches import Batch, step_generator
from striate.deploy.bundle import save_config, save_weights
from striate.runtime.global_state import seed_everything
from striate.runtime.signals import stop_requested
from striate.tasks.evaluation import evaluate
from striate.tasks.task import Metric, StepLosses
from striate.training.amended import note_without
from striate.training.clock import Clock
from striate.training.finetune.transfer import Transfer, begin, head_alone, write_transfer
from striate.training.folder.layout import STATE, append_metrics, discard_metrics_after
from striate.training.folder.own_state import require_saveable
from striate.training.folder.state import Counters, load_state, save_state
from striate.training.job import Job
from striate.training.memory.retry import fitting_step
from striate.training.monitor.monitor import TrainingMonitor
from striate.training.optim.ema import ema_copy, update_ema
from striate.training.optim.whitening import whiten_first_layer
from striate.training.recipe import Recipe
from striate.training.results import Diverged, read
from striate.training.speed.threads import EpochThreads
from striate.training.under_way import Training, say_why_stopped, stop_if, tell

READ_EVERY_STEPS = 10
DIVERGED_FACTOR = 3.0

Pause = Callable[[Counters], bool]


def never(counters: Counters) -> bool:
    """Of a run that goes to its end."""
    return False


def prepare(job: Job) -> tuple[Job, Transfer | None]:
    """What comes before the first step: the loss scaler, a whitened first layer, the head of a staged run.

    Returns the job as it is trained, whose recipe leaves out what would harm these pictures, and what a staged run has
    decided.
    """
    EpochThreads(job).begin(0)  # the head of a staged run is solved in the threads of its first epoch
    job = replace(job, scaler=job.runtime.loss_scaler())
    if job.recipe.whiten:
        whiten_first_layer(job.network, job.train, job.preprocess, job.seed)
    transfer = begin(job) if job.recipe.staged else None
    if transfer is not None:
        recipe = transfer.fitted(job.recipe)
        job = replace(job, recipe=recipe, preprocess=replace(job.preprocess, mirrored=recipe.test_flip))
    return job, transfer


def fit(job: Job, transfer: Transfer | None, pause: Pause = never) -> Counters:
    """Train to the end of the recipe, from the newest state if there is one; the best weights stay in the folder.

    job, transfer: from `prepare`. pause: asked after every step and before every epoch whether to stop here for now,
    with the state saved; called again, the same job goes on as if it had not been stopped.
    Raises Interrupted on Ctrl-C or SIGTERM, StriateError when training diverges or the disk is full, and what a
    callback raises; in each case the newest state lets the same run go on.
    """
    recipe, steps, threads = job.recipe, job.train.steps, EpochThreads(job)
    run = begun(job, transfer)
    counters = run.counters
    if "model" in job.code and not counters.step:
        save(run)  # the weights that it came with may be nowhere else
    with stop_requested() as request:
        if transfer is not None and not counters.best:
            keep_head(run, transfer)
        tell(run, job.callbacks.begin)
        if run.failure or counters.stopped:
            save(run)
            stop_if(request, run)
        for epoch in job.epochs_from(counters.step // steps):
            schedule, unfrozen_by, end = schedule_of(job, epoch)
            if is_over(schedule, transfer, unfrozen_by, counters) or pause(counters):
                break
            run.clock = Clock(counters)
            threads.begin(epoch)
            if transfer is not None:
                by, epochs = unfrozen_by, schedule.epochs
                transfer.tuning.apply(job.network, by, epochs, keep_statistics=recipe.keep_statistics)
            job.network.train()
            for batch in batches_or_saved(run, epoch):
                lr = job.learning_rate(counters.step, counters.drops)
                run.unread.append((made_to_fit(run, batch, lr), len(batch.indices)))
                counters.step += 1
                counters.stopped |= job.ends_after(counters.step)
                if recipe.ema_decay:
                    update_ema(run.kept, job.network, recipe.ema_decay, counters.step)
                tell(run, job.callbacks.step, lr)
                if run.epoch_is_over or counters.step % READ_EVERY_STEPS == 0 or counters.first_loss is None:
                    read_losses(run)
                    job.watch.step(counters, lr)
                paused = not run.epoch_is_over and pause(counters)
                if paused or (not run.epoch_is_over and (request or run.failure or run.clock.save_is_due())):
                    save(run)
                    stop_if(request, run)
                if paused:
                    return counters
                if counters.stopped:
                    break
            run.clock.stop(counters)
            line = epoch_line(run, epoch + 1, lr)
            if (epoch + 1) % recipe.validate_every_epochs == 0 or epoch + 1 == end or counters.stopped:
                line = validate(run, line)
            note_epoch(run, line)
            save(run)
            stop_if(request, run)
            begin_schedule(job, counters)
    say_why_stopped(run)
    return counters


def begun(job: Job, transfer: Transfer | None) -> Training:
    """A job with all that it changes, as the newest state left it."""
    optimizers = job.optimizers
    networks = {"network": job.network, **({"ema": ema_copy(job.network)} if job.recipe.ema_decay else {})}
    own = "optimizer" in job.code
    counters = load_state(job.folder / STATE, networks, optimizers, job.watch.say, own=own) or Counters()
    begin_schedule(job, counters)
    if job.deadline is not None:
        job.deadline.goes_on(counters.spent)
        counters.stopped = counters.stopped or (counters.step > 0 and job.deadline.is_late)
    if counters.loss_scale:
        job.scaler.load_state_dict(counters.loss_scale)
    discard_metrics_after(job.folder, counters.step, job.watch.say)
    monitor = TrainingMonitor(job, list(optimizers.values()), counters)
    return Training(job, transfer, networks, optimizers, counters, Clock(counters), monitor)


def begin_schedule(job: Job, counters: Counters) -> None:
    """Forget what the schedule before has counted, where a run that was finished goes on."""
    if counters.step in [each.from_step for each in job.continued]:
        counters.drops, counters.waited_epochs, counters.stopped = 0, 0, False


def schedule_of(job: Job, epoch: int) -> tuple[Recipe, int, int]:
    """Of an epoch, counted from 0: the recipe over the epochs of its schedule, the epoch by which stages are unfrozen
    (all of them, once a run goes on), and the number of the schedule's last epoch.
    """
    steps = job.train.steps
    schedule, step, first = job.scheduled(epoch * steps)
    end = epoch - step // steps + schedule.epochs
    if first:
        return schedule, step // steps, end
    return job.recipe, job.recipe.epochs - 1, end


def is_over(recipe: Recipe, transfer: Transfer | None, epoch: int, counters: Counters) -> bool:
    """Whether a run ends before an epoch, counted from 0: a callback has ended it, nothing is tuned, or validation has
    stopped gaining.
    """
    if counters.stopped and counters.best:  # else one step first: there are no weights to keep yet
        return True
    if transfer is not None and not transfer.tuned:
        return True
    if transfer is not None and transfer.tuning.unfrozen_stages(max(0, epoch - 1), recipe.epochs) != transfer.tuned:
        return False
    return recipe.stop_after_epochs is not None and counters.waited_epochs >= recipe.stop_after_epochs


def made_to_fit(run: Training, batch: Batch, lr: float) -> StepLosses:
    """One step, in as many parts as memory makes necessary."""
    while (made := fitting_step(run.job, batch, run.optimizers, lr, run.counters)) is None:
        save(run)
        fewer = counted(run.counters.micro_batch or 1, "picture")
        run.job.watch.say(f"memory ran out; {fewer} at once from here on")
    if not run.counters.step and (own := run.job.code.get("optimizer")) is not None:
        require_saveable(run.optimizers, own.name)  # now, rather than when hours of work are to be saved
    return made


def keep_head(run: Training, transfer: Transfer) -> None:
    """Validate and keep the weights whose head alone was solved: what tuning has to better."""
    run.counters.seconds += transfer.seconds
    run.counters.first_loss = run.job.chance_loss  # a head that was solved begins far below
    run.clock = Clock(run.counters)
    found, _ = keep_if_best(run, 0)
    result = found.result()
    write_transfer(run.job.folder, transfer, result)
    save(run)
    run.job.watch.say(head_alone(transfer, result))


def keep_if_best(run: Training, epoch: int) -> tuple[Metric, bool]:
    """Validate; the weights stay in the folder if they are the best so far, which is returned too."""
    job, counters, network = run.job, run.counters, run.kept
    seed_everything(step_generator(job.seed, counters.step).initial_seed())  # a network of one's own may draw here too
    found = evaluate(job.task, network, job.val.in_order(), job.preprocess, job.names, job.runtime)
    figures, first = found.figures(), job.task.figures[0]
    now, before = (job.task.merit(each, job.recipe.best_by) for each in (figures, counters.best or job.task.worst()))
    if best := now > before:
        counters.best, counters.best_epoch, counters.waited_epochs = figures, epoch, 0
        save_weights(job.folder, network)
        stated = {f"val_{first.stated}": figures[first.key], "epoch": epoch}
        save_config(job.folder, network, job.names, stated, job.task.name, job.preprocess)
        if job.keeper is not None:
            job.keeper.look()
    return found, best


def stay_in_folder(run: Training) -> None:
    """Go on in the folder that the run was brought to, should the one it had be gone."""
    job = run.job
    if job.keeper is not None and job.keeper.lost():
        run.job = run.monitor.job = replace(job, folder=job.keeper.rescue())
        if job.deadline is not None:
            job.deadline.goes_on_in(run.job.folder)


def batches_or_saved(run: Training, epoch: int) -> Iterator[Batch]:
    """An epoch's batches that are left; where one is of other pictures than the run began with, the state is saved."""
    job = run.job
    try:
        yield from job.train.shuffled(job.seed, epoch, first=run.counters.step % job.train.steps)
    except ChangedPicture:
        save(run)
        raise


def save(run: Training) -> None:
    """Write the whole state, the time up to now counted and the last results read.

    Raises StriateError, with where everything is, when the folder of the run was deleted or moved.
    """
    read_losses(run)
    run.clock.stop(run.counters)
    stay_in_folder(run)
    job = run.job
    run.counters.loss_scale = job.scaler.state_dict()
    run.counters.spent = 0.0 if job.deadline is None else job.deadline.elapsed()
    if job.train.unreadable is not None:
        job.train.unreadable.write_down(partial(note_without, job.folder, from_step=run.counters.step))
    save_state(job.folder / STATE, run.networks, run.optimizers, run.counters, own="optimizer" in job.code)
    if job.keeper is not None:
        job.keeper.look()
        job.keeper.refuse_to_go_on()


def read_losses(run: Training) -> None:
    """Bring the results of some steps into the counters. Raises Diverged when training has.

    Diverged is what is no number and, where the loss of knowing nothing is known, more than three times that or the
    first loss, whichever is larger: trained weights begin below it. Where rare pictures weigh more, a step with some of
    them says nothing of the kind.
    """
    counters, losses = run.counters, []
    for found, counted_here, pictures in read(run.unread):
        losses.append(sum(found.values()))
        counters.first_loss = losses[-1] if counters.first_loss is None else counters.first_loss
        counters.loss_sum += losses[-1] * pictures
        parts = {f"{name}_loss": loss * pictures for name, loss in found.items() if len(found) > 1}
        for name, number in (parts | counted_here).items():
            counters.sums[name] = counters.sums.get(name, 0) + number
        counters.seen += pictures
    run.unread.clear()
    mean = sum(losses) / max(1, len(losses))
    known = run.job.task.chance_loss is not None and run.job.recipe.balance != "weights"
    limit = DIVERGED_FACTOR * max(counters.first_loss or 0.0, run.job.chance_loss) if known else math.inf
    if not math.isfinite(mean) or mean > limit:
        raise Diverged(mean, counters.first_loss, counters.step, run.job.runtime.precision)


def epoch_line(run: Training, epoch: int, lr: float) -> dict[str, Any]:
    """What an epoch's training came to, for metrics.jsonl; the sums begin anew."""
    counters = run.counters
    line = {
        "epoch": epoch,
        "step": counters.step,
        "lr": lr,
        "train_loss": counters.loss_sum / max(1, counters.seen),
        **{f"train_{name}": total / max(1, counters.seen) for name, total in counters.sums.items()},
        "images_per_second": run.clock.rate(counters),
        "seconds": counters.seconds,
    }
    counters.loss_sum, counters.sums, counters.seen = 0.0, {}, 0
    return line


def validate(run: Training, line: dict[str, Any]) -> dict[str, Any]:
    """An epoch's line with its validation and what the run saw of itself; the best weights so far are kept."""
    counters, recipe = run.counters, run.job.recipe
    stay_in_folder(run)
    found, best = keep_if_best(run, line["epoch"])
    if not best:
        counters.waited_epochs += 1
        if recipe.schedule == "plateau" and counters.waited_epochs >= recipe.patience_epochs:
            counters.drops, counters.waited_epochs = counters.drops + 1, 0
    line = line | {f"val_{name}": value for name, value in found.figures().items()} | {"best": best}
    return line | run.monitor.look(run.kept, line, found)


def note_epoch(run: Training, line: dict[str, Any]) -> None:
    """Write an epoch's line down and show it; one that a callback ends the run at is validated, whatever is due."""
    stay_in_folder(run)
    append_metrics(run.job.folder, line)
    run.job.watch.epoch(line)
    tell(run, run.job.callbacks.epoch, line["lr"], line)
    if run.counters.stopped and "best" not in line:
        line = validate(run, line)
        discard_metrics_after(run.job.folder, line["step"] - 1)
        append_metrics(run.job.folder, line)
        run.job.watch.epoch(line)
