"""Five ways to a network from few pictures: accuracy with its interval and minutes, over seeds, as one table.

    python benchmarks/transfer.py TINY_IMAGENET TO --seeds 5 > benchmarks/transfer.md

Makes its data (benchmarks/transfer_data.py, which needs scikit-image) and, for the classes that are kept out of it, a
smaller pretraining at up to 48 px; then every run. All of it lies below TO and is gone on with where it was
interrupted. --sets and --seeds choose a part; --show prints the table of what is there and trains nothing. Of every
class the first so many training pictures are taken, other ones for every seed; all test pictures count.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resumable import trained  # beside this file

from striate.core.reading import read_record
from striate.data.walk import HIDDEN
from striate.models.stored import EMBEDDED
from striate.ops.metrics import wilson_interval
from striate.recipes import get_recipe
from striate.training.folder.layout import EVALUATION

PRETRAINED = "pretrained"
SETS = {
    "kept-out-25": ("kept-out", 25, PRETRAINED, "10 kept-out classes of Tiny-ImageNet x 25"),
    "kept-out-100": ("kept-out", 100, PRETRAINED, "10 kept-out classes of Tiny-ImageNet x 100"),
    "kept-out-400": ("kept-out", 400, PRETRAINED, "10 kept-out classes of Tiny-ImageNet x 400"),
    "digits-10": ("digits", 10, EMBEDDED, "10 handwritten digits x 10"),
    "digits-50": ("digits", 50, EMBEDDED, "10 handwritten digits x 50"),
    "textures-20": ("textures", 20, EMBEDDED, "8 textures x 20"),
    "faces-25": ("faces", 25, EMBEDDED, "faces and patches without one, 2 x 25"),
}
# Passes of a picture through the network that the plain loops may take, and the most epochs: a minute or two.
PASSES, MOST_EPOCHS = 12_000, 60
PRETRAINING: dict[str, Any] = {
    "recipe": "fast", "epochs": 8, "batch_size": 128, "size_px": 60, "validate_every_epochs": 8
}  # fmt: skip
RUNNING: dict[str, Any] = {"threads": 1, "autotune": False}


@dataclass(frozen=True)
class Part:
    """Some training pictures of each class and all test pictures, below `folder`; weights to begin with."""

    folder: Path
    pictures: int
    weights: str


def ways(part: Part) -> dict[str, dict[str, Any]]:
    """Fields of `striate.train`, by what the way is called."""
    epochs = max(4, min(MOST_EPOCHS, PASSES // part.pictures))
    tuned, usual = min(20, epochs), get_recipe("finetune")
    warmup = usual.warmup_epochs * tuned / usual.epochs
    staged = {"recipe": "finetune", "weights": part.weights, "epochs": tuned, "warmup_epochs": warmup}
    return {
        "from scratch": {"recipe": "default", "model": "quick_regnet26", "size_px": 64, "epochs": epochs},
        "probe": {"recipe": "probe", "weights": part.weights, "head_views": 1},
        "head only": {**staged, "unfreeze_to": "head"},
        "staged": staged,
        "full": {"recipe": "default", "weights": part.weights, "peak_lr": 0.01, "epochs": epochs},
    }


def part_of(data: Path, pictures: int, seed: int, target: Path, weights: str) -> Part:
    """A folder of links to so many training pictures of each class, other ones for every seed, and to all of test/."""
    count = 0
    for folder in sorted(path for path in (data / "train").iterdir() if not path.name.startswith(HIDDEN)):
        files = sorted(folder.iterdir())
        first = seed * pictures % max(1, len(files) - pictures + 1)
        chosen = files[first : first + pictures]
        for split, file in [*(("train", file) for file in chosen), *(("test", file) for file in test_of(data, folder))]:
            link = target / split / folder.name / file.name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(file.resolve())
        count += len(chosen)
    return Part(target, count, weights)


def test_of(data: Path, folder: Path) -> list[Path]:
    """The test pictures of a class."""
    return sorted((data / "test" / folder.name).iterdir())


def finished(folder: Path) -> dict[str, Any] | None:
    """What a run measured, if it is finished."""
    if not (folder / EVALUATION).exists():
        return None
    metrics: dict[str, Any] = read_record(folder / "config.json", dict[str, Any])["metrics"]
    return metrics


def rows(name: str, to: Path, seeds: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The ways in order, with what their finished runs measured."""
    for way in ways(Part(Path(), 1, "")):
        found = [finished(to / "runs" / name / f"{way.replace(' ', '-')}-{seed}") for seed in range(seeds)]
        yield way, [metrics for metrics in found if metrics is not None]


def table(name: str, to: Path, seeds: int) -> str:
    """One data set: mean accuracy, the interval that test pictures and seeds allow, the range of the seeds, minutes."""
    lines = [f"\n### {SETS[name][3]}\n", "| way | test accuracy | 95 % interval | seeds | range | minutes |"]
    lines.append("|---|---:|---:|---:|---:|---:|")
    for way, found in rows(name, to, seeds):
        if not found:
            continue
        shares = [metrics["test_top1"] for metrics in found]
        mean, pictures = statistics.mean(shares), found[0]["test_pictures"]
        low, high = wilson_interval(round(mean * pictures), pictures)
        spread = 1.96 * statistics.stdev(shares) / math.sqrt(len(shares)) if len(shares) > 1 else 0.0
        low, high = max(0.0, min(low, mean - spread)), min(1.0, max(high, mean + spread))
        minutes = statistics.median(metrics["seconds"] for metrics in found) / 60
        lines.append(
            f"| {way} | {mean:.1%} | {low:.1%} to {high:.1%} | {len(found)} | "
            f"{min(shares):.1%} to {max(shares):.1%} | {minutes:.1f} |"
        )
    return "\n".join(lines)


def measure(name: str, to: Path, seeds: int, pretrained: str) -> None:
    """All runs of one data set, seed by seed, so that an unfinished table is a whole one of fewer seeds."""
    data, pictures, weights, _ = SETS[name]
    for seed in range(seeds):
        folder = to / "parts" / f"{name}-{seed}"
        part = part_of(to / data, pictures, seed, folder, pretrained if weights == PRETRAINED else weights)
        for way, fields in ways(part).items():
            run = to / "runs" / name / f"{way.replace(' ', '-')}-{seed}"
            trained(part.folder, run, seed=seed, **RUNNING, **fields)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tiny_imagenet", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    if not options.show:
        from transfer_data import make_all  # beside this file

        make_all(options.tiny_imagenet, options.to)
        if any(SETS[name][2] == PRETRAINED for name in options.sets):
            trained(options.to / "pretrain", options.to / PRETRAINED, **RUNNING, **PRETRAINING)
        for name in options.sets:
            measure(name, options.to, options.seeds, str(options.to / PRETRAINED))
    print(f"# Transfer from few pictures\n\n    python {' '.join(sys.argv)}")
    for name in options.sets:
        print(table(name, options.to, options.seeds))


if __name__ == "__main__":
    main()
