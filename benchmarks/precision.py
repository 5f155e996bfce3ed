"""Training rates by precision, layout and threads, from a small network to a large one; decides `LARGE_FROM_MACS`.

    python benchmarks/precision.py

Alternating, medians, one process. The last result is in benchmarks/precision.md.
"""

from __future__ import annotations

import statistics
import time

import torch
import torch.nn.functional as F

from striate.analysis.summary import summarize
from striate.models import create_model
from striate.runtime.runtime import Runtime

CASES = [
    ("mlp", 28, 64), ("lenet5", 32, 64), ("resnet20", 32, 128), ("resnet18", 32, 64), ("resnet18", 64, 64),
    ("resnet18", 224, 16), ("alexnet", 227, 32),
]  # fmt: skip
SETTINGS = [
    (precision, layout, threads) for precision in ("fp32", "bf16") for layout in (False, True) for threads in (1, 2)
]
ROUNDS = 7


def main() -> None:
    print("| network | px | MACs | " + " | ".join(f"{p}{' cl' if c else ''} {t}t" for p, c, t in SETTINGS) + " |")
    print("|---|---|---|" + "---|" * len(SETTINGS))
    for name, side, batch in CASES:
        repeats = 1 if side > 100 else 5
        steps = []
        for setting in SETTINGS:
            runtime = Runtime("cpu", *setting)
            network = runtime.network(create_model(name)).train()
            images = runtime.images(torch.randn(batch, network.in_channels, side, side))
            steps.append((runtime, network, images, torch.optim.SGD(network.parameters(), lr=0.01, fused=True)))
        labels = torch.randint(0, 10, (batch,))
        seconds: list[list[float]] = [[] for _ in SETTINGS]
        for _ in range(ROUNDS):
            for taken, (runtime, network, images, optimizer) in zip(seconds, steps, strict=True):
                with runtime.processor_threads():
                    start = time.perf_counter()
                    for _ in range(repeats):
                        with runtime.autocast():
                            loss = F.cross_entropy(network(images).float(), labels)
                        loss.backward()
                        optimizer.step()
                        optimizer.zero_grad(set_to_none=True)
                    taken.append(time.perf_counter() - start)
        macs = summarize(create_model(name), (steps[0][2].shape[1], side, side)).macs
        rates = [f"{batch * repeats / statistics.median(taken[1:]):,.0f}" for taken in seconds]
        print(f"| {name} | {side} | {macs:,} | " + " | ".join(rates) + " |", flush=True)


if __name__ == "__main__":
    main()
