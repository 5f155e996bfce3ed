"""The recipe `small_pictures` beside the record of short training, and what each of its choices brings.

    python benchmarks/small_pictures.py against DATA --epochs 10 --threads 2 --runs FOLDER
    python benchmarks/small_pictures.py choices DATA --each 600 --epochs 3 --seeds 5 --threads 1 --runs FOLDER
    python benchmarks/small_pictures.py steps --batch 256 --threads 1

DATA is a folder with train/ and val/ of pictures of 32 px. against: `striate train DATA --recipe fast`, then the plain
loop of record_loop.py, each a process of its own, in one run; accuracy on val, minutes of training and of all.
choices: short runs on a part of the data, all of the recipe and one thing changed, seeds alike; the interval is that of
the mean difference (Student's t). steps: pictures a second of a training step, ours and the paper's network plainly in
bf16 and channels last, taking turns; seconds are those of the processor, which other programs change less.
A run that is there already is opened. The last results are in benchmarks/small_pictures.md.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from record_loop import SMOOTHING, network, optimizer_of  # beside this file
from resumable import trained  # beside this file
from scipy.stats import t as student

from striate.data.batches import Batches
from striate.data.sources import open_data
from striate.data.targets.classes import ClassTargets
from striate.deploy.run import Run
from striate.models import create_model
from striate.recipes import get_recipe
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.runtime import Runtime
from striate.tasks import TASKS
from striate.training.job import Job
from striate.training.optim.optimizer import optimizers_of
from striate.training.speed.compiling import have_winograd, kernels, kernels_of
from striate.training.step import train_step
from training import Pictures  # beside this file

HERE = Path(__file__).parent
EVERYTHING = "everything"
STEPS_IN_A_ROUND = 4
FOR_GOOD = ExitStack()
"""What `striate train` trains in, entered once and never left."""
CHANGED: dict[str, dict[str, Any]] = {
    EVERYTHING: {},
    "quick_regnet26 on pictures enlarged to 60 px, as `fast` has it": {"recipe": "fast", "model": "quick_regnet26"},
    "resnet20": {"model": "resnet20", "whiten": False},
    "crops of 0.3 to 1 of the area instead of shifts": {"crop_padding_px": 0, "min_area": 0.3, "max_aspect": 4 / 3},
    "no shifts": {"crop_padding_px": 0},
    "a first layer that is drawn and learns": {"whiten": False},
    "random flips instead of alternating ones": {"flip": True, "flip_alternately": False},
    "label smoothing of 0.1": {"label_smoothing": 0.1},
    "Nesterov SGD at the record's rate instead of Muon": {
        "optimizer": "sgd", "nesterov": True, "momentum": 0.85, "weight_decay": 1.33e-3, "peak_lr": 0.375,
    },
    "half of Muon's rate": {"muon_lr": 0.12},
    "twice Muon's rate": {"muon_lr": 0.48},
    "batches of 512": {"batch_size": 512},
    "weights averaged over about 50 steps": {"ema_decay": 0.98},
    "pictures of 24 px for the first half": {"start_px": 24, "full_size_at": 0.5},
}  # fmt: skip


def against(options: argparse.Namespace) -> None:
    """Both in one run, each a process of its own."""
    folder, threads = options.runs / f"fast-{options.epochs}-{options.seed}", str(options.threads)
    start = time.perf_counter()
    words = ["--recipe", "fast", "--epochs", str(options.epochs), "--threads", threads, "--seed", str(options.seed)]
    command = [sys.executable, "-m", "striate", "train", str(options.data), *words, "--run", str(folder)]
    subprocess.run(command, check=True)
    all_of_it = time.perf_counter() - start
    run = Run(folder)
    once, mirrored, metrics = without_mirror_image(run, options.data), 100 * run.metrics["val_top1"], run.metrics
    start = time.perf_counter()
    words = ["--epochs", str(options.record_epochs), "--threads", threads, "--seed", str(options.seed), "--json"]
    command = [sys.executable, str(HERE / "record_loop.py"), str(options.data), *words]
    record = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    of_record = time.perf_counter() - start
    print("| | epochs | val, as they are | and mirrored | and shifted | minutes of training | minutes of all |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    ours, theirs = metrics["seconds"] / 60, record["seconds"] / 60
    print(f"| ours | {options.epochs} | {once:.2f} % | {mirrored:.2f} % | | {ours:.2f} | {all_of_it / 60:.2f} |")
    seen = " | ".join(f"{record[name]:.2f} %" for name in ("as they are", "and mirrored", "and shifted"))
    print(f"| the record's loop | {options.record_epochs} | {seen} | {theirs:.2f} | {of_record / 60:.2f} |")
    print(f"\nratio of training: {ours / theirs:.3f}, of all: {all_of_it / of_record:.3f}")


def without_mirror_image(run: Run, data: Path) -> float:
    """Accuracy on val in % of the same weights, each picture seen once."""
    again = Run(run.path)
    again.bundle = replace(again.bundle, preprocess=replace(again.bundle.preprocess, mirrored=False))
    return 100 * again.evaluate(open_data(str(data)), split="val").accuracy


def part_of(data: Path, each: int, target: Path) -> Path:
    """A folder of links to so many training pictures of every class, evenly spread, and all to validate."""
    for split, most in (("train", each), ("val", None)):
        for folder in sorted(path for path in (data / split).iterdir() if path.is_dir()):
            files = sorted(folder.iterdir())
            places = np.linspace(0, len(files) - 1, min(most or len(files), len(files))).round().astype(int)
            for path in (files[place] for place in places):
                link = target / split / folder.name / path.name
                link.parent.mkdir(parents=True, exist_ok=True)
                if not link.exists():
                    link.symlink_to(path.resolve())
    return target


def choices(options: argparse.Namespace) -> None:
    """A line for every choice; what is measured is the difference to everything, seed by seed."""
    data = part_of(options.data, options.each, options.runs / "data")
    recipe = get_recipe("small_pictures")
    short = {"warmup_epochs": recipe.warmup_epochs * options.epochs / recipe.epochs, "epochs": options.epochs}
    short |= {"precision": "bf16", "layout": "channels-last", "threads": options.threads, "autotune": False}
    short |= {"validate_every_epochs": options.epochs, "quiet": True}
    print("| | val | against everything | minutes |\n|---|---:|---:|---:|", flush=True)
    base: list[float] = []
    for name, changed in CHANGED.items():
        fields = {"recipe": "small_pictures", **short, **changed}
        word = "".join(letter if letter.isalnum() else "-" for letter in name)[:40]
        runs = [trained(data, options.runs / f"{word}-{seed}", seed=seed, **fields) for seed in range(options.seeds)]
        found = [100 * run.metrics["val_top1"] for run in runs]
        minutes = statistics.mean(run.metrics["seconds"] for run in runs) / 60
        base = base or found
        gained = "" if name == EVERYTHING else difference(found, base)
        print(f"| {name} | {statistics.mean(found):.1f} % | {gained} | {minutes:.1f} |", flush=True)
        if name == EVERYTHING:
            once = [without_mirror_image(run, data) for run in runs]
            print(f"| the mirror image not asked | {statistics.mean(once):.1f} % | {difference(once, base)} | |")


def difference(found: list[float], base: list[float]) -> str:
    """The mean difference by seed and, of two seeds or more, its 95 % interval."""
    parts = [one - other for one, other in zip(found, base, strict=True)]
    mean = statistics.mean(parts)
    if len(parts) < 2:
        return f"{mean:+.1f}"
    half = student.ppf(0.975, len(parts) - 1) * statistics.stdev(parts) / math.sqrt(len(parts))
    return f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})"


def our_step(batch: int, threads: int) -> Callable[[], Any]:
    """A step as `striate train` makes it, from uint8 pictures, with every kernel that is here."""
    recipe = replace(get_recipe("small_pictures"), batch_size=batch)
    net = create_model(recipe.model)
    net.whiten.requires_grad_(False)
    indices = np.arange(batch)
    pictures = Batches(Pictures(batch, 32), ClassTargets(indices % 10, tuple("0123456789")), indices, batch)
    loaded = kernels()
    fused = loaded is not None
    runtime = Runtime("cpu", "bf16", channels_last=True, threads=threads, fused_norms=fused)
    runtime = replace(runtime, winograd=fused and have_winograd(loaded))
    runtime.network(net.train())
    job = Job(net, net.preprocess, TASKS["classification"], pictures, pictures, recipe, 0, runtime, Path(), None)  # type: ignore[arg-type]
    optimizers, one = optimizers_of(job.task, net, recipe), next(iter(pictures.in_order()))
    torch.set_num_threads(threads)
    FOR_GOOD.enter_context(keep_freed_memory())
    FOR_GOOD.enter_context(kernels_of(runtime, net))
    return lambda: train_step(job, one, optimizers, 1e-3, 0)


def plain_step(batch: int, threads: int) -> Callable[[], Any]:
    """A step of the record's loop, from images that are varied already."""
    torch.set_num_threads(threads)
    images = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    labels, net = torch.randint(10, (batch,)), network(images, 10).train()
    net[0].bias.requires_grad_(False)  # as after its third epoch
    optimizer = optimizer_of(net)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(images)
        F.cross_entropy(logits.float(), labels, label_smoothing=SMOOTHING).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


