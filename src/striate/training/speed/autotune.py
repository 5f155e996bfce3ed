"""Which settings train fastest on this machine: before a run, a few real steps of its network decide.

Candidates are the rule of `default_runtime` and, always, plain settings (fp32, contiguous, all threads), so the choice
is never slower than those, as far as a few steps can tell. What was measured, but beside busy programs, is kept in the
cache folder, one file per machine, network, size and batch.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import torch
from torch import nn

from striate.analysis.stand_in import macs_of
from striate.core.version import __version__
from striate.data.batches import Batch
from striate.runtime.global_state import generators_kept
from striate.runtime.machine import processor_name, waited_seconds
from striate.runtime.runtime import Precision, Runtime, describe, fast_half
from striate.training.job import Job
from striate.training.speed.compiling import (
    Compiling,
    compiler_is_there,
    idle_kernels,
    kernels,
    kernels_of,
    norms_suit,
    try_compiler,
)
from striate.training.speed.options import RuntimeOptions
from striate.training.speed.timings import Seconds, read_compiling, read_seconds, write_compiling, write_seconds
from striate.training.step import train_step

BUDGET_SECONDS, SHORT_RUN_SECONDS = 20.0, 20.0
SHARE_OF_RUN = 0.05
COMPILE_FROM_SECONDS = 1800.0
# How long a run takes is guessed from steps of so many; from the fewest alone where these already take long.
FIRST_PICTURES = (2, 8)
# About what the candidates together take: two to five steps each, plain ones up to three times as long as the rule's.
STEPS_IN_BUDGET = 24
PLAIN_IS_SLOWER = 3
TIMED_STEPS = 4
BUSY_SHARE = 0.1  # of the time that this program waited for a core
# Of a staged run: forward, and backward through the stages that are tuned; what two cores do at the least.
STAGED_FLOP_PER_MAC, SURE_FLOP_PER_SECOND = 3, 1e11
# The rule's settings stay unless others are faster by more than the best of a few steps varies.
CLEARLY_FASTER, FASTER_BESIDE_OTHERS = 0.99, 0.8


@dataclass(frozen=True)
class Tuned:
    """The settings chosen. seconds: what was measured; empty where the run is too short to measure for.

    remark: what kept the measurement from being better, if anything did.
    """

    runtime: Runtime
    seconds: Seconds
    remark: str = ""

    def __str__(self) -> str:
        """One line: the choice, and how fast each was."""
        rows = sorted(self.seconds.items(), key=lambda row: row[1])
        measured = ", ".join(f"{describe(runtime)} {1 / seconds:,.4g}" for runtime, seconds in rows)
        return f"measured: {describe(self.runtime)} is the choice (images/s: {measured}){self.remark}"


def autotune(job: Job, options: RuntimeOptions) -> Tuned:
    """The fastest settings for a run, given what was asked for.

    job: its runtime is that of `default_runtime`. Nothing of it changes, no random number either: copies are trained.
    Takes at most 20 seconds, and at most a twentieth of the run; nothing where the run itself takes only seconds, and
    where it is to be compiled, for then every candidate would have to be.
    """
    rule, begun = job.runtime, time.perf_counter()
    if rule.compiled or _surely_short(job):
        return Tuned(rule, {})
    candidates = layouts_and_precisions(rule, options)
    if candidates == [rule] and not other_threads(rule, options) and not other_kernels(rule, options, job.network):
        return Tuned(rule, {})
    key = _measured_for(job, options)
    allowed = {thread for option in candidates for thread in (option, *other_threads(option, options))}
    allowed |= {other for option in allowed for other in other_kernels(option, options, job.network)}
    seconds = {option: value for option, value in read_seconds(key).items() if option in allowed}
    remark = ""
    if rule not in seconds:
        since, waited = time.perf_counter(), waited_seconds()
        with generators_kept():
            seconds, all_there_is = _measure(job, options, next(iter(job.train.shuffled(job.seed, 0))), begun)
        waited = waited_seconds() - waited
        if waited > BUSY_SHARE * (time.perf_counter() - since) or rule.threads_now() < rule.threads:
            remark = "; other programs kept the machine busy, so the next run measures again"
        elif all_there_is:
            write_seconds(key, seconds)
    if not seconds:
        return Tuned(rule, {})
    run_seconds = seconds[rule] * _pictures(job)
    if run_seconds < SHORT_RUN_SECONDS:
        return Tuned(rule, {})
    best = fastest(seconds, rule, beside_others=bool(remark))
    left = 0.95 * BUDGET_SECONDS - (time.perf_counter() - begun)  # to end another process takes time too
    open_to_it = not remark and options.compile is None and not options.fused_norms and not options.winograd
    if open_to_it and _compiling_pays(job, best, seconds[best] * _pictures(job), left):
        best = replace(best, compiled=True, fused_norms=False, winograd=False)
    if options.fused_norms is None and norms_suit(best, job.network) and kernels() is None:
        remark += "; batch norms are not compiled, which needs Linux and g++ or clang++"
    return Tuned(best, seconds, remark)


def fastest(seconds: Seconds, rule: Runtime, *, beside_others: bool = False) -> Runtime:
    """The quickest, but the rule's settings when those are as quick.

    beside_others: other programs disturbed it, so only far quicker ones of as many threads count.

    >>> rule, plain = Runtime("cpu", "bf16", True, 2), Runtime("cpu", "fp32", False, 2)
    >>> fastest({rule: 1.00, plain: 0.99}, rule) is rule, fastest({rule: 1.00, plain: 0.80}, rule) is plain
    (True, True)
    """
    candidates = [runtime for runtime in seconds if not beside_others or runtime.threads == rule.threads]
    best = min(candidates, key=lambda runtime: seconds[runtime])
    return best if seconds[best] < (FASTER_BESIDE_OTHERS if beside_others else CLEARLY_FASTER) * seconds[rule] else rule


def layouts_and_precisions(rule: Runtime, options: RuntimeOptions) -> list[Runtime]:
    """The rule's settings first, then plain ones, then every other precision and layout that the options allow."""
    threads = torch.get_num_threads()
    plain = replace(rule, precision="fp32", channels_last=False, threads=threads)
    half = fast_half(rule.device)
    precisions: tuple[Precision, ...] = ("fp32", half) if half else ("fp32",)
    others = [replace(rule, precision=p, channels_last=last) for p, last in product(precisions, (True, False))]
    return _different(options.imposed_on(runtime) for runtime in (rule, plain, *others))


