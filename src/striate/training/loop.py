"""The training loop: a list of things that fall due."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from striate.core.commands import command
from striate.core.errors import ChangedPicture, Interrupted, StriateError
from striate.core.units import counted
from striate.data.batches import Batch
from striate.deploy.bundle import save_config, save_weights
from striate.models import Network
from striate.runtime.signals import StopRequest, stop_requested
from striate.tasks.classification import Evaluation, evaluate
from striate.training.finetune.transfer import Transfer, begin, write_transfer
from striate.training.folder.layout import STATE, append_metrics, discard_metrics_after
from striate.training.folder.state import Counters, load_state, save_state
from striate.training.job import Job
from striate.training.memory.retry import fitting_step
from striate.training.monitor.monitor import TrainingMonitor
from striate.training.optim.ema import ema_copy, update_ema
from striate.training.optim.optimizer import make_optimizer
from striate.training.optim.schedule import learning_rate
from striate.training.optim.whitening import whiten_first_layer
from striate.training.plan import note_without
from striate.training.recipe import Recipe
from striate.training.speed.threads import EpochThreads

READ_EVERY_STEPS = 10
SAVE_EVERY_SECONDS = 60.0
DIVERGED_FACTOR = 3.0


def prepare(job: Job) -> tuple[Job, Transfer | None]:
    """What comes before the first step: the loss scaler, a whitened first layer, the head of a staged run.

    Returns the job as it is trained, whose recipe leaves out what would harm these pictures, and what a staged run has
    decided.
    """
    EpochThreads(job).begin(0)  # the head of a staged run is solved in the threads of its first epoch
    job = replace(job, scaler=job.runtime.loss_scaler())
    if job.recipe.whiten:
        whiten_first_layer(job.network, job.train, job.seed)
    transfer = begin(job) if job.recipe.staged else None
    if transfer is not None:
        job = replace(job, recipe=transfer.fitted(job.recipe))
        job.network.preprocess = replace(job.network.preprocess, mirrored=job.recipe.test_flip)
    return job, transfer


def fit(job: Job, transfer: Transfer | None) -> Counters:
    """Train to the end of the recipe, from the newest state if there is one; the best weights stay in the folder.

    job, transfer: from `prepare`.
    Raises Interrupted on Ctrl-C or SIGTERM, StriateError when training diverges or the disk is full; in each case the
    newest state lets the same run go on.
    """
    recipe, steps, threads = job.recipe, job.train.steps, EpochThreads(job)
    optimizer, networks = make_optimizer(job.network, recipe), networks_of(job)
    counters = load_state(job.folder / STATE, networks, optimizer, job.watch.say) or Counters()
    if counters.loss_scale:
        job.scaler.load_state_dict(counters.loss_scale)
    discard_metrics_after(job.folder, counters.step, job.watch.say)
    sitter = TrainingMonitor(job, optimizer, counters)
    with stop_requested() as wish:
        if transfer is not None and counters.best_accuracy < 0:
            keep_head(job, networks, optimizer, counters, transfer)
        for epoch in range(counters.step // steps, recipe.epochs):
            if is_over(recipe, transfer, epoch, counters):
                break
            clock = Clock(counters)
            threads.begin(epoch)
            if transfer is not None:
                transfer.tuning.apply(job.network, epoch, recipe.epochs, keep_statistics=recipe.keep_statistics)
            unread: list[tuple[Tensor, Tensor, int]] = []
            job.network.train()
            batches = job.train.shuffled(job.seed, epoch, first=counters.step % steps)
            for batch in batches_or_saved(batches, job, networks, optimizer, counters, clock, unread):
                lr = learning_rate(recipe, counters.step, steps, counters.drops)
                while (made := fitting_step(job, batch, optimizer, lr, counters)) is None:
                    save(job, networks, optimizer, counters, clock, unread)
                    job.watch.say(
                        f"memory ran out; {counted(counters.micro_batch or 1, 'picture')} at once from here on"
                    )
                loss, right = made
                unread.append((loss, right, len(batch[1])))
                counters.step += 1
                if recipe.ema_decay:
                    update_ema(networks["ema"], job.network, recipe.ema_decay, counters.step)
                epoch_is_over = counters.step % steps == 0
                if epoch_is_over or counters.step % READ_EVERY_STEPS == 0 or counters.first_loss is None:
                    read_losses(job, unread, counters)
                    job.watch.step(counters, lr)
                if not epoch_is_over and (wish or clock.save_is_due()):
                    save(job, networks, optimizer, counters, clock, unread)
                    stop_if(wish, job, counters)
            clock.stop(counters)
            line = epoch_line(epoch + 1, counters, lr, clock)
            if (epoch + 1) % recipe.validate_every_epochs == 0 or epoch + 1 == recipe.epochs:
                job = sitter.job = in_its_folder(job)
                line = validate(job, list(networks.values())[-1], line, counters, sitter)
            job = sitter.job = in_its_folder(job)
            append_metrics(job.folder, line)
            job.watch.epoch(line)
            save(job, networks, optimizer, counters, clock, unread)
            stop_if(wish, job, counters)
    return counters


def is_over(recipe: Recipe, transfer: Transfer | None, epoch: int, counters: Counters) -> bool:
    """Whether a run ends before an epoch, counted from 0: nothing is tuned, or validation has stopped gaining."""
    if transfer is not None and not transfer.tuned:
        return True
    if transfer is not None and transfer.tuning.unfrozen_stages(max(0, epoch - 1), recipe.epochs) != transfer.tuned:
        return False
    return recipe.stop_after_epochs is not None and counters.waited_epochs >= recipe.stop_after_epochs


def keep_head(
    job: Job,
    networks: dict[str, Network],
    optimizer: torch.optim.Optimizer,
    counters: Counters,
    transfer: Transfer,
) -> None:
    """Validate and keep the weights whose head alone was solved: what tuning has to better."""
    counters.seconds += transfer.seconds
    counters.first_loss = math.log(len(job.classes))  # of knowing nothing: a head that was solved begins far below
    clock = Clock(counters)
    found, _ = keep_if_best(job, list(networks.values())[-1], 0, counters)
    write_transfer(job.folder, transfer, found)
    save(job, networks, optimizer, counters, clock, [])
    low, high = found.interval
    probe = transfer.probes[-1]
    job.watch.say(
        f"the head alone: val {found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}); cross-validated on the "
        f"training pictures {probe.accuracy:.2%} ({probe.interval[0]:.2%} to {probe.interval[1]:.2%})"
    )


def keep_if_best(job: Job, network: Network, epoch: int, counters: Counters) -> tuple[Evaluation, bool]:
    """Validate; the weights stay in the folder if they are the best so far, which is returned too."""
    found = evaluate(network, job.val.in_order(), network.preprocess, job.classes, job.runtime)
    merits = (found.accuracy, -found.mean_loss), (counters.best_accuracy, -counters.best_loss)
    now, before = (merit[::-1] if job.recipe.best_by == "loss" else merit for merit in merits)
    if best := now > before:
        counters.best_accuracy, counters.best_loss, counters.best_epoch = found.accuracy, found.mean_loss, epoch
        counters.waited_epochs = 0
        save_weights(job.folder, network)
        save_config(job.folder, network, job.classes, {"val_top1": found.accuracy, "epoch": epoch})
        if job.keeper is not None:
            job.keeper.look()
    return found, best


def networks_of(job: Job) -> dict[str, Network]:
    """The network that is trained and, where the recipe averages, the one that is validated and kept."""
    ema = {"ema": ema_copy(job.network)} if job.recipe.ema_decay else {}
    return {"network": job.network, **ema}


def in_its_folder(job: Job) -> Job:
    """The job as it is, or in the folder that its run was brought to because the one it had has gone."""
    return replace(job, folder=job.keeper.rescue()) if job.keeper is not None and job.keeper.lost() else job


def batches_or_saved(
    batches: Iterator[Batch],
    job: Job,
    networks: dict[str, Network],
    optimizer: torch.optim.Optimizer,
    counters: Counters,
    clock: Clock,
    unread: list[tuple[Tensor, Tensor, int]],
) -> Iterator[Batch]:
    """The batches; where one is of other pictures than the run began with, what was trained so far is saved first."""
    try:
        yield from batches
    except ChangedPicture:
        save(job, networks, optimizer, counters, clock, unread)
        raise


def save(
    job: Job,
    networks: dict[str, Network],
    optimizer: torch.optim.Optimizer,
    counters: Counters,
    clock: Clock,
    unread: list[tuple[Tensor, Tensor, int]],
) -> None:
    """Write the whole state, the time up to now counted and the last results read.

    Raises StriateError, with where everything is, when the folder of the run was deleted or moved.
    """
    read_losses(job, unread, counters)
    clock.stop(counters)
    job = in_its_folder(job)
    counters.loss_scale = job.scaler.state_dict()
    if job.train.unreadable is not None:
        job.train.unreadable.write_down(partial(note_without, job.folder, from_step=counters.step))
    save_state(job.folder / STATE, networks, optimizer, counters)
    if job.keeper is not None:
        job.keeper.look()
        job.keeper.refuse_to_go_on()


def read_losses(job: Job, unread: list[tuple[Tensor, Tensor, int]], counters: Counters) -> None:
    """Bring the results of some steps into the counters. Raises StriateError when training has diverged.

    Diverged is more than three times the first loss, or that of knowing nothing where trained weights begin below it.
    """
    losses = torch.stack([loss for loss, _, _ in unread]).tolist() if unread else []
    hits = torch.stack([right for _, right, _ in unread]).tolist() if unread else []
    for loss, right, (_, _, count) in zip(losses, hits, unread, strict=True):
        counters.first_loss = loss if counters.first_loss is None else counters.first_loss
        counters.loss_sum += loss * count
        counters.right += right
        counters.seen += count
    unread.clear()
    healthy = max(counters.first_loss or 0.0, math.log(len(job.classes)))
    if losses and not sum(losses) / len(losses) <= DIVERGED_FACTOR * healthy:
        raise StriateError(
            f"training diverged: the loss is {sum(losses) / len(losses):.4g} at step {counters.step}, "
            f"{counters.first_loss:.4g} at the first; the last good state and the best weights so far are kept. "
            "Try a lower rate (--set peak_lr=...), a warm-up (--set warmup_epochs=3) or --precision fp32"
        )


def epoch_line(epoch: int, counters: Counters, lr: float, clock: Clock) -> dict[str, Any]:
    """What an epoch's training came to, for metrics.jsonl; the sums begin anew."""
    line = {
        "epoch": epoch,
        "step": counters.step,
        "lr": lr,
        "train_loss": counters.loss_sum / max(1, counters.seen),
        "train_accuracy": counters.right / max(1, counters.seen),
        "images_per_second": clock.rate(counters),
        "seconds": counters.seconds,
    }
    counters.loss_sum, counters.right, counters.seen = 0.0, 0, 0
    return line


