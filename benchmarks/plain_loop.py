"""A plain PyTorch loop on the house's loader beside `striate train`: what both reach, and how fast.

    python benchmarks/plain_loop.py FOLDER [--model resnet20] [--size 32] [--epochs 12] [--seeds 3] [--only speed]

Reached: test accuracy after so many epochs on the same splits, for every seed: of `striate.train` by the recipe
"default", and of the loop in docs/yours.md with its rate, size of batch and augmentation; its schedule is torch's one
cycle, and it keeps the last weights, not those that validated best. Both in fp32, in as many threads.
Speed: pictures per second, medians of alternating rounds in one process, same network, batches, precision and
threads. "train" is its step with what it reads, in the settings named; "loop" is the plain loop. Wanted are 0.95 of
train without kernels, which a plain loop has not; with them is told beside.
The last result is in benchmarks/plain_loop.md.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import striate
from striate.analysis.summary import summarize
from striate.data.batches import Batch, batches_of
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.runtime import HALVES, default_runtime, describe
from striate.tasks import TASKS
from striate.training.job import Job
from striate.training.loader import OpenedData
from striate.training.optim.optimizer import optimizers_of
from striate.training.recipe import Recipe
from striate.training.speed.compiling import kernels_of
from striate.training.step import train_step

ROUNDS, WARM_STEPS = 5, 2


def loop(data: OpenedData, recipe: Recipe, seed: int) -> float:
    """Test accuracy of a plain loop."""
    torch.manual_seed(seed)
    network = striate.create_model(recipe.model, len(data.classes), size=data.preprocess.size)
    network.to(memory_format=torch.channels_last)
    train = data.loader("train", recipe.batch_size, augment=recipe, seed=seed)
    optimizer = torch.optim.SGD(
        network.parameters(), recipe.peak_lr, momentum=recipe.momentum, nesterov=True, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.peak_lr, recipe.epochs * len(train))
    for _ in range(recipe.epochs):
        for images, labels in train:
            F.cross_entropy(network(images), labels, label_smoothing=recipe.label_smoothing).backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    with torch.inference_mode():
        answers = [(network.eval()(images).argmax(1) == labels).sum() for images, labels in data.loader("test")]
    return int(sum(answers)) / data.splits["test"]


def reached(folder: Path, data: OpenedData, recipe: Recipe, seeds: int) -> None:
    """Print what both reach."""
    fields = {"precision": "fp32", "threads": torch.get_num_threads(), "autotune": False}
    print(f"| seed | train, test accuracy | loop, test accuracy |\n|{'---:|' * 3}")
    rows = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as runs:
            run = striate.train(folder, recipe=recipe, run=Path(runs) / "run", seed=seed, **fields)
            theirs = run.evaluate(data.dataset, "test").accuracy
        rows.append((theirs, loop(data, recipe, seed)))
        print(f"| {seed} | {rows[-1][0]:.1%} | {rows[-1][1]:.1%} |", flush=True)
    means = [statistics.mean(column) for column in zip(*rows, strict=True)]
    print(f"| mean | {means[0]:.1%} | {means[1]:.1%} |\n")


class Contest:
    """Steps of train, with and without kernels, and of the plain loop, of one network each on the same pictures."""

    def __init__(self, data: OpenedData, recipe: Recipe, steps: int, precision: str) -> None:
        self.data, self.recipe, self.steps = data, recipe, steps
        macs = summarize(self._network()).macs
        self.runtime = replace(default_runtime(precision, macs), threads_by_load=False)

    def _network(self) -> nn.Module:
        torch.manual_seed(0)
        return striate.create_model(self.recipe.model, len(self.data.classes), size=self.data.preprocess.size)

    def train(self, **kernels: bool) -> Callable[[], int]:
        """A step as a run makes it. Returns how many pictures it had."""
        runtime, network = replace(self.runtime, **kernels), self._network()
        runtime.network(network.train())
        batches = batches_of(self.data.dataset, "train", self.data.working, self.recipe.batch_size)
        task, quiet = TASKS["classification"], Mock()
        job = Job(network, self.data.preprocess, task, batches, batches, self.recipe, 0, runtime, Path(), quiet)
        optimizers, numbers = optimizers_of(task, network, self.recipe), itertools.count()
        stream: Iterator[Batch] = itertools.chain.from_iterable(batches.shuffled(0, e) for e in itertools.count())

        def step() -> int:
            batch = next(stream)
            with kernels_of(runtime, network):
                train_step(job, batch, optimizers, 1e-3, next(numbers))
            return len(batch.indices)

        return step

    def plain(self) -> Callable[[], int]:
        """A step of the plain loop."""
        network = self._network().to(memory_format=torch.channels_last).train()
        how: dict[str, Any] = {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4, "fused": True}
        optimizer = torch.optim.SGD(network.parameters(), 1e-3, **how)
        loader = self.data.loader("train", self.recipe.batch_size, augment=self.recipe)
        stream: Iterator[tuple[Tensor, Any]] = itertools.chain.from_iterable(itertools.repeat(loader))
        half = HALVES.get(self.runtime.precision)

        def step() -> int:
            images, labels = next(stream)
            with torch.autocast("cpu", half, enabled=half is not None):
                logits = network(images)
            F.cross_entropy(logits.float(), labels, label_smoothing=self.recipe.label_smoothing).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return len(labels)

        return step

    def rate(self, step: Callable[[], int], keeps: bool) -> float:
        """Pictures per second of some steps. keeps: whether freed memory stays in the process, as in a run."""
        with ExitStack() as context:
            if keeps:
                context.enter_context(keep_freed_memory())
            for _ in range(WARM_STEPS):
                step()
            start = time.perf_counter()
            pictures = sum(step() for _ in range(self.steps))
            return pictures / (time.perf_counter() - start)

    def run(self) -> None:
        """Print the rates."""
        ways = {
            "train": (self.train(), True),
            "train, with kernels": (self.train(fused_norms=True), True),
            "loop": (self.plain(), False),
            "loop, freed memory kept": (self.plain(), True),
        }
        rates: dict[str, list[float]] = {way: [] for way in ways}
        with self.runtime.processor_threads():
            for turn in range(ROUNDS):
                for way in ways if turn % 2 == 0 else reversed(ways):
                    rates[way].append(self.rate(*ways[way]))
        found = {way: statistics.median(each) for way, each in rates.items()}
        size = "x".join(map(str, self.data.preprocess.size))
        print(f"{self.recipe.model}, {size} px, batches of {self.recipe.batch_size}, {describe(self.runtime)}\n")
        cells = [f"{rate:,.1f} ({rate / found['train']:.2f})" for rate in found.values()]
        print(f"| {' | '.join(found)} |\n|{'---:|' * len(found)}\n| {' | '.join(cells)} |\n", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10, help="in a round of the speed")
    parser.add_argument("--precision", default="auto", help="of the speed")
    parser.add_argument("--only", choices=["reached", "speed"])
    arguments = parser.parse_args()
    data = striate.open_data(arguments.folder, arguments.size, model=arguments.model)
    recipe = striate.get_recipe("default").changed(
        {
            "model": arguments.model,
            "size_px": arguments.size,
            "epochs": arguments.epochs,
            "batch_size": arguments.batch,
        }
    )
    if arguments.only != "speed":
        reached(arguments.folder, data, recipe, arguments.seeds)
    if arguments.only != "reached":
        Contest(data, recipe, arguments.steps, arguments.precision).run()


if __name__ == "__main__":
    main()
