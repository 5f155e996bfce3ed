"""Where the time of a training step goes, beside what memory and arithmetic of this machine would need for it.

    python benchmarks/where_time_goes.py                              every case below, a table for each
    python benchmarks/where_time_goes.py --only resnet18 lenet5 --threads 2 --json FILE
    python benchmarks/where_time_goes.py --only quick_regnet26_64 --batch 32 --steps 5   smaller, to try it

A step is what `striate train` makes of a batch: its pictures read from the cache, varied, both passes, the update, the
average of the weights where the recipe has one; prepared from files by the run's own code, in the settings that
measuring chooses on a machine with bf16: channels last, compiled norms, of small networks fp32 in one thread. Steps
are made in turn as they are, which gives the whole time and that of data, augmentation and optimiser, and with every
operator timed (step_parts.py), which gives the other parts; "not accounted for" is the rest: Python, autograd, memory
given back, and on the other side what timing an operator adds to it.

GB are what operators read and write if each takes every input and leaves every output once; what lies in a cache is
faster than the memory, so that a rate may be above the machine's. A floor is, operator by operator, the longer of its
bytes at the machine's best rate (copying or summing 128 MiB) and of its FLOPs at the best of a product of matrices and
plain 3x3 convolutions. The last result is in docs/speed.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from step_parts import (
    AUGMENTATION,
    CLOCKS,
    DATA,
    FAULTS,
    OPTIMISER,
    PARTS,
    Cost,
    Machine,
    Parts,
    TimedLibrary,
    Watch,
    bounds_of,
)

from striate.core.files import write_json
from striate.kernels.compile import Kernels
from striate.ops.threads import torch_threads
from striate.recipes import get_recipe
from striate.runtime.machine import processor_name
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.runtime import describe
from striate.training.folder.state import Counters
from striate.training.job import Job
from striate.training.memory import retry
from striate.training.monitor.reporter import Reporter
from striate.training.optim.ema import EVERY_STEPS, ema_copy, update_ema
from striate.training.plan import Plan
from striate.training.prepared import opened
from striate.training.speed import compiling
from striate.training.speed.options import RuntimeOptions

CLASSES, WARM_STEPS = 4, 2


@dataclass(frozen=True)
class Case:
    """A network as it is trained. pictures: height and width of the files, and what kind of truth lies beside them."""

    recipe: str
    pictures: tuple[int, int]
    batch: int
    truth: str = "classes"
    changed: dict[str, Any] = field(default_factory=dict)


def plain(name: str, batch: int) -> Case:
    """A network of the zoo at 224 px, by the recipe for people without opinion."""
    return Case("default", (256, 256), batch, changed={"model": name, "size_px": (224, 224)})


def fast(side: int) -> Case:
    """The recipe `fast` where it has grown to its full size."""
    return Case("fast", (side, side), 256, changed={"size_px": (side, side), "start_px": None})


CASES = {
    "resnet18": plain("resnet18", 32),
    "resnet50": plain("resnet50", 16),
    "vgg11": plain("vgg11", 16),
    "densenet121": plain("densenet121", 16),
    "quick_regnet26_64": fast(64),
    "quick_regnet26_80": fast(80),
    "quick_fcn": Case("quick_fcn", (360, 480), 8, "masks"),
    "quick_detector": Case("quick_detector", (480, 640), 8, "boxes"),
    "lenet5": Case("digits_lenet5", (32, 32), 64),
}


def drawn(height: int, width: int, seed: int) -> Image.Image:
    """A picture of smooth patches."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def write_pictures(folder: Path, case: Case, batch: int) -> None:
    """One batch to train on and four pictures to validate on, with their truth: class folders, masks or boxes."""
    for split, count in (("train", batch), ("val", CLASSES)):
        for number in range(count):
            kind = f"{split}/{number % CLASSES}" if case.truth == "classes" else f"{split}/images"
            file = folder / kind / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            drawn(*case.pictures, number).save(file, compress_level=1)
            beside = folder / split / ("masks" if case.truth == "masks" else "labels")
            if case.truth != "classes":
                beside.mkdir(exist_ok=True)
            if case.truth == "masks":
                mask = np.indices(case.pictures).sum(0) // 64 % CLASSES
                Image.fromarray(mask.astype(np.uint8)).save(beside / file.name)
            elif case.truth == "boxes":
                rows = (f"{each} {0.2 + 0.2 * each} 0.5 0.3 {0.2 + 0.1 * each}" for each in range(CLASSES))
                (beside / f"{number}.txt").write_text("\n".join(rows))


