"""What each part of `quick_detector` and its recipe brings: short runs with all of it, and with one part changed.

    python benchmarks/quick_detector.py BLOOD_CELLS --runs FOLDER > table.md

A run that is there already is opened, one that was interrupted goes on. A number of the network is changed where it
stands, in this process alone.
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from resumable import trained  # beside this file

from striate.data.sources import open_data

# 205 pictures, 16 times, at 256x341 and seen in use at 384x512
SHORT: dict[str, Any] = {"epochs": 16, "warmup_epochs": 1, "ema_decay": 0.98}
CHANGED: dict[str, dict[str, Any]] = {
    "everything": {},
    "drawn weights": {"weights": None, "model": "quick_detector"},
    "AdamW, rate 1e-3, instead of Muon": {"optimizer": "adamw", "peak_lr": 1e-3, "weight_decay": 0.01},
    "Muon's rate twice as high": {"muon_lr": 0.02},
    "half to all of a picture": {"min_area": 0.5},
    "whole pictures alone, 7 times": {"min_area": 1.0, "test_enlargement": 1.0, "epochs": 7},
    "colours as they are": {"jitter": 0.0},
    "288x384 in use, 28 times": {"size_px": (288, 384), "epochs": 28},
}
NUMBERS: dict[str, tuple[str, float]] = {
    "nine points learn a box": ("assignment.POINTS", 9),
    "points chosen by overlap alone": ("assignment.SCORE_POWER", 0.0),
    "boxes count half as much": ("quick_detector.BOX_WEIGHT", 1.0),
    "boxes count twice as much": ("quick_detector.BOX_WEIGHT", 4.0),
}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    forced = {"precision": "bf16", "layout": "channels-last", "threads": options.threads, "autotune": False}
    dataset = open_data(str(options.data))
    print("| | mAP at IoU 0.5, val | mAP | minutes |\n|---|---:|---:|---:|")
    for name in (*CHANGED, *NUMBERS):
        folder = options.runs / "".join(each for each in name.replace(" ", "-") if each.isalnum() or each == "-")
        fields = {**SHORT, **forced, **CHANGED.get(name, {})}
        where, number = NUMBERS.get(name, ("", 0.0))
        module, _, constant = where.rpartition(".")
        part = import_module(f"striate.models.detection.{module}") if where else None
        with patch.object(part, constant, number) if where else nullcontext():
            run = trained(
                options.data, folder, recipe="quick_detector", seed=0, validate_every_epochs=fields["epochs"], **fields
            )
        found = run.evaluate(dataset, split="val").figures()
        shown = (f"{100 * found[key]:.1f}" for key in ("map50", "map"))
        print(f"| {name} | {' | '.join(shown)} | {run.metrics['seconds'] / 60:.1f} |", flush=True)


if __name__ == "__main__":
    main()
