"""A picture by windows, one after the other, against the same network as one pass: seconds, MACs, difference.

    python benchmarks/sliding_window.py [--height 360 --width 480] [--threads 2]

The windows once, each alone and a line of the picture together, the passes as the median of five, one process, fp32.
Times are against windows each alone, and against lines in parentheses. `sliding_window` answers for every pixel without
downsampling, `sliding_window_strided` for every fourth, and both are compared with the windows where they answer.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from striate.analysis.summary import summarize
from striate.models.segmentation.sliding_window import WINDOW_PX, sliding_window, sliding_window_strided

PASSES = 5


def timed(call: Callable[[], Tensor], times: int) -> tuple[Tensor, float]:
    """What a call gives, and the median of its seconds."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - start)
    return result, statistics.median(seconds)


@torch.no_grad()
def main() -> None:
    options = argparse.ArgumentParser()
    for name, value in (("height", 360), ("width", 480), ("threads", 2)):
        options.add_argument(f"--{name}", type=int, default=value)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    every, strided = sliding_window(11).eval(), sliding_window_strided(11).eval()
    strided.load_state_dict(every.state_dict())
    images = torch.randn(1, 3, asked.height, asked.width)
    size = (asked.height, asked.width)
    _, slow = timed(lambda: every.by_windows(images, at_once=1), 1)
    windows, lines = timed(lambda: every.by_windows(images), 1)
    macs = summarize(every.of_windows(), size=(3, WINDOW_PX, WINDOW_PX)).macs * asked.height * asked.width
    print(f"{asked.width}x{asked.height}, {asked.threads} threads")
    print("| way | answers | MACs | seconds | times faster | largest difference |")
    print("|---|---|---|---|---|---|")
    print(f"| windows, each alone | every pixel | {macs / 1e9:,.0f} G | {slow:.1f} | 1 | |")
    print(f"| windows, a line together | every pixel | {macs / 1e9:,.0f} G | {lines:.1f} | {slow / lines:.1f} (1) | |")
    for name, network, step in (("one pass, dilated", every, 1), ("one pass, strided", strided, 4)):
        network(images)
        answers, fast = timed(lambda network=network: network.scores(images), PASSES)
        differs = (answers - windows[:, :, ::step, ::step]).abs().max().item()
        cost = summarize(network, size=size).macs / 1e9
        where = "every pixel" if step == 1 else "every fourth, both ways"
        times = f"{slow / fast:.0f} ({lines / fast:.0f})"
        print(f"| {name} | {where} | {cost:,.1f} G | {fast:.3f} | {times} | {differs:.1e} |")


if __name__ == "__main__":
    main()
