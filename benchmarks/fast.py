"""What each part of the recipe `fast` brings: short runs with all of it, and with one part changed.

    python benchmarks/fast.py DATA --classes 50 --epochs 8 --seeds 1 --runs FOLDER

DATA is a folder with train/ and val/, of which the first classes are taken, as links. A run that is there already is
opened, one that was interrupted goes on, so the whole can be stopped and started again. Prints docs/fast.md's table.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

from resumable import trained  # beside this file

from striate.data.sources import open_data
from striate.deploy.run import Run
from striate.recipes import get_recipe

CHANGED: dict[str, dict[str, Any]] = {
    "everything": {},
    "a cosine instead of one cycle": {"schedule": "cosine"},
    "no growth: 64 px throughout": {"start_px": None},
    "a whitened first layer": {"whiten": True},
    "random flips instead of alternating ones": {"flip": True, "flip_alternately": False},
    "no label smoothing": {"label_smoothing": 0.0},
    "no average of the weights": {"ema_decay": 0.0},
    "CutMix on a quarter of the pictures": {"cut_mix": 0.25},
    "Nesterov SGD instead of Muon": {"optimizer": "sgd", "nesterov": True},
    "used at the 64 px of its training": {"test_enlargement": 1.0},
    "shifts instead of resized crops": {
        "min_area": 1.0,
        "max_aspect": 1.0,
        "crop_padding_px": 4,
        "test_enlargement": 1.0,
    },
}


def part_of(data: Path, classes: int, target: Path) -> Path:
    """A folder of links to the first classes."""
    for split in ("train", "val"):
        for folder in sorted(path for path in (data / split).iterdir() if path.is_dir())[:classes]:
            link = target / split / folder.name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(folder.resolve())
    return target


def without_mirror_image(run: Run, data: Path) -> float:
    """Top-1 in % of the same weights, each picture seen once."""
    again = Run(run.path)
    again.bundle = replace(again.bundle, preprocess=replace(again.bundle.preprocess, mirrored=False))
    return 100 * again.evaluate(open_data(str(data)), split="val").accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    data = part_of(options.data, options.classes, options.runs / "data")
    warmup = get_recipe("fast").warmup_epochs * options.epochs / get_recipe("fast").epochs
    short = {"epochs": options.epochs, "warmup_epochs": warmup, "validate_every_epochs": options.epochs}
    forced = {"precision": "bf16", "layout": "channels-last", "threads": options.threads, "compile": False}
    forced |= {"fused_norms": True, "autotune": False}
    print("| | top-1 % | against everything | minutes |\n|---|---:|---:|---:|")
    everything = 0.0
    for name, changed in CHANGED.items():
        folders = [options.runs / f"{name.replace(' ', '-').replace(':', '')}-{seed}" for seed in range(options.seeds)]
        fields = {**short, **forced, **changed}
        runs = [trained(data, folder, recipe="fast", seed=seed, **fields) for seed, folder in enumerate(folders)]
        accuracy = 100 * statistics.mean(run.metrics["val_top1"] for run in runs)
        minutes = statistics.mean(run.metrics["seconds"] for run in runs) / 60
        everything = accuracy if name == "everything" else everything
        print(f"| {name} | {accuracy:.1f} | {accuracy - everything:+.1f} | {minutes:.1f} |", flush=True)
        if name == "everything":
            once = statistics.mean(without_mirror_image(run, data) for run in runs)
            print(f"| the same, no mirror image at the test | {once:.1f} | {once - everything:+.1f} | |", flush=True)


if __name__ == "__main__":
    main()
