"""How well proposals cover the objects of a data set, method by method, and what they cost.

    python benchmarks/proposals.py DATA [--every 3] [--methods selective_search opencv_selective_search ...]

Every so many pictures are taken. Nothing is read from the cache. Seconds are of the processor, all threads together, so
that other programs beside it count little; OpenCV has one thread. Needs the extra `classic`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace

import cv2

from striate.data.proposals import METHODS, method_named
from striate.data.proposals.measured import Measured, boxes_in, measure
from striate.data.sources import open_to_evaluate


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("data")
    options.add_argument("--every", type=int, default=1)
    options.add_argument("--methods", nargs="+", default=list(METHODS))
    asked = options.parse_args()
    cv2.setNumThreads(1)
    whole = open_to_evaluate(asked.data, task="detection")
    dataset = replace(whole, splits={"val": range(0, len(whole.pictures), asked.every)})
    print("| method | pictures | objects | boxes | recall of 100 | of 1,000 | of 2,000 | average best overlap | s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in asked.methods:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["STRIATE_CACHE"] = folder
            found = Measured(name, boxes_in(dataset).names)
            measure(dataset, method_named(name), found, clock=time.process_time)
        figures = found.to_dict()
        shares = " | ".join(f"{share:.3f}" for share in figures["recall"].values())
        print(
            f"| {name} | {figures['pictures']} | {figures['objects']} | {figures['boxes_per_picture']:,.0f} | {shares} "
            f"| {figures['average_best_overlap']:.3f} | {figures['seconds_per_picture']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
