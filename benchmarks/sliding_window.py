"""A picture by windows, one after the other, against the same network as one pass: seconds, MACs, difference.

    python benchmarks/sliding_window.py [--height 360 --width 480] [--threads 2] [--lines 15]

Windows are those of every pixel of so many lines of the picture, evenly spread; their seconds are for all lines, in
proportion, since every window costs the same. Between two of these lines each pass runs once, and its median counts, so
that all are measured beside the same other programs. One process, fp32, channels last, which is faster for all of them.
`sliding_window` answers for every pixel without downsampling, `sliding_window_strided` for every fourth, and both are
compared with the windows where they answer.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict

import torch
from torch import Tensor, nn

from striate.analysis.summary import summarize
from striate.models.segmentation.sliding_window import WINDOW_PX, sliding_window, sliding_window_strided, windows_of

WAYS = {"windows, each alone": 1, "windows, 64 together": 64, "windows, a line together": None}
WARM = 5  # windows answered before any is timed


def answers(classifier: nn.Module, line: Tensor, at_once: int | None) -> Tensor:
    """What a classifier says of the windows of a line, (W, C, 46, 46) to (W, classes)."""
    parts = line.split(at_once or len(line))
    return torch.cat([classifier(part.contiguous(memory_format=torch.channels_last)) for part in parts])


@torch.inference_mode()
def main() -> None:
    options = argparse.ArgumentParser()
    for name, value in (("height", 360), ("width", 480), ("threads", 2), ("lines", 15)):
        options.add_argument(f"--{name}", type=int, default=value)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    size = (asked.height, asked.width)
    images = torch.randn(1, 3, *size).contiguous(memory_format=torch.channels_last)
    every = sliding_window(11).eval().to(memory_format=torch.channels_last)
    strided = sliding_window_strided(11).eval().to(memory_format=torch.channels_last)
    strided.load_state_dict(every.state_dict())
    passes = {"one pass, dilated": (every, 1), "one pass, strided": (strided, 4)}
    classifier, windows = every.of_windows(), windows_of(images)[0]
    lines = range(0, asked.height - asked.height % 4, max(4, asked.height // asked.lines // 4 * 4))

    seconds, differs = defaultdict(list[float]), defaultdict(float)
    for network, _ in passes.values():
        network.scores(images)
    for at_once in WAYS.values():
        answers(classifier, windows[0, :WARM], at_once)
    for number in lines:
        for way, at_once in WAYS.items():
            start = time.perf_counter()
            expected = answers(classifier, windows[number], at_once)
            seconds[way].append(time.perf_counter() - start)
        for way, (network, step) in passes.items():
            start = time.perf_counter()
            scores = network.scores(images)
            seconds[way].append(time.perf_counter() - start)
            off = (scores[0, :, number // step].T - expected[::step]).abs().max().item()
            differs[way] = max(differs[way], off)

    took = {way: statistics.mean(seconds[way]) * asked.height for way in WAYS}
    took |= {way: statistics.median(seconds[way]) for way in passes}
    macs = dict.fromkeys(WAYS, summarize(every.of_windows(), size=(3, WINDOW_PX, WINDOW_PX)).macs * size[0] * size[1])
    macs |= {way: summarize(network, size=size).macs for way, (network, _) in passes.items()}
    print(f"{asked.width}x{asked.height}, {asked.threads} threads, windows of {len(lines)} lines")
    print(f"| way | MACs | seconds | {' | '.join(f'times faster than {way}' for way in WAYS)} | largest difference |")
    print(f"|---|{'---:|' * (3 + len(WAYS))}")
    for way, spent in took.items():
        times = " | ".join(f"{took[other] / spent:.1f}" for other in WAYS)
        print(f"| {way} | {macs[way] / 1e9:,.1f} G | {spent:.3f} | {times} | {differs[way]:.1e} |")


if __name__ == "__main__":
    main()
