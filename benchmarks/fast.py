"""What each part of the recipe `fast` brings: short runs with all of it, and with one part less.

    python benchmarks/fast.py DATA --epochs 4 --seeds 2 --runs FOLDER

DATA is a folder with train/ and val/. A run that is there already is opened, one that was interrupted goes on, so the
whole can be stopped and started again. Prints docs/fast.md's table.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import striate
from striate.deploy.run import Run
from striate.recipes import get_recipe
from striate.training.folder import EVALUATION, RECIPE

WITHOUT: dict[str, dict[str, Any]] = {
    "everything": {},
    "Nesterov SGD instead of Muon": {"optimizer": "sgd", "nesterov": True},
    "a cosine instead of one cycle": {"schedule": "cosine"},
    "full size throughout": {"start_px": None},
    "a drawn first layer": {"whiten": False},
    "random flips instead of alternating ones": {"flip": True, "flip_alternately": False},
    "no label smoothing": {"label_smoothing": 0.0},
    "no average of the weights": {"average_decay": 0.0},
    "no mirror image at the test": {"test_flip": False},
    "shifts instead of resized crops": {"min_area": 1.0, "max_aspect": 1.0, "crop_padding_px": 4},
}


def trained(data: str, folder: Path, changed: dict[str, Any], seed: int) -> Run:
    """The finished run of one variant."""
    if (folder / EVALUATION).exists():
        return striate.load(folder)
    if (folder / RECIPE).exists():
        return striate.resume(folder)
    return striate.train(data, recipe="fast", run=folder, seed=seed, **changed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    warmup = get_recipe("fast").warmup_epochs * options.epochs / get_recipe("fast").epochs
    short = {"epochs": options.epochs, "warmup_epochs": warmup, "validate_every_epochs": options.epochs}
    forced = {"precision": "bf16", "layout": "channels-last", "threads": options.threads, "compile": False}
    print("| | top-1 % | against everything | minutes |\n|---|---:|---:|---:|")
    first: float | None = None
    for number, (name, changed) in enumerate(WITHOUT.items()):
        folders = [options.runs / f"{number:02}-{seed}" for seed in range(options.seeds)]
        fields = {**short, **forced, **changed}
        runs = [trained(options.data, folder, fields, seed) for seed, folder in enumerate(folders)]
        accuracy = 100 * statistics.mean(run.metrics["val_top1"] for run in runs)
        minutes = statistics.mean(run.metrics["seconds"] for run in runs) / 60
        first = accuracy if first is None else first
        print(f"| {name} | {accuracy:.1f} | {accuracy - first:+.1f} | {minutes:.1f} |", flush=True)


if __name__ == "__main__":
    main()
