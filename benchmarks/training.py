"""Training rates beside a plain loop and beside the best loop written by hand; medians of alternating rounds.

    python benchmarks/training.py [--one-process] [NETWORK ...]
    python benchmarks/training.py --own        an own ResNet-18 (own_resnet.py) beside that of the zoo

plain: fp32, contiguous, eager, as torchvision's reference script trains: cross-entropy, SGD, accuracy and loss read
after every step. by hand: the fastest of bf16 and fp32, contiguous and channels last, SGD fused, nothing read.
striate: `train_step`, from uint8 pictures, in the settings that autotune chooses, as `striate train` runs it.
Each of the three has a process of its own, as in use, and they take turns: what `striate train` asks of the
C library's memory holds for a whole process, so with --one-process the other two gain from it too.
GFLOP/s count 2 per multiply-accumulate, forward and backward three times the forward pass. The last result is in
benchmarks/training.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from striate.analysis.summary import summarize
from striate.analysis.timing import convolution_ceiling
from striate.data.batches import Batches
from striate.data.targets.classes import ClassTargets
from striate.models import create_model
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.runtime import default_runtime, describe
from striate.tasks import TASKS
from striate.training.job import Job
from striate.training.optim.optimizer import optimizers_of
from striate.training.recipe import Recipe
from striate.training.speed.autotune import autotune
from striate.training.speed.compiling import kernels_of
from striate.training.speed.options import RuntimeOptions
from striate.training.step import train_step

# network: side in pixels, batch, rounds, timed steps in a round
CASES = {
    "resnet18": (224, 32, 5, 2), "resnet50": (224, 16, 5, 2), "vgg11": (224, 16, 3, 2), "resnet20": (32, 128, 7, 10),
    "alexnet": (227, 32, 5, 2), "vgg16": (224, 8, 3, 2), "densenet121": (224, 16, 3, 2), "googlenet": (224, 32, 3, 2),
}  # fmt: skip
CLASSES = 100
NAMES = tuple(map(str, range(CLASSES)))
Step = Callable[[], Any]
EXTRA: dict[str, Any] = {}
RUN = ExitStack()
"""What `striate train` trains in, entered once and never left."""


class Pictures:
    """Random pictures in memory, in place of decoded ones."""

    def __init__(self, count: int, side: int) -> None:
        self.pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)

    def take(self, indices: np.ndarray) -> np.ndarray:
        return self.pixels[indices]


def plain_step(name: str, side: int, batch: int) -> Step:
    network = create_model(name, CLASSES).train()
    images, labels = torch.randn(batch, 3, side, side), torch.randint(0, CLASSES, (batch,))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def step() -> None:
        output = network(images)
        loss = F.cross_entropy(output, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        top5 = output.topk(5).indices == labels[:, None]
        top5[:, 0].sum().item(), top5.sum().item(), loss.item()

    return step


def hand_step(name: str, side: int, batch: int, precision: torch.dtype, layout: torch.memory_format) -> Step:
    network = create_model(name, CLASSES).to(memory_format=layout).train()
    images = torch.randn(batch, 3, side, side).contiguous(memory_format=layout)
    labels = torch.randint(0, CLASSES, (batch,))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4, fused=True)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def striate_step(name: str, side: int, batch: int) -> tuple[Step, str]:
    """The step as `striate train` makes it; its settings, and the seconds that choosing them took."""
    network = create_model(name, CLASSES)
    network.preprocess = network.preprocess.at((side, side), (side, side))
    indices = np.arange(2 * batch)
    batches = Batches(Pictures(2 * batch, side), ClassTargets(indices % CLASSES, NAMES), indices, batch)
    recipe = Recipe(model=name, batch_size=batch, epochs=100_000, peak_lr=1e-3, weight_decay=1e-4)
    rule = default_runtime("auto", summarize(network).macs)
    job = Job(network, network.preprocess, TASKS["classification"], batches, batches, recipe, 0, rule, Path(), None)  # type: ignore[arg-type]
    start = time.perf_counter()
    with keep_freed_memory():
        runtime = autotune(job, RuntimeOptions(compile=False, **EXTRA)).runtime
    seconds = time.perf_counter() - start
    runtime.network(network.train())
    job = Job(network, job.preprocess, job.task, batches, batches, recipe, 0, runtime, Path(), None)  # type: ignore[arg-type]
    optimizers = optimizers_of(job.task, network, recipe)
    RUN.enter_context(keep_freed_memory())
    RUN.enter_context(kernels_of(runtime, network))
    pictures = next(iter(batches.in_order()))

    def step() -> None:
        with runtime.processor_threads():
            train_step(job, pictures, optimizers, 1e-3, 0)

    return step, f"{describe(runtime)}; {seconds:.1f} s to choose"


def timed(step: Step, times: int) -> list[float]:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds


def best_by_hand(name: str, side: int, batch: int) -> tuple[Step, str]:
    """The fastest of the loops written by hand, by two rounds of two steps of each."""
    options = [
        (hand_step(name, side, batch, precision, layout), f"{precision}, {layout}".replace("torch.", ""))
        for precision in (torch.bfloat16, torch.float32)
        for layout in (torch.channels_last, torch.contiguous_format)
    ]
    for step, _ in options:
        step()
    seconds = [min(timed(step, 2) + timed(step, 2)) for step, _ in options]
    return options[seconds.index(min(seconds))]


OWN = f"{Path(__file__).with_name('own_resnet.py')}:resnet18"
MAKERS = {
    "own": lambda _, *case: striate_step(OWN, *case),
    "plain": lambda *case: (plain_step(*case), "fp32, contiguous"),
    "by hand": best_by_hand,
    "striate": striate_step,
}


def serve(pipe: Connection, who: str, case: tuple[str, int, int]) -> None:
    """The process of one contender: make its step, then time as many as it is told to."""
    step, text = MAKERS[who](*case)
    pipe.send(text)
    while times := pipe.recv():
        pipe.send(timed(step, times))


class Contender:
    """One of the three, here or in a process of its own."""

    def __init__(self, who: str, case: tuple[str, int, int], one_process: bool) -> None:
        self.seconds: list[float] = []
        self.pipe: Connection | None = None
        if one_process:
            self.step, self.text = MAKERS[who](*case)
            self.ask = lambda times: timed(self.step, times)
            return
        self.pipe, theirs = multiprocessing.Pipe()
        spawning = multiprocessing.get_context("spawn")
        self.process = spawning.Process(target=serve, args=(theirs, who, case), daemon=True)
        self.process.start()
        self.text = self.pipe.recv()
        self.ask = self.ask_process

    def ask_process(self, times: int) -> list[float]:
        self.pipe.send(times)
        return self.pipe.recv()

    def close(self) -> None:
        if self.pipe is not None:
            self.pipe.send(0)
            self.process.join()

    def take(self, warm: int, times: int) -> None:
        self.seconds += self.ask(warm + times)[warm:]


def in_turns(name: str, whose: tuple[str, ...], one_process: bool) -> dict[str, Contender]:
    side, batch, rounds, steps = CASES[name]
    contenders = {who: Contender(who, (name, side, batch), one_process) for who in whose}
    for number in range(rounds):
        for contender in contenders.values():
            contender.take(3 if number == 0 else 1, steps)
    for contender in contenders.values():
        contender.close()
    return contenders


def own_row(name: str, one_process: bool) -> str:
    """Medians and best steps of the network of the zoo and of the own one, in images per second."""
    _, batch, _, _ = CASES[name]
    contenders = in_turns(name, ("striate", "own"), one_process)
    zoo, own = (contenders[who] for who in ("striate", "own"))
    median, best = (batch / of(zoo.seconds) for of in (statistics.median, min))
    own_median, own_best = (batch / of(own.seconds) for of in (statistics.median, min))
    return (
        f"| {name} | {median:.4g} ({zoo.text}) | {own_median:.4g} ({own.text}) | {own_median / median:.3f} | "
        f"{own_best / best:.3f} |"
    )


def row(name: str, one_process: bool) -> str:
    side, batch, _, _ = CASES[name]
    contenders = in_turns(name, ("plain", "by hand", "striate"), one_process)
    rate = {who: batch / statistics.median(contender.seconds) for who, contender in contenders.items()}
    macs = summarize(create_model(name, CLASSES), (3, side, side)).macs
    text = contenders["striate"].text
    ceiling = convolution_ceiling(torch.bfloat16 if "bf16" in text else torch.float32, torch.get_num_threads())
    return (
        f"| {name} | {side} | {batch} | {rate['plain']:,.4g} | {rate['by hand']:,.4g} ({contenders['by hand'].text}) | "
        f"{rate['striate']:,.4g} ({text}) | {rate['striate'] / rate['plain']:.2f} | "
        f"{rate['striate'] / rate['by hand']:.2f} | {6e-9 * macs * rate['striate']:,.0f} of {ceiling:,.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"{', '.join(CASES)}; all when none is given")
    parser.add_argument("--one-process", action="store_true", help="the three contenders in this process")
    parser.add_argument("--own", action="store_true", help="an own ResNet-18 beside the zoo's")
    options = parser.parse_args()
    for name in options.networks:
        if name not in CASES:
            parser.error(f"no case for {name!r}; there are {', '.join(CASES)}")
    os.environ["STRIATE_CACHE"] = tempfile.mkdtemp()
    if options.own:
        print("| network | the zoo's, images/s | own, images/s | own / zoo, medians | best steps |")
        print("|---|---|---|---|---|")
        print(own_row("resnet18", options.one_process), flush=True)
        return
    print(
        "| network | px | batch | plain, images/s | by hand, images/s | striate, images/s | striate / plain | "
        "striate / by hand | GFLOP/s of the ceiling |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in options.networks or CASES:
        print(row(name, options.one_process), flush=True)


if __name__ == "__main__":
    main()
