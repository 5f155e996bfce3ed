"""What each part of the recipe `quick_fcn` brings: short runs on CamVid with all of it, and with one part changed.

    python benchmarks/quick_fcn.py CAMVID --runs FOLDER > table.md

CAMVID is a folder with train/ and val/, each of images/ and masks/. Its validation pictures come from the drive that
most training pictures are of, so one of the three drives is kept out of training and is the test: what a choice does
for streets that were never seen. A run that is there already is opened, one that was interrupted goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from resumable import trained  # beside this file

from striate.data.sources import open_data
from striate.deploy.run import Run

KEPT_OUT = "0006R0"
# 266 pictures, 11 times, at 192x256 and seen in use at 360x480
SHORT: dict[str, Any] = {"epochs": 11, "warmup_epochs": 0.5, "test_enlargement": 1.875, "ema_decay": 0.99}
CHANGED: dict[str, dict[str, Any]] = {
    "everything": {},
    "drawn weights": {"weights": None, "model": "quick_fcn"},
    "AdamW, rate 1e-3, instead of Muon": {"optimizer": "adamw", "peak_lr": 1e-3, "weight_decay": 0.01},
    "AdamW, rate 3e-3": {"optimizer": "adamw", "peak_lr": 3e-3, "weight_decay": 0.01},
    "Muon's rate twice as high": {"muon_lr": 0.02},
    "0.6 of the rate from each stage to the one below": {"layer_decay": 0.6},
    "classes weighted by median frequency": {"class_weights": "median_frequency"},
    "Lovász beside cross-entropy": {"loss": ("cross_entropy", "lovasz")},
    "288x384, 5 times": {"test_enlargement": 1.25, "epochs": 5},
}


def folds(data: Path, target: Path) -> Path:
    """A folder of links: train/ without the drive that is kept out, val/ as it is, and that drive as test/."""
    for split, kind in ((split, kind) for split in ("train", "val") for kind in ("images", "masks")):
        for file in sorted((data / split / kind).iterdir()):
            fold = "test" if split == "train" and file.name.startswith(KEPT_OUT) else split
            link = target / fold / kind / file.name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(file.resolve())
    if not (target / "classes.tsv").exists():
        (target / "classes.tsv").symlink_to((data / "classes.tsv").resolve())
    return target


def mean_iou(run: Run, data: Path, split: str) -> float:
    """In %, of one split."""
    return 100 * float(run.evaluate(open_data(str(data)), split=split).figures()["mean_iou"])


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=SHORT["epochs"])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    data = folds(options.data, options.runs / "data")
    forced = {"precision": "bf16", "layout": "channels-last", "threads": options.threads, "autotune": False}
    forced |= {"fused_norms": True, "validate_every_epochs": options.epochs}
    print("| | mean IoU, val | kept-out drive | minutes |\n|---|---:|---:|---:|")
    for name, changed in CHANGED.items():
        folder = options.runs / "".join(
            letter for letter in name.replace(" ", "-") if letter.isalnum() or letter == "-"
        )
        fields = {**SHORT, "epochs": options.epochs, **forced, **changed}
        run = trained(data, folder, recipe="quick_fcn", seed=0, **fields)
        val, kept_out = (mean_iou(run, data, split) for split in ("val", "test"))
        print(f"| {name} | {val:.1f} | {kept_out:.1f} | {run.metrics['seconds'] / 60:.1f} |", flush=True)


if __name__ == "__main__":
    main()
