"""The detectors of the papers and ours, each trained on the same pictures over the packaged network, in one table.

    python benchmarks/detectors.py blood_cells/ --runs DIR --threads 1                  all, 12 epochs each
    python benchmarks/detectors.py blood_cells/ --runs DIR --only yolo ssd --epochs 4   those whose names begin so
    python benchmarks/detectors.py shapes/ --runs DIR --size 192 --epochs 30           `striate.data.shapes`

Each is a process of its own, so that its memory is: `striate train DATA --model NAME --weights embedded --recipe
detection`, R-CNN and Fast R-CNN in the boxes of selective search, `quick_detector` by its own recipe. A run that is
there goes on where it stopped. Minutes are those of a core. A picture is answered one at a time, the median of TIMES,
its proposals searched for before. Prints the table of detection.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from segmentation_networks import SPENT, note  # beside this file

import striate
from striate.core.units import compact
from striate.data.sources import open_data

NETWORKS = (
    "rcnn_quick_regnet26", "fast_rcnn_quick_regnet26", "faster_rcnn_quick_regnet26_fpn", "yolo_v1_quick_regnet26",
    "ssd320_quick_regnet26", "retinanet_quick_regnet26_fpn", "quick_detector",
)  # fmt: skip
TIMES = 5
HEAD = """| network | parameters | core minutes | trained/s | answered/s | GiB | loss | mAP50, % | mAP, % |
|---|---:|---:|---:|---:|---:|---|---:|---:|"""


def train(name: str, given: argparse.Namespace) -> None:
    """Train one network, or go on, and note in its run what that took."""
    run = given.runs / name
    if (run / "evaluation.json").exists():
        return
    words = [sys.executable, "-m", "striate", "train"]
    if (run / "recipe.json").exists():
        words += ["--run", str(run), "--resume"]
    else:
        with torch.device("meta"):
            network = striate.create_model(name)
        recipe = "quick_detector" if name == "quick_detector" else "detection"
        words += [given.data, "--run", str(run), "--model", name, "--weights", "embedded", "--recipe", recipe]
        words += ["--epochs", str(given.epochs), "--set", f"validate_every_epochs={given.epochs}"]
        words += ["--set", "warmup_epochs=1", "--set", "ema_decay=0.98"]  # as there are few steps
        if name.startswith(("rcnn", "fast_rcnn")):
            words += ["--set", "proposals=selective_search"]
        words += ["--no-autotune", "--precision", "bf16", "--threads", str(given.threads)]
        words += ["--size", given.size] if given.size and not network.only_size else []
    process = subprocess.Popen(words)
    _, status, used = os.wait4(process.pid, 0)
    note(run / SPENT, used)
    if status:
        raise SystemExit(f"{name} ended with status {os.waitstatus_to_exitcode(status)}; the same command goes on")


def rate_in_use(run: Path, data: str) -> float:
    """Pictures a second, one at a time, of the first of the validation."""
    dataset, trained = open_data(data), striate.load(run)
    pictures = [dataset.pictures.decode(int(index), 3) for index in dataset.splits["val"][: TIMES + 1]]
    taken = []
    for picture in pictures:
        start = time.perf_counter()
        trained.predict(picture)
        taken.append(time.perf_counter() - start)
    return 1 / statistics.median(taken[1:])  # the first one makes the program


def row(name: str, run: Path, data: str) -> str:
    """A line of the table."""
    found = json.loads((run / "evaluation.json").read_text())
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    spent = json.loads((run / SPENT).read_text())
    low, high = found["map50_interval"]
    cells = (
        f"`{name}`",
        compact(sum(each.numel() for each in striate.load(run).network.parameters())),
        f"{spent['core_minutes']:.1f}",
        f"{statistics.median(line['images_per_second'] for line in lines):.1f}",
        f"{rate_in_use(run, data):.1f}",
        f"{spent['gib']:.1f}",
        f"{lines[0]['train_loss']:.2f} to {lines[-1]['train_loss']:.2f}",
        f"{100 * found['map50']:.1f} ({100 * low:.1f} to {100 * high:.1f})",
        f"{100 * found['map']:.1f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Train what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[""], help="how names begin")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--size", help="pixels in use, of networks that have not one size alone; each network's own")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(HEAD, flush=True)
    for name in NETWORKS:
        if name.startswith(tuple(given.only)):
            train(name, given)
            print(row(name, given.runs / name, given.data), flush=True)


if __name__ == "__main__":
    main()
