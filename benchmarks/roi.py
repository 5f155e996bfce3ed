"""RoIAlign and RoI pooling, forward and backward, beside torchvision's operators where they load, and beside a floor.

    python benchmarks/roi.py

The floor is what must move whatever the arithmetic: to copy the maps and the features forward, and again backward.
Alternating, medians, one process. The last result is in benchmarks/roi.md.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from striate.ops.roi import roi_align, roi_pool

# pooling, maps (N, C, H, W), regions, cells: the heads of Faster R-CNN and of Mask R-CNN at stride 4, Fast R-CNN's
CASES = [
    ("align", (2, 256, 200, 272), 1024, 7),
    ("align", (2, 256, 200, 272), 256, 14),
    ("align", (4, 96, 80, 80), 512, 7),
    ("pool", (2, 512, 37, 62), 128, 7),
]
ROUNDS = 5


def theirs(kind: str, cells: int, scale: float) -> Callable[[Tensor, Tensor], Tensor] | None:
    """torchvision's compiled operator; None where it does not load beside this torch."""
    try:
        from torchvision.extension import _has_ops

        if not _has_ops():
            return None
    except (ImportError, RuntimeError):
        return None
    operators = torch.ops.torchvision
    if kind == "align":
        return lambda maps, rois: operators.roi_align(maps, rois, scale, cells, cells, 2, False)
    return lambda maps, rois: operators.roi_pool(maps, rois, scale, cells, cells)[0]


def regions(count: int, pictures: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Boxes of a seventh of the picture in the mean, and the picture of each."""
    generator = torch.Generator().manual_seed(0)
    sides = torch.rand(count, 2, generator=generator) * torch.tensor([width, height]) * 0.7 + 4
    corner = torch.rand(count, 2, generator=generator) * (torch.tensor([width, height]) - sides).clamp_min(0)
    boxes = torch.cat([corner, (corner + sides).minimum(torch.tensor([width, height]))], 1)
    return boxes, torch.arange(count) % pictures


def ways(kind: str, shape: tuple[int, ...], count: int, cells: int) -> dict[str, Callable[[], object]]:
    """What is timed, by name; each makes its own gradient of the maps."""
    maps = torch.randn(shape).contiguous(memory_format=torch.channels_last).requires_grad_()
    boxes, picture = regions(count, shape[0], *shape[2:])
    gradient = torch.randn(count, shape[1], cells, cells).contiguous(memory_format=torch.channels_last)
    pooling = roi_align if kind == "align" else roi_pool
    found: dict[str, Callable[[], object]] = {
        "ours": lambda: torch.autograd.grad(pooling(maps, boxes, picture, (cells, cells), 1.0), maps, gradient),
        "floor": lambda: [each.clone() for each in (maps.detach(), gradient) for _ in range(2)],
    }
    operator = theirs(kind, cells, 1.0)
    if operator is not None:
        plain, rois = maps.detach().contiguous().requires_grad_(), torch.cat([picture[:, None].float(), boxes], 1)
        found["theirs"] = lambda: torch.autograd.grad(operator(plain, rois), plain, gradient.contiguous())
    return found


def main() -> None:
    print(f"{torch.get_num_threads()} threads; milliseconds forward and backward")
    print("| operator | maps | regions | cells | ours | torchvision | floor | ours / floor |")
    print("|---|---|---:|---|---:|---:|---:|---:|")
    for kind, shape, count, cells in CASES:
        timed = ways(kind, shape, count, cells)
        taken: dict[str, list[float]] = {name: [] for name in timed}
        for _ in range(ROUNDS):
            for name, way in timed.items():
                start = time.perf_counter()
                way()
                taken[name].append(1000 * (time.perf_counter() - start))
        ms = {name: statistics.median(times[1:]) for name, times in taken.items()}
        there = f"{ms['theirs']:.1f}" if "theirs" in ms else "does not load"
        row = (f"{ms['ours']:.1f}", there, f"{ms['floor']:.1f}", f"{ms['ours'] / ms['floor']:.1f}")
        print(f"| {kind} | {'x'.join(map(str, shape))} | {count} | {cells}x{cells} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
