"""How long a summary takes, beside torchinfo's of the same network in the same process.

    python benchmarks/summary.py [MODEL ...]

Each network is measured twice: with its weights in memory, where torchinfo really runs it, and built on the meta
device, where it does not. Striate's summary also has receptive fields, bytes kept by training and peak memory;
torchinfo's has not. Runs alternate; medians of processor time, so that another program on the machine hurts neither.

Last result: benchmarks/summary.md.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

import torch
import torchinfo

from striate.analysis import summarize
from striate.meta.weightless import blueprint
from striate.models import create_model

REPEATS = 15


def alternating(*works: Callable[[], object]) -> list[float]:
    """Median milliseconds of processor time of each, after one run to warm up."""
    times: list[list[float]] = [[] for _ in works]
    for repeat in range(REPEATS + 1):
        for work, found in zip(works, times, strict=True):
            start = time.process_time()
            work()
            if repeat:
                found.append((time.process_time() - start) * 1e3)
    return [median(found) for found in times]


def first_summary_ms(name: str) -> float:
    """Milliseconds of the first build and summary of this process, torch loaded: what the command line pays."""
    start = time.perf_counter()
    str(summarize(blueprint(lambda: create_model(name))))
    return (time.perf_counter() - start) * 1e3


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, torchinfo {torchinfo.__version__}, 1 thread, medians of {REPEATS}\n")
    print(
        f"first {names[0]} of the process, built and summarised without weights: {first_summary_ms(names[0]):.0f} ms\n"
    )
    print("| network | weights | striate ms | torchinfo ms | times faster |")
    print("|---|---|---:|---:|---:|")
    for name in names:
        for device, model in (("meta", blueprint(lambda n=name: create_model(n))), ("cpu", create_model(name))):
            shape = (1, model.in_channels, *model.preprocess.size)
            ours, theirs = alternating(
                lambda m=model: summarize(m),
                lambda m=model, s=shape, d=device: torchinfo.summary(m, s, device=d, verbose=0),
            )
            print(f"| {name} | {device} | {ours:.1f} | {theirs:.1f} | {theirs / ours:.1f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["resnet152", "resnet50", "vgg16", "densenet121"])
