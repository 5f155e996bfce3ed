"""A picture by a sliding-window detector: window after window against one pass for each grid; MACs, seconds, scores.

    python benchmarks/sliding_detector.py [--network sliding_window_quick] [--size 320] [--threads 1]

Both ways in fp32 on the same scaled pictures with the same weights, drawn by seed 0; scaling counts in both. Windows
once, those of a row of a grid in a batch; the passes as the median of five; seconds of a core. The difference is of
logits, the largest as a share of the largest. MACs are those of `striate.summarize`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from striate.analysis.summary import summarize
from striate.models import create_model
from striate.models.detection.sliding_window import SlidingWindow

PASSES = 5


def timed(call: Callable[[], Tensor], times: int) -> tuple[Tensor, float]:
    """What a call gives, and the median of its seconds of a core, which other programs hardly change."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        result = call()
        seconds.append(time.process_time() - start)
    return result, statistics.median(seconds)


@torch.no_grad()
def main() -> None:
    """Print the table of docs/detection.md."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--network", default="sliding_window_quick")
    for name, value in (("size", 320), ("threads", 1)):
        options.add_argument(f"--{name}", type=int, default=value)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    network, images = create_model(asked.network, classes=2).eval(), torch.randn(1, 3, asked.size, asked.size)
    assert isinstance(network, SlidingWindow)
    size, side = (asked.size, asked.size), network.slid.side
    alone, slow = timed(lambda: network.by_windows(images), 1)
    once, fast = timed(lambda: network.logits(images), PASSES)
    differs = float((once - alone).abs().max() / alone.abs().max())
    windows = alone.shape[1] * summarize(network.of_windows(), size=(3, side, side)).macs
    passes = summarize(network, size=size).macs
    print(f"{asked.network}, {alone.shape[1]:,} windows of {asked.size}x{asked.size} px, {asked.threads} thread(s)")
    print("| way | MACs | core seconds | times less arithmetic | times faster | difference |")
    print("|---|---:|---:|---:|---:|---:|")
    print(f"| window after window | {windows / 1e9:,.1f} G | {slow:.2f} | 1 | 1 | |")
    cells = f"{passes / 1e9:,.1f} G | {fast:.2f} | {windows / passes:.0f} | {slow / fast:.0f} | {differs:.1e}"
    print(f"| one pass for each grid | {cells} |")


if __name__ == "__main__":
    main()
