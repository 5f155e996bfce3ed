"""What training by Winograd's convolutions costs in accuracy: whole short runs in pairs of equal seeds.

    python benchmarks/winograd.py DATA --runs FOLDER

DATA is a folder with train/ and val/, of which the first classes are taken, as links. Both runs of a pair have equal
settings but for the convolutions; the accuracy is that of the last epoch, which nothing has chosen. A run that is there
already is opened, one that was interrupted goes on. `--only SEED` trains one pair, so that pairs can be trained side by
side, one thread each.
"""

from __future__ import annotations

import argparse
import math
import statistics
from pathlib import Path

from fast import part_of  # beside this file
from resumable import trained
from scipy.stats import t as student

from striate.training.folder.layout import read_metrics


def accuracies(folder: Path) -> tuple[float, float]:
    """Validation accuracy in % and mean training loss, both of the last epoch."""
    last = read_metrics(folder)[-1]
    return 100 * last["val_accuracy"], last["train_loss"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", type=int)
    parser.add_argument("--runs", type=Path, required=True)
    options = parser.parse_args()
    data = part_of(options.data, options.classes, options.runs / "data")
    settings = {"precision": "bf16", "layout": "channels-last", "threads": 1, "compile": False, "autotune": False}
    settings |= {"fused_norms": True, "model": options.model, "epochs": options.epochs}
    differences = []
    print("| seed | with: top-1 %, loss | without: top-1 %, loss | difference, points |\n|---|---|---|---:|")
    for seed in range(options.seeds) if options.only is None else [options.only]:
        folders = {winograd: options.runs / f"{'with' if winograd else 'without'}-{seed}" for winograd in (True, False)}
        for winograd, folder in folders.items():
            trained(data, folder, recipe="default", seed=seed, winograd=winograd, **settings)
        (with_, loss_with), (without, loss_without) = (accuracies(folder) for folder in folders.values())
        differences.append(with_ - without)
        print(f"| {seed} | {with_:.1f}, {loss_with:.3f} | {without:.1f}, {loss_without:.3f} | {with_ - without:+.1f} |")
    if len(differences) > 1:
        mean, count = statistics.mean(differences), len(differences)
        half = student.ppf(0.975, count - 1) * statistics.stdev(differences) / math.sqrt(count)
        interval = f"95 % interval {mean - half:+.2f} to {mean + half:+.2f}"
        print(f"mean difference {mean:+.2f} points, {interval}, {count} pairs")


if __name__ == "__main__":
    main()
