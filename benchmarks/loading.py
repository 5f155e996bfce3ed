"""Training end to end beside the network alone: what loading, decoding and augmentation cost.

    python benchmarks/loading.py FOLDER [--only 224]

FOLDER holds small pictures by class, such as Tiny-ImageNet's; pictures of 500 x 375 are cut from scikit-learn's two
sample photographs, as JPEG files of quality 95. "Network alone" makes forward, backward and update on one batch that
lies ready as the network takes it; "end to end" is what training does. Both take turns, medians count, in one process,
in bf16, channels last, with compiled norms where the network has such.
The last result is in benchmarks/loading.md.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from striate.analysis.summary import summarize
from striate.data.batches import Batch, Batches, batches_of
from striate.data.cache import working_pictures
from striate.data.dataset import Dataset
from striate.data.sources import open_data
from striate.models import create_model
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.runtime import default_runtime
from striate.tasks import TASKS
from striate.tasks.task import NETWORK
from striate.training.job import Job
from striate.training.optim.optimizer import optimizers_of
from striate.training.recipe import Recipe
from striate.training.speed.compiling import kernels_of
from striate.training.step import losses_of, train_step

SMALL = {"flip": True, "crop_padding_px": 4}
LARGE = {"flip": True, "min_area": 0.35, "max_aspect": 4 / 3}
CASES = [  # network, size, working size, pictures in a batch, steps in a round, augmentation
    ("resnet20", 64, 64, 128, 12, SMALL),
    ("resnet18", 64, 64, 128, 12, SMALL),
    ("resnet18", 224, 256, 32, 5, LARGE),
]
WAYS = {
    "cached": (10.0, 0),
    "cached, a thread ahead": (10.0, 1),
    "decoded": (0.0, 0),
    "decoded, a thread ahead": (0.0, 1),
}
ROUNDS = 3
WARM_STEPS = 3  # until what is loaded ahead is as far ahead as it gets


def photographs(folder: Path, count: int = 600) -> None:
    """JPEG files of 500 x 375 px, in two classes."""
    generator, samples = np.random.default_rng(0), load_sample_images().images
    for number in range(count):
        sample, label = samples[number % 2], folder / "ab"[number % 2]
        label.mkdir(exist_ok=True)
        top, left = (int(generator.integers(0, room + 1)) for room in (sample.shape[0] - 375, sample.shape[1] - 500))
        picture = Image.fromarray(sample[top : top + 375, left : left + 500])
        picture.save(label / f"{number:04}.jpg", quality=95)


class Contest:
    """One network on one dataset."""

    def __init__(self, dataset: Dataset, case: tuple[str, int, int, int, int, dict[str, float]]) -> None:
        name, side, working_px, batch_size, self.steps, augmentation = case
        self.title = f"| {name} | {side}"
        network = create_model(name, len(dataset.classes), size=(side, side))
        network.preprocess = network.preprocess.at((side, side), (working_px, working_px))
        self.runtime = replace(default_runtime("bf16", summarize(network).macs), fused_norms=True)
        self.runtime.network(network)
        recipe = Recipe(model=name, batch_size=batch_size, peak_lr=0.01, **augmentation)
        batches = {}
        for way, (cache_gb, workers) in WAYS.items():
            working, _ = working_pictures(dataset, network.preprocess, cache_gb)
            batches[way] = batches_of(dataset, "train", working, batch_size, workers=workers)
        self.batches, train = batches, batches["cached"]
        self.job = Job(
            network, network.preprocess, TASKS["classification"], train, train, recipe, 0, self.runtime, Path(), Mock()
        )
        self.optimizers = optimizers_of(self.job.task, network, recipe)
        self.first = next(iter(train.shuffled(0, 0)))
        self.ready = self.job.variation.images(self.first, 0)

    def network_alone(self) -> float:
        start = time.perf_counter()
        for _ in range(self.steps):
            with self.runtime.autocast():
                made = losses_of(self.job.task, self.runtime)(self.job.network, NETWORK, *self.ready, self.job.recipe)
            made.losses["loss"].backward()
            for optimizer in self.optimizers.values():
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        return self.steps * len(self.first.indices) / (time.perf_counter() - start)

    def end_to_end(self, batches: Batches) -> float:
        job, stream = replace(self.job, train=batches), passes(batches)
        for step in range(WARM_STEPS):
            train_step(job, next(stream), self.optimizers, 0.01, step)
        seen, start = 0, time.perf_counter()
        for step in range(self.steps):
            batch = next(stream)
            train_step(job, batch, self.optimizers, 0.01, step)
            seen += len(batch.indices)
        return seen / (time.perf_counter() - start)

    def run(self) -> None:
        rates: dict[str, list[float]] = {way: [] for way in ("alone", *WAYS)}
        with self.runtime.processor_threads(), kernels_of(self.runtime, self.job.network), keep_freed_memory():
            self.network_alone()
            for turn in range(ROUNDS):
                for way in rates if turn % 2 == 0 else reversed(rates):
                    rates[way].append(self.network_alone() if way == "alone" else self.end_to_end(self.batches[way]))
        alone, *found = (statistics.median(rates[way]) for way in rates)
        cells = [f"{rate:,.1f} ({rate / alone:.2f})" for rate in found]
        print(f"{self.title} | {self.runtime.precision} | {alone:,.1f} | " + " | ".join(cells) + " |", flush=True)


def passes(batches: Batches) -> Iterator[Batch]:
    return itertools.chain.from_iterable(batches.shuffled(0, epoch) for epoch in itertools.count())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", help="cases of which the network or the size is this")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    print("| network | px | precision | network alone | " + " | ".join(WAYS) + " |")
    print("|---|---:|---|---:|" + "---:|" * len(WAYS))
    for case in CASES:
        if arguments.only not in (None, case[0], str(case[1])):
            continue
        with tempfile.TemporaryDirectory() as made:
            if case[1] > 100:
                photographs(Path(made))
            Contest(open_data(made if case[1] > 100 else arguments.folder), case).run()


if __name__ == "__main__":
    main()