def prepared_job(case: Case, place: Path, threads: int, library: TimedLibrary | None) -> Job:
    """The job that `striate train` would make of these files, with nothing measured."""
    recipe = get_recipe(case.recipe).changed(case.changed)
    options = RuntimeOptions(autotune=False, threads=threads if threads < torch.get_num_threads() else None)
    plan = Plan(str(place / "data"), case.recipe, recipe, {**case.changed}, options=options)
    job = opened(plan, 1.0, Reporter(quiet=True)).job(place / "run", Reporter(quiet=True))
    if library is not None and compiling.norms_suit(job.runtime, job.network):
        job = replace(job, runtime=replace(job.runtime, fused_norms=True))
    job.runtime.network(job.network.train())
    return replace(job, scaler=job.runtime.loss_scaler())


@dataclass
class Steps:
    """A training that is made step by step, one batch an epoch."""

    job: Job

    def __post_init__(self) -> None:
        self.counters, self.optimizers = Counters(), self.job.optimizers
        self.ema = ema_copy(self.job.network) if self.job.recipe.ema_decay else None

    def one(self, parts: Parts, *, timed: bool) -> float:
        """The seconds of a step as the loop makes it. timed: whether every operator is, else whole phases are."""
        job, counters = self.job, self.counters
        within = partial(parts.all_in, seconds=not timed)

        def all_in(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any) -> Any:
                with within(part):
                    return function(*args)

            return call

        begun, update = all_in(AUGMENTATION, retry.begun_step), all_in(OPTIMISER, retry.update)
        with ExitStack() as stack:
            stack.enter_context(patch.object(retry, "begun_step", begun))
            stack.enter_context(patch.object(retry, "update", update))
            if timed:
                stack.enter_context(parts)
            watch = Watch()
            with within(DATA):
                batch = next(job.train.shuffled(job.seed, counters.step))
            retry.fitting_step(job, batch, self.optimizers, job.recipe.peak_lr, counters)
            counters.step += 1
            if self.ema is not None:
                with within(OPTIMISER):
                    update_ema(self.ema, job.network, job.recipe.ema_decay or 0.0, counters.step)
            return watch.seconds()


@dataclass(frozen=True)
class Measured:
    """A case as it came out. seconds: of a step as it is. costs: of a step, by part."""

    name: str
    network: str
    px: tuple[int, int]
    batch: int
    settings: str
    seconds: float
    costs: dict[str, Cost]


def measured(name: str, case: Case, machine: Callable[[torch.dtype], Machine], given: argparse.Namespace) -> Measured:
    """A case, in this process."""
    loaded = compiling.kernels()
    library = None if loaded is None else TimedLibrary(loaded.library)
    batch = given.batch or case.batch
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        write_pictures(Path(place) / "data", case, batch)
        changed = {**case.changed, "batch_size": batch}
        job = prepared_job(replace(case, changed=changed), Path(place), given.threads, library)
        if library is not None:
            stack.enter_context(patch.object(compiling, "kernels", lambda: Kernels(library)))
        stack.enter_context(keep_freed_memory())
        stack.enter_context(torch_threads(job.runtime.threads))
        stack.enter_context(compiling.kernels_of(job.runtime, job.network))
        bounds = machine(torch.float32 if job.runtime.precision == "fp32" else torch.bfloat16)
        steps, warming, parts = Steps(job), Parts(bounds, shapes(job)), Parts(bounds, shapes(job))
        for _ in range(WARM_STEPS):
            steps.one(warming, timed=False)
        seconds, count, begun = 0.0, 0, time.perf_counter()
        while count % EVERY_STEPS or time.perf_counter() - begun < given.seconds:
            seconds += steps.one(parts, timed=False)
            if library is not None:
                library.parts = parts
            steps.one(parts, timed=True)
            if library is not None:
                library.parts = None
            count += 1
    each = {part: shared(cost, count, bounds) for part, cost in parts.costs.items()}
    each[FAULTS].seconds = sum(cost.faults for cost in each.values()) * bounds.fault
    settings = describe(job.runtime)
    return Measured(name, job.recipe.model, job.preprocess.size, batch, settings, seconds / count, each)


