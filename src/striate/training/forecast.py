"""Whether a batch fits into memory, before it is tried."""

from __future__ import annotations

from pathlib import Path

import torch

from striate.analysis.summary import Summary
from striate.tasks.placement import Placement
from striate.training.recipe import Recipe

# Tensors as large as the weights: weights, gradients and the optimiser's running means, one of SGD
# and Muon, two of AdamW.
COPIES_OF_WEIGHTS = {"sgd": 3, "muon": 3, "adamw": 4}
# What the backward pass holds besides what the forward pass kept: gradients under way, the library's own work space.
WORKING_SHARE = 0.25
# Of what is free, the rest is for the pictures prepared ahead, for evaluation and for the other programs.
USED_SHARE = 0.8


def training_bytes(summary: Summary, batch: int, placement: Placement, recipe: Recipe) -> int:
    """Bytes that training steps of `batch` pictures are going to need, activations, weights and optimiser together."""
    weights = COPIES_OF_WEIGHTS[recipe.optimizer] * summary.parameter_bytes
    if summary.kept is None:
        return weights
    activations = summary.kept.at(batch) * (1 + WORKING_SHARE)
    # Autocast keeps activations in 16 bits and adds a 16-bit copy of the weights and of their gradients.
    halved = placement.precision != "fp32"
    return round(weights + (activations / 2 + summary.parameter_bytes if halved else activations))


def fitting_micro_batch(summary: Summary, placement: Placement, recipe: Recipe, free_bytes: int | None) -> int | None:
    """None when the whole batch fits, else the largest half, quarter, ... of it that does; 1 when nothing does.

    free_bytes: see `available_bytes`; None, unknown, fits everything.
    """
    if free_bytes is None or training_bytes(summary, recipe.batch_size, placement, recipe) <= USED_SHARE * free_bytes:
        return None
    pictures = recipe.batch_size
    while pictures > 1 and training_bytes(summary, pictures, placement, recipe) > USED_SHARE * free_bytes:
        pictures = (pictures + 1) // 2
    return pictures


def available_bytes(device: str) -> int | None:
    """Free memory of the device; on the processor what Linux calls available, or what is left of the process group's
    limit where that is less. None where the system does not say.
    """
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    found = [_kilobytes("/proc/meminfo", "MemAvailable:"), _left_of_limit("/sys/fs/cgroup")]
    return min((count for count in found if count is not None), default=None)


def _kilobytes(path: str, name: str) -> int | None:
    try:
        lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _left_of_limit(folder: str) -> int | None:
    try:
        limit = (Path(folder) / "memory.max").read_text(encoding="ascii")
        return int(limit) - int((Path(folder) / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such file, or "max"
        return None