def validate(
    job: Job, network: Network, line: dict[str, Any], counters: Counters, sitter: TrainingMonitor
) -> dict[str, Any]:
    """An epoch's line with its validation and what the run saw of itself; the best weights so far are kept."""
    found, best = keep_if_best(job, network, line["epoch"], counters)
    if not best:
        counters.waited_epochs += 1
        if job.recipe.schedule == "plateau" and counters.waited_epochs >= job.recipe.patience_epochs:
            counters.drops, counters.waited_epochs = counters.drops + 1, 0
    line = line | {"val_loss": found.mean_loss, "val_accuracy": found.accuracy, "best": best}
    return line | sitter.look(network, line)


def stop_if(wish: StopRequest, job: Job, counters: Counters) -> None:
    """Raise Interrupted when a signal asked for it."""
    if wish.signal is None or counters.step == job.recipe.epochs * job.train.steps:
        return
    raise Interrupted(
        f"stopped at step {counters.step:,} of {job.recipe.epochs * job.train.steps:,}; everything is saved. "
        f"Go on with: {command('train', '--run', job.folder, '--resume')}",
        wish.signal,
    )


class Clock:
    """Seconds of training, and when the next state is due; a monotonic clock, so a changed date changes nothing."""

    def __init__(self, counters: Counters) -> None:
        self.seen_before = counters.seen
        self.since = self.saved = time.monotonic()
        self.seconds = 0.0

    def save_is_due(self) -> bool:
        """Whether the last state is too old."""
        return time.monotonic() - self.saved > SAVE_EVERY_SECONDS

    def stop(self, counters: Counters) -> None:
        """Add the time since the last stop to the counters."""
        now = time.monotonic()
        counters.seconds += now - self.since
        self.seconds += now - self.since
        self.since = self.saved = now

    def rate(self, counters: Counters) -> float:
        """Pictures per second since the epoch was begun or resumed, rounded for reading."""
        return round((counters.seen - self.seen_before) / max(self.seconds, 1e-9), 1)
