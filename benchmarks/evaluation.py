"""What evaluating costs in each form of a network, and whether the form changes an answer.

    python benchmarks/evaluation.py FOLDER

FOLDER holds pictures by class, with train and val; ResNet-18 is trained on it for a few epochs, and its answers to the
pictures of val compared. Rates are medians of alternating rounds in one process, of the network alone.
The last result is in benchmarks/evaluation.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

import striate
from striate.data.batches import Batches, batches_of
from striate.data.cache import working_pictures
from striate.data.sources import open_data
from striate.data.targets.classes import labels_of
from striate.models import create_model
from striate.runtime.folding import fold_norms
from striate.runtime.runtime import Runtime
from striate.tasks.classification import predict_logits

CASES = [("resnet20", 32, 128, 6), ("resnet18", 64, 64, 6), ("resnet18", 224, 32, 2), ("resnet50", 224, 16, 2)]
FORMS = {"fp32": ("fp32", False), "fp32 folded": ("fp32", True), "bf16": ("bf16", False), "bf16 folded": ("bf16", True)}
ROUNDS = 7


def rates() -> None:
    print("| network | px | " + " | ".join(FORMS) + " | folding takes |")
    print("|---|---:|" + "---:|" * (len(FORMS) + 1))
    for name, side, batch, repeats in CASES:
        network = create_model(name, 10).eval().to(memory_format=torch.channels_last)
        fold_norms(network, (3, side, side))
        start = time.perf_counter()
        folded = fold_norms(network, (3, side, side))
        folding = time.perf_counter() - start
        images = torch.randn(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
        seconds: dict[str, list[float]] = {form: [] for form in FORMS}
        for _ in range(ROUNDS):
            for form, (precision, fold) in FORMS.items():
                start = time.perf_counter()
                for _ in range(repeats):
                    with torch.inference_mode(), Runtime("cpu", precision, True, 2).autocast():
                        (folded if fold else network)(images)
                seconds[form].append(time.perf_counter() - start)
        found = [f"{batch * repeats / statistics.median(seconds[form][1:]):,.0f}" for form in FORMS]
        print(f"| {name} | {side} | " + " | ".join(found) + f" | {folding:.2f} s |", flush=True)


@torch.inference_mode()
def answers(network: nn.Module, batches: Batches, run: striate.Run, precision: str) -> tuple[Tensor, Tensor]:
    runtime = replace(run.runtime, precision=precision)
    logits = [predict_logits(network, batch.pictures, run.preprocess, runtime) for batch in batches.in_order()]
    return torch.cat(logits), torch.cat([labels_of(batch.targets) for batch in batches.in_order()])


def same_answers(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as parent:
        run = striate.train(folder, "resnet18", run=Path(parent) / "run", epochs=5)
        dataset = open_data(folder)
        working, _ = working_pictures(dataset, run.preprocess)
    batches = batches_of(dataset, "val", working, 64)
    folded = fold_norms(run.network, (3, *run.preprocess.size))
    exact, labels = answers(run.network, batches, run, "fp32")
    print(f"\n{len(labels):,} pictures of val, ResNet-18 at {run.preprocess.size[0]} px\n")
    print("| form | top-1 | other answer than fp32 | largest difference of a logit |")
    print("|---|---:|---:|---:|")
    for form, (precision, fold) in FORMS.items():
        logits, _ = answers(folded if fold else run.network, batches, run, precision)
        right, other = (logits.argmax(1) == labels).sum(), (logits.argmax(1) != exact.argmax(1)).sum()
        print(f"| {form} | {right / len(labels):.2%} | {other} | {(logits - exact).abs().max():.2g} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    rates()
    same_answers(arguments.folder)


if __name__ == "__main__":
    main()
