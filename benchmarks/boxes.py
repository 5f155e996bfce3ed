"""Milliseconds of what is done with boxes: overlaps of all pairs, and the best of those that lie on one another.

    python benchmarks/boxes.py                  # 2,000 boxes, on as many threads as there are cores
    python benchmarks/boxes.py --boxes 200 --turns 2

Boxes lie either around 60 objects, as those of a detector do, or all over a picture of 1,000 px, where most are kept,
which is the worst case. Every number is the best of all turns: other work on the machine only adds time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor

from striate.ops.boxes import pairwise_giou, pairwise_iou
from striate.ops.suppression import classwise_nms, detections, gaussian, nms, soft_nms
from striate.runtime.machine import processor_name

OBJECTS = 60
CLASSES = 80


def around_objects(count: int, generator: torch.Generator) -> Tensor:
    middle, size = torch.rand(OBJECTS, 2, generator=generator) * 1000, torch.rand(OBJECTS, 2, generator=generator) * 150
    of = torch.randint(OBJECTS, (count,), generator=generator)
    size = (size[of] + 20) * torch.exp(torch.randn(count, 2, generator=generator) * 0.2)
    middle = middle[of] + torch.randn(count, 2, generator=generator) * size * 0.15
    return torch.cat([middle - size / 2, middle + size / 2], 1)


def scattered(count: int, generator: torch.Generator) -> Tensor:
    middle, size = torch.rand(count, 2, generator=generator) * 1000, torch.rand(count, 2, generator=generator) * 56 + 4
    return torch.cat([middle - size / 2, middle + size / 2], 1)


def best_ms(work: Callable[[], object], turns: int) -> float:
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=100)
    options = parser.parse_args()
    print(f"{processor_name()}, {torch.get_num_threads()} threads, {options.boxes:,} boxes, best of {options.turns}")
    print("| boxes | work | kept | ms |\n|---|---|---:|---:|")
    for name, make in (("around objects", around_objects), ("scattered", scattered)):
        generator = torch.Generator().manual_seed(0)
        boxes, scores = make(options.boxes, generator), torch.rand(options.boxes, generator=generator)
        labels = torch.randint(CLASSES, (options.boxes,), generator=generator)
        by_class = torch.nn.functional.one_hot(labels, CLASSES) * scores[:, None]
        works: dict[str, Callable[[], Tensor]] = {
            "NMS": lambda b=boxes, s=scores: nms(b, s, 0.5),
            "NMS, the first 100": lambda b=boxes, s=scores: nms(b, s, 0.5, 100),
            f"classwise NMS, {CLASSES} classes": lambda b=boxes, s=scores, k=labels: classwise_nms(b, s, k, 0.5),
            "soft NMS, gaussian": lambda b=boxes, s=scores: soft_nms(b, s, gaussian())[0],
            f"rows of {CLASSES} classes": lambda b=boxes, s=by_class: detections(b[None], s[None])[0, :, 4].nonzero(),
            "IoU of all pairs": lambda b=boxes: pairwise_iou(b, b),
            "GIoU of all pairs": lambda b=boxes: pairwise_giou(b, b),
        }
        for words, work in works.items():
            print(f"| {name} | {words} | {len(work()):,} | {best_ms(work, options.turns):.2f} |", flush=True)


if __name__ == "__main__":
    main()
