"""Make the weights that are packaged as "embedded" from a finished run: half precision, class names in words, a card.

    python benchmarks/embed.py DATA RUN [RUN ...] --words tiny-imagenet/classes.tsv [--to src/striate/models/embedded]

Of several runs each began from the weights of the one before, and the last is packaged. DATA is what they were trained
on; the accuracy in the card is measured on its validation pictures with the file as it was written. The words are lines
of folder name, tab, name in words (the first of several with commas between).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import striate
from striate.analysis.summary import summarize
from striate.core.errors import StriateError
from striate.core.files import write_bytes
from striate.data.sources import open_to_evaluate
from striate.deploy.bundle import save_config, save_weights
from striate.deploy.run import Run
from striate.models.stored import EMBEDDED_FOLDER, WEIGHTS
from striate.tasks.classification import Evaluation

LARGEST_BYTES = 12_000_000


def named(classes: tuple[str, ...], words: Path) -> tuple[str, ...]:
    """Names in words, the first of each where no two classes share it."""
    lines = [line.split("\t") for line in words.read_text(encoding="utf-8").splitlines() if line.strip()]
    whole = {folder: text.strip() for folder, text in lines}
    firsts = [whole[name].split(",")[0] for name in classes]
    return tuple(
        first if firsts.count(first) == 1 else whole[name] for first, name in zip(firsts, classes, strict=True)
    )


def embed(run: Run, names: tuple[str, ...], folder: Path) -> int:
    """Write weights in half precision and config; returns the bytes of the weights."""
    save_weights(folder, run.network.half())
    save_config(folder, run.network, names, {})
    size = (folder / WEIGHTS).stat().st_size
    if size > LARGEST_BYTES:
        raise StriateError(f"{folder / WEIGHTS} has {size:,} bytes, more than {LARGEST_BYTES:,}")
    return size


def measured(folder: Path, data: str, run: Run) -> Evaluation:
    """The written file on the validation pictures of what the run was trained on; config.json then says how good."""
    written = striate.load(folder)
    words = dict(zip(run.classes, written.classes, strict=True))
    dataset = open_to_evaluate(data, run.split_seed)
    found = written.evaluate(
        replace(dataset, targets=replace(dataset.targets, names=tuple(words[name] for name in dataset.classes))), "val"
    )
    save_config(folder, written.network, written.classes, {"val_top1": found.accuracy, "val_top5": found.top5_share})
    return found


def card(runs: list[Run], found: Evaluation, size: int) -> str:
    run = runs[-1]
    cost, machine, used_px = summarize(run.network.float()), run.recipe["machine"], run.preprocess.size[0]
    low, high = found.interval
    minutes = sum(run.metrics["seconds"] for run in runs) / 60
    commands = "\n".join(run.recipe["command"] for run in runs)
    trained_px = used_px / run.recipe["recipe"]["test_enlargement"]
    return f"""---
library_name: striate
tags: ["image-classification", "{run.network.architecture}"]
metrics: ["accuracy"]
---

# The embedded weights

{run.network.architecture}, {len(run.classes)} classes of Tiny-ImageNet: {cost.params:,} parameters,
{cost.macs:,} multiply-accumulates for a picture of {used_px}x{used_px} px.
Trained by Striate {machine["striate"]} from drawn weights; nothing in it comes from another network.

- Top-1 {found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), top-5 {found.top5_share:.2%}, on
  {found.total:,} validation pictures, measured with this file. They also chose the epoch.
- {minutes:.0f} minutes on {machine["processor"]}, device {machine["device"]}, {machine["precision"]},
  torch {machine["torch"]}.
- {size:,} bytes, half precision; single precision once it is loaded.

```sh
{commands}
```

## What it is for

To begin from: `striate train photos/ --weights embedded`. Its features know edges, textures, parts and whole objects
of photographs from the web.

## What it is not good for

- It learned from pictures of {trained_px:.0f} px, and is shown them at {used_px}. What is only told apart
  by fine detail is lost on it.
- It names one of {len(run.classes)} classes whatever the picture shows, and its probabilities are not calibrated for
  pictures of another kind: drawings, scans, microscopy, medical pictures, pictures from above.
- ImageNet's pictures come from the web, most of them from North America and Europe, and so does what it knows. It must
  not decide about people.

## Terms

The weights are under this package's licence. They were learned from Tiny-ImageNet, a part of ImageNet, whose terms
allow research and teaching without profit; the pictures belong to their owners and none is in this file. Whoever puts
the weights to commercial use should settle for themselves whether those terms reach that far.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=EMBEDDED_FOLDER)
    options = parser.parse_args()
    runs = [striate.load(run) for run in options.runs]
    run = runs[-1]
    size = embed(run, named(run.classes, options.words), options.to)
    found = measured(options.to, options.data, run)
    write_bytes(options.to / "README.md", card(runs, found, size).encode())
    print(f"{options.to}: {size:,} bytes, top-1 {found.accuracy:.2%}, top-5 {found.top5_share:.2%}")


if __name__ == "__main__":
    main()
