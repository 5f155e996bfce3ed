"""The networks of the papers for segmentation, each trained for some epochs on the same pictures, in one table.

    python benchmarks/segmentation_networks.py camvid/ --runs DIR                     all, at 96x128
    python benchmarks/segmentation_networks.py camvid/ --runs DIR --only segnet unet  these, going on with what is there

Each is a process of its own, `striate train DATA --model NAME --epochs 5` with the recipe `segmentation`, so that its
memory is its own; a run that is there goes on where it stopped. Minutes are those of a core, which other programs
lengthen little: of as many cores as a machine has, that many less. Prints the table of segmentation.md, and whether
FCN-8s beats FCN-32s: pictures drawn anew together (a paired bootstrap of the difference of mean IoU).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

import striate
from striate.analysis.summary import summarize
from striate.core.units import compact
from striate.data.sources import open_data
from striate.ops.pixels import Overlap, mean_iou

NETWORKS = (
    "sliding_window_strided", "multiscale", "recurrent_labelling", "segnet", "unet_bn", "dilated_frontend",
    "fcn32s", "fcn16s", "fcn8s", "deconvnet", "quick_fcn",
)  # fmt: skip
REDRAWN = 1000
SPENT = "spent.json"
HEAD = """| network | parameters | MACs | core minutes an epoch | GiB | loss | mean IoU on val, % |
|---|---|---|---|---|---|---|"""


def train(name: str, given: argparse.Namespace) -> None:
    """Train one network, or go on, and note in its run what that took."""
    run = given.runs / name
    words = [sys.executable, "-m", "striate", "train", given.data, "--run", str(run)]
    if (run / "recipe.json").exists():
        words = [*words, "--resume"]
    else:
        words += ["--model", name, "--recipe", "segmentation", "--epochs", str(given.epochs), "--size", given.size]
        words += ["--no-autotune", "--precision", "bf16", *given.more]
    process = subprocess.Popen(words)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{name} ended with status {os.waitstatus_to_exitcode(status)}")
    note(run / SPENT, used)


def note(file: Path, used: resource.struct_rusage) -> None:
    """Add what a process took to what others before it took: the largest resident set, which Linux counts in KiB, and
    time of cores.
    """
    gib, minutes = used.ru_maxrss / 2**20, (used.ru_utime + used.ru_stime) / 60
    if file.exists():
        before = json.loads(file.read_text())
        gib, minutes = max(gib, before["gib"]), minutes + before["core_minutes"]
    file.write_text(json.dumps({"gib": gib, "core_minutes": minutes}))


def row(name: str, run: Path, epochs: int) -> str:
    """A line of the table."""
    found = json.loads((run / "evaluation.json").read_text())
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    network = striate.load(run).network
    cost = summarize(network)
    spent = json.loads((run / SPENT).read_text())
    minutes, gib = spent["core_minutes"] / epochs, spent["gib"]
    low, high = found["mean_iou_interval"]
    losses = f"{lines[0]['train_loss']:.2f} to {lines[-1]['train_loss']:.2f}"
    figures = f"{100 * found['mean_iou']:.1f} ({100 * low:.1f} to {100 * high:.1f})"
    cells = (f"`{name}`", compact(cost.params), compact(cost.macs), f"{minutes:.1f}", f"{gib:.1f}", losses, figures)
    return f"| {' | '.join(cells)} |"


def beats(one: Path, other: Path, data: str) -> str:
    """The difference of mean IoU of two runs on the same pictures, with its paired 95 % interval."""
    dataset = open_data(data)
    first, second = (striate.load(run).evaluate(dataset, "val").pictures for run in (one, other))
    count = len(first.hits)
    drawn = torch.randint(count, (REDRAWN, count), generator=torch.Generator().manual_seed(0))
    times = torch.zeros(REDRAWN, count, dtype=torch.float64).scatter_add_(1, drawn, torch.ones(drawn.shape).double())

    def of_samples(pictures: Overlap) -> torch.Tensor:
        return mean_iou(Overlap(*(times @ part.double() for part in pictures)))

    gains = of_samples(first) - of_samples(second)
    low, high = gains.nanquantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    mean, low, high = (100 * each for each in (float(gains.mean()), low, high))
    return f"{one.name} less {other.name}: {mean:.1f} points (95 % {low:.1f} to {high:.1f})"


def main() -> None:
    """Train what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=NETWORKS)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--size", default="96x128")
    given, given_more = parser.parse_known_args()
    given.more = given_more
    print(HEAD)
    for name in given.only:
        start = time.perf_counter()
        train(name, given)
        print(row(name, given.runs / name, given.epochs), flush=True)
        print(f"{name}: {time.perf_counter() - start:.0f} s in all", file=sys.stderr)
    if {"fcn8s", "fcn32s"} <= set(given.only):
        print(beats(given.runs / "fcn8s", given.runs / "fcn32s", given.data))


if __name__ == "__main__":
    main()