def shapes(job: Job) -> frozenset[tuple[int, ...]]:
    """Of the filters of convolutions and dense layers."""
    return frozenset(tuple(weight.shape) for weight in job.network.parameters() if weight.dim() > 1)


def shared(cost: Cost, steps: int, bounds: Machine) -> Cost:
    """The cost of one step of several; the time of page faults is a part of its own."""
    seconds = max(0.0, cost.seconds - cost.faults * bounds.fault) / steps
    return Cost(seconds, cost.bytes // steps, cost.flop // steps, cost.faults // steps, cost.floor / steps)


def table(found: Measured) -> str:
    """A step as lines of Markdown; the shares add up to it."""
    rest = found.seconds - sum(cost.seconds for cost in found.costs.values())
    floor = sum(cost.floor for cost in found.costs.values())
    rows = sorted(found.costs.items(), key=lambda row: -row[1].seconds)
    lines = [
        f"**{found.name}**, {found.px[0]}x{found.px[1]} px, batch {found.batch}, {found.settings}: "
        f"{1e3 * found.seconds:,.1f} ms a step, {found.batch / found.seconds:,.4g} images/s; "
        f"floors {1e3 * floor:,.1f} ms, {floor / found.seconds:.0%} of it",
        "",
        "| part | ms | share | MB | GB/s | GFLOP | GFLOP/s | floor, ms |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for part, cost in rows:
        if cost.seconds:
            rates = [f"{amount / cost.seconds / 1e9:,.1f}" if amount else "" for amount in (cost.bytes, cost.flop)]
            amounts = [f"{cost.bytes / 1e6:,.0f}", f"{cost.flop / 1e9:,.1f}" if cost.flop else ""]
            cells = [part, f"{1e3 * cost.seconds:,.2f}", f"{cost.seconds / found.seconds:.1%}", amounts[0], rates[0]]
            lines.append(f"| {' | '.join([*cells, amounts[1], rates[1], f'{1e3 * cost.floor:,.2f}'])} |")
    lines.append(f"| not accounted for | {1e3 * rest:,.2f} | {rest / found.seconds:.1%} | | | | | |")
    return "\n".join(lines)


def overview(found: list[Measured]) -> str:
    """Shares of a step by part, a column for each case."""
    lines = [f"| | {' | '.join(each.name for each in found)} |", f"|---|{'---:|' * len(found)}"]
    parts = {part: [each.costs[part].seconds / each.seconds for each in found] for part in PARTS}
    parts["not accounted for"] = [1 - sum(shares) for shares in zip(*parts.values(), strict=True)]
    lines += [f"| {part} | {' | '.join(f'{share:.1%}' for share in shares)} |" for part, shares in parts.items()]
    floors = [sum(cost.floor for cost in each.costs.values()) / each.seconds for each in found]
    return "\n".join([*lines, f"| floors of all parts | {' | '.join(f'{share:.0%}' for share in floors)} |"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch", type=int, help="in the place of each case's own")
    parser.add_argument("--seconds", type=float, default=20.0, help="of steps for each case, at least")
    parser.add_argument("--beside-others", action="store_true", help="seconds are the processor's; with --threads 1")
    parser.add_argument("--json", type=Path, help="a file for all numbers")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    CLOCKS.append(time.process_time if given.beside_others else time.perf_counter)
    rates: dict[str, float] = {}
    found = []
    with tempfile.TemporaryDirectory() as cache:
        os.environ["STRIATE_CACHE"] = cache
        for name in given.only:
            found.append(measured(name, CASES[name], partial(bounds_of, rates), given))
            print(f"{table(found[-1])}\n", flush=True)
    print(f"{overview(found)}\n\n{processor_name()}, torch {torch.__version__}, {given.threads} threads")
    for name, rate in rates.items():
        print(f"{name}: {1e6 * rate:.2f} us a page" if name == "fault" else f"{name}: {rate / 1e9:,.1f} G/s")
    if given.json:
        record = {"processor": processor_name(), "torch": torch.__version__, "threads": given.threads, "rates": rates}
        write_json(given.json, {**record, "cases": [{**asdict(each), "parts": list(PARTS)} for each in found]})


if __name__ == "__main__":
    main()