STEPS = {"ours": our_step, "plain": plain_step}


def steps(options: argparse.Namespace) -> None:
    """Rounds in turn, each a process, as what is asked of the C library's memory holds for a whole one; medians."""
    if options.only:
        print(json.dumps(seconds_of(STEPS[options.only](options.batch, options.threads))))
        return
    words = ["steps", "--batch", str(options.batch), "--threads", str(options.threads), "--only"]
    seconds: dict[str, list[float]] = {name: [] for name in STEPS}
    for _ in range(options.rounds):
        for name, found in seconds.items():
            command = [sys.executable, __file__, *words, name]
            found += json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    rates = {name: options.batch / statistics.median(each) for name, each in seconds.items()}
    for name, each in rates.items():
        print(f"{name}: {each:.0f} pictures a second of {counted_threads(options.threads)}")
    print(f"ratio: {rates['ours'] / rates['plain']:.2f}")


def seconds_of(step: Callable[[], Any]) -> list[float]:
    """Of the processor, of each of some steps."""
    step()
    seconds = []
    for _ in range(STEPS_IN_A_ROUND):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    return seconds


def counted_threads(threads: int) -> str:
    return "one thread" if threads == 1 else f"the processor time of {threads} threads"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for command in (against, choices, steps):
        own = commands.add_parser(command.__name__)
        own.set_defaults(command=command)
        own.add_argument("--threads", type=int, default=2 if command is against else 1)
        if command is steps:
            own.add_argument("--batch", type=int, default=256)
            own.add_argument("--rounds", type=int, default=3)
            own.add_argument("--only", choices=STEPS)
            continue
        own.add_argument("data", type=Path)
        own.add_argument("--runs", type=Path, required=True)
        own.add_argument("--epochs", type=int, default=10 if command is against else 3)
        if command is against:
            own.add_argument("--record-epochs", type=float, default=9.9)
            own.add_argument("--seed", type=int, default=0)
        else:
            own.add_argument("--each", type=int, default=600, help="training pictures of a class")
            own.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    options.command(options)


if __name__ == "__main__":
    main()
