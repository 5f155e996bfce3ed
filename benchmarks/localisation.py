"""Localisation on Tiny-ImageNet's boxes from the packaged weights by `striate train`; prints localisation.md's table.

    python benchmarks/localisation.py tiny-imagenet/ --runs FOLDER --epochs 3
    python benchmarks/localisation.py tiny-imagenet/ --runs FOLDER --epochs 1 --each 20 --classes 10     a small form

The folder has train/, val/, train-boxes.tsv and val-boxes.tsv (class, file, first and last pixel of the box). Writes
boxes.csv into --runs. For scale it prints what the whole picture and the mean box of each class reach.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from resumable import trained  # beside this file

import striate
from striate.ops.boxes import box_iou
from striate.runtime.machine import processor_name

Row = tuple[str, str, list[float], str]  # path, class, edges, split


def rows_of(data: Path, split: str, classes: int, each: int) -> list[Row]:
    """The boxes of a split, last pixels as edges; of the first classes, so many pictures each."""
    with (data / f"{split}-boxes.tsv").open() as lines:
        cells = [line.rstrip("\n").split("\t") for line in lines][1:]
    kept = sorted({name for name, *_ in cells})[:classes]
    taken, rows = defaultdict[str, int](int), list[Row]()
    for name, file, left, top, right, bottom, *_ in cells:
        taken[name] += 1
        if name in kept and taken[name] <= each:
            edges = [float(left), float(top), float(right) + 1, float(bottom) + 1]
            rows.append((str((data / split / name / file).resolve()), name, edges, split))
    return rows


def write_table(rows: list[Row], file: Path) -> Path:
    """A table that `striate train` takes."""
    with file.open("w", newline="") as opened:
        table = csv.writer(opened)
        table.writerow(["path", "label", "x0", "y0", "x1", "y1", "split"])
        table.writerows([path, name, *edges, split] for path, name, edges, split in rows)
    return file


def baselines(train: list[Row], val: list[Row], side: float = 64.0) -> dict[str, tuple[float, float]]:
    """Share with an IoU of 0.5 and mean IoU of the whole picture, and of the mean box of the class, class known."""
    by_class: dict[str, list[list[float]]] = defaultdict(list)
    for _, name, edges, _ in train:
        by_class[name].append(edges)
    truth = torch.tensor([edges for _, _, edges, _ in val])
    answers = {
        "the whole picture": torch.tensor([[0.0, 0.0, side, side]] * len(val)),
        "the class's mean box": torch.tensor([np.mean(by_class[name], axis=0).tolist() for _, name, _, _ in val]),
    }
    found = {what: box_iou(boxes.float(), truth) for what, boxes in answers.items()}
    return {what: (float((iou >= 0.5).float().mean()), float(iou.mean())) for what, iou in found.items()}


def main() -> None:
    """Train, evaluate on val, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--each", type=int, default=400, help="pictures of a class to train on")
    parser.add_argument("--model", default=None, help="another network, such as quick_regnet26+boxes")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    asked.runs.mkdir(parents=True, exist_ok=True)
    train, val = (rows_of(asked.data, split, asked.classes, asked.each) for split in ("train", "val"))
    table = write_table([*train, *val], asked.runs / "boxes.csv")
    named = {} if asked.model is None else {"model": asked.model, "weights": "embedded"}
    run = trained(
        *(table, asked.runs / (asked.model or "quick_box").replace("+", "-")),
        **{"recipe": "quick_box", "epochs": asked.epochs, "threads": asked.threads, "autotune": False, **named},
        **{"precision": "bf16", "layout": "channels-last", "fused_norms": True},
        **{"start_px": 48, "full_size_at": 0.6, "warmup_epochs": 0.1, "validate_every_epochs": asked.epochs},
    )
    found = striate.load(run.path).evaluate(str(table), split="val")
    figures, ends = found.places.figures(), found.intervals
    print(f"{processor_name()}, {asked.threads} threads, torch {torch.__version__}")
    for what, (share, iou) in baselines(train, val).items():
        print(f"{what}: {share:.1%} of boxes with an IoU of at least 0.5, mean IoU {iou:.3f}")
    minutes = run.metrics["seconds"] / 60
    print(f"{run.network.label}: {len(train):,} pictures, {asked.epochs} epochs, {minutes:.1f} minutes to the end")
    for key, title in (("error", "localisation error"), ("class_error", "class error"), ("box_error", "box error")):
        print(f"| {title} | {figures[key]:.2%} | {ends[key][0]:.2%} to {ends[key][1]:.2%} |")
    print(f"| mean IoU | {figures['mean_iou']:.4f} | {ends['mean_iou'][0]:.4f} to {ends['mean_iou'][1]:.4f} |")


if __name__ == "__main__":
    main()