def other_threads(runtime: Runtime, options: RuntimeOptions) -> list[Runtime]:
    """The same settings with all, half and one of the threads."""
    threads = torch.get_num_threads()
    numbers = (threads, max(1, threads // 2), 1) if runtime.device == "cpu" else ()
    candidates = _different(options.imposed_on(replace(runtime, threads=number)) for number in numbers)
    return [option for option in candidates if option != runtime]


def other_kernels(runtime: Runtime, options: RuntimeOptions, network: nn.Module) -> list[Runtime]:
    """The same settings with the batch norms in compiled kernels, where that can be.

    Not with Winograd's convolutions: they round once more than bf16, and no gain in speed decides that for a person.
    """
    if not norms_suit(runtime, network) or kernels() is None:  # compiled only where they are of use
        return []
    option = options.imposed_on(replace(runtime, fused_norms=True))
    return [] if option == runtime else [option]


def _measure(job: Job, options: RuntimeOptions, batch: Batch, begun: float) -> tuple[Seconds, bool]:
    """Seconds per picture by settings, the rule's alone when the run is short, none when memory runs out.

    Also whether that is worth keeping: a longer run would measure no more. begun: when the time allowed began.
    """
    rule, since = job.runtime, time.perf_counter()
    seconds: Seconds = {}
    with suppress(
        RuntimeError, MemoryError, ValueError
    ):  # too little memory, one value for a batch norm: training says so
        for pictures in FIRST_PICTURES:
            if not seconds or time.perf_counter() - since < BUDGET_SECONDS / 10:
                seconds[rule] = _seconds(job, rule, _cut(batch, pictures), 0.0)
    if not seconds or seconds[rule] * _pictures(job) < SHORT_RUN_SECONDS:
        return seconds, False
    budget = min(BUDGET_SECONDS, SHARE_OF_RUN * seconds[rule] * _pictures(job))
    batch = _cut(batch, max(2, int(budget / STEPS_IN_BUDGET / seconds[rule])))
    longest = 2 * PLAIN_IS_SLOWER * len(batch.indices) * seconds[rule]

    def try_all(candidates: list[Runtime]) -> bool:
        for option in candidates:
            if idle_kernels(option, job.network):  # asked for, they hold where they can act
                continue
            now = time.perf_counter()
            if now - since > 0.85 * budget or now - begun + longest > BUDGET_SECONDS:
                return False
            with suppress(RuntimeError, MemoryError, ValueError):  # such as too little memory for this one
                taken = _seconds(job, option, batch, budget / 10)
                seconds[option] = min(taken, seconds.get(option, taken))
        return True

    compiled = other_kernels(rule, options, job.network)
    candidates = layouts_and_precisions(rule, options)
    # Likely gains first. The kernels in turn with what they differ from by little, since a machine's pace drifts.
    in_turn = [*compiled, rule, *compiled] if compiled else []
    in_time = try_all([*candidates[:2], *in_turn, *candidates[2:]])
    best = fastest(seconds, rule)
    threads = other_threads(best, options) if best.threads_now() == best.threads else []  # else the load decides
    others = [*threads, *other_kernels(best, options, job.network)]
    in_time = try_all([option for option in others if option not in seconds]) and in_time
    return seconds, len(seconds) > 1 and (in_time or budget == BUDGET_SECONDS)


def _seconds(job: Job, runtime: Runtime, batch: Batch, limit_s: float) -> float:
    """Seconds per picture of the best of a few steps after one to warm up; they end after `limit_s`, two at least.

    A first step that takes a quarter of all the time there is has to do.
    """
    network = copy.deepcopy(job.network).train()
    runtime.network(network)
    trial = replace(job, network=network, runtime=runtime, scaler=runtime.loss_scaler())
    optimizers = trial.optimizers
    step = job.train.steps * job.recipe.epochs - 1  # where sizes grow during the run, the largest
    taken: list[float] = []
    begun = time.perf_counter()
    with runtime.processor_threads(), kernels_of(runtime, network):
        while len(taken) < 2 or (len(taken) <= TIMED_STEPS and time.perf_counter() - begun < limit_s):
            start = time.perf_counter()
            made = train_step(trial, batch, optimizers, 0.0, step)
            next(iter(made.losses.values())).item()  # waits for the device
            taken.append(time.perf_counter() - start)
            if taken[0] > BUDGET_SECONDS / 4:
                break
    return min(taken[1:] or taken) / len(batch.indices)


def _cut(batch: Batch, pictures: int) -> Batch:
    return Batch(batch.pictures[:pictures], batch.targets[:pictures], batch.indices[:pictures])


def _pictures(job: Job) -> int:
    """Pictures that the whole run trains on."""
    return len(job.train.indices) * job.recipe.epochs


def _surely_short(job: Job) -> bool:
    """Whether a staged run, whose lower stages are not trained, takes seconds, as far as its arithmetic says."""
    if not job.recipe.staged:
        return False
    return STAGED_FLOP_PER_MAC * macs_of(job.network) * _pictures(job) < SHORT_RUN_SECONDS * SURE_FLOP_PER_SECOND


def _different(runtimes: Iterable[Runtime]) -> list[Runtime]:
    return list(dict.fromkeys(runtimes))


def _compiling_pays(job: Job, runtime: Runtime, run_seconds: float, limit_s: float) -> bool:
    """Whether translating the network takes less than it saves; asked only of runs of half an hour and more."""
    runtime = replace(runtime, fused_norms=False, winograd=False)
    if run_seconds < COMPILE_FROM_SECONDS or not compiler_is_there(runtime.device):
        return False
    key = {**machine(), "compiling": asdict(runtime)}
    found = read_compiling(key)
    if found is None and limit_s <= 0:
        return False
    if found is None:
        measured = try_compiler(runtime, limit_s)
        found = measured or Compiling(limit_s, 1.0)
        if measured or limit_s > 0.9 * BUDGET_SECONDS:  # else the next run, which measures less, tries again
            write_compiling(key, found)
    layers = sum(isinstance(module, nn.Conv2d | nn.Linear) for module in job.network.modules())
    return found.pays(layers, run_seconds)


def machine() -> dict[str, Any]:
    """What measurements hold for."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "striate": __version__,
    }


def _measured_for(job: Job, options: RuntimeOptions) -> dict[str, Any]:
    """Everything that measurements are for."""
    return {
        **machine(),
        "network": [job.network.architecture, sum(p.numel() for p in job.network.parameters())],
        "code": job.network.written.sha256 if job.network.written else None,
        "classes": len(job.names),
        "size": list(job.preprocess.size),
        "batch": job.recipe.batch_size,
        "optimizer": job.recipe.optimizer,
        "augment": job.recipe.augment,
        "rule": asdict(job.runtime),
        "options": asdict(options),
    }
