"""Five ways to a network from few pictures, and what each takes: accuracy with interval, seconds, over seeds.

    python benchmarks/transfer.py DATA --pictures 25 100 400 --classes 10 --seeds 5 --weights embedded --runs FOLDER

DATA is a folder of classes, or one with train/ and test/. Of every class the first so many training pictures are taken,
as links in a folder of their own, other ones for every seed; all test pictures count. A run that is there already is
opened, one that was interrupted goes on. Prints a table.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import striate
from striate.data.folder import HIDDEN
from striate.deploy.run import Run
from striate.ops.metrics import wilson_interval
from striate.training.folder import EVALUATION, RECIPE

EPOCHS_OF_THE_PLAIN_LOOP = 30


def ways(weights: str, model: str) -> dict[str, dict[str, Any]]:
    """Fields of `striate.train`, by what the way is called."""
    plain = {"recipe": "default", "epochs": EPOCHS_OF_THE_PLAIN_LOOP, "weights": weights}
    return {
        "from scratch": {"recipe": "default", "model": model, "size_px": 64},
        "probe": {"recipe": "probe", "weights": weights, "head_views": 1},
        "head only": {"recipe": "finetune", "weights": weights, "unfreeze_to": "head"},
        "staged": {"recipe": "finetune", "weights": weights},
        "full": {**plain, "peak_lr": 0.01},
    }


def part_of(data: Path, classes: int, pictures: int, seed: int, target: Path) -> Path:
    """A folder of links: the first classes, so many pictures of each, other ones for every seed; all test pictures."""
    train, test = (data / "train", data / "test") if (data / "train").is_dir() else (data, None)
    for folder in sorted(path for path in train.iterdir() if not path.name.startswith(HIDDEN))[:classes]:
        files = sorted(folder.iterdir())
        first = seed * pictures % max(1, len(files) - pictures + 1)
        links = {("train", file) for file in files[first : first + pictures]}
        links |= {("test", file) for file in (sorted((test / folder.name).iterdir()) if test else [])}
        for split, file in links:
            link = target / split / folder.name / file.name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(file.resolve())
    return target


def trained(data: Path, folder: Path, fields: dict[str, Any], seed: int) -> Run:
    """The finished run of one way."""
    if (folder / EVALUATION).exists():
        return striate.load(folder)
    if (folder / RECIPE).exists():
        return striate.resume(folder)
    return striate.train(data, run=folder, seed=seed, **fields)


def row(name: str, runs: list[Run]) -> str:
    """Mean accuracy with the interval that the test pictures allow, the range over seeds, the median seconds."""
    shares = [run.metrics["test_top1"] for run in runs]
    pictures, mean = runs[0].metrics["test_pictures"], statistics.mean(shares)
    low, high = wilson_interval(round(mean * pictures), pictures)
    seconds = statistics.median(run.metrics["seconds"] for run in runs)
    cells = (
        name,
        f"{mean:.1%} ({low:.1%} to {high:.1%})",
        f"{min(shares):.1%} to {max(shares):.1%}",
        f"{seconds:.1f} s",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--pictures", type=int, nargs="+", default=[25, 100, 400])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--weights", default="embedded")
    parser.add_argument("--model", default="quick_resnet12", help="the network that is trained from scratch")
    parser.add_argument("--runs", type=Path, required=True)
    options = parser.parse_args()
    for pictures in options.pictures:
        print(f"\n| {options.classes} x {pictures} | test accuracy | seeds | seconds |\n|---|---:|---:|---:|")
        place = options.runs / str(pictures)
        parts = [
            part_of(options.data, options.classes, pictures, seed, place / f"data-{seed}")
            for seed in range(options.seeds)
        ]
        for name, fields in ways(options.weights, options.model).items():
            stem = name.replace(" ", "-")
            runs = [trained(part, place / f"{stem}-{seed}", fields, seed) for seed, part in enumerate(parts)]
            print(row(name, runs), flush=True)


if __name__ == "__main__":
    main()
