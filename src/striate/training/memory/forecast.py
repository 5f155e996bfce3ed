"""Whether a batch fits into memory, before it is tried."""

from __future__ import annotations

from pathlib import Path

import torch

from striate.analysis.summary import Summary
from striate.runtime.runtime import Runtime
from striate.training.recipe import Recipe

# Tensors as large as the weights: weights, gradients and what the optimiser keeps of the steps before, once or twice.
# Averaged weights come on top.
COPIES_OF_WEIGHTS = {"sgd": 3, "adagrad": 3, "adadelta": 4, "rmsprop": 3, "adam": 4, "adamw": 4, "muon": 3}
COPIES_OF_OWN = 4  # of an optimiser of a person's own, which nobody knows: as many as the usual ones have at most
# What the backward pass holds besides what the forward pass kept: gradients under way, the library's own work space and
# reordered copies. Measured: 0.3 to 0.9 (tests/training/test_memory.py).
WORKING_SHARE = 0.5
# Of what is free, the rest is for the pictures prepared ahead, for evaluation and for the other programs.
USED_SHARE = 0.8

# Where Linux keeps the limit of a process group: of version 2, of version 1.
GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", ""),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
)


def training_bytes(summary: Summary, batch: int, runtime: Runtime, recipe: Recipe) -> int | None:
    """Bytes that training steps of `batch` pictures are going to need, activations, weights and optimiser together.

    None where nobody can say what the network keeps for the backward pass; `unknown` says why.
    """
    weights = (
        COPIES_OF_WEIGHTS.get(recipe.optimizer, COPIES_OF_OWN) + (recipe.ema_decay > 0)
    ) * summary.parameter_bytes
    if summary.kept is None:
        return None
    activations = summary.kept.at(batch) * (1 + WORKING_SHARE)
    # Autocast keeps activations in 16 bits and adds a 16-bit copy of the weights and of their gradients.
    halved = runtime.precision != "fp32"
    return round(weights + (activations / 2 + summary.parameter_bytes if halved else activations))


def fitting_micro_batch(summary: Summary, runtime: Runtime, recipe: Recipe, free_bytes: int | None) -> int | None:
    """None when the whole batch fits, else the largest half, quarter, ... of it that does; 1 when nothing does.

    free_bytes: see `available_bytes`; None, unknown, fits everything, and so does a batch without a forecast.
    """
    if free_bytes is None:
        return None

    def fits(pictures: int) -> bool:
        needed = training_bytes(summary, pictures, runtime, recipe)
        return needed is None or needed <= USED_SHARE * free_bytes

    pictures = recipe.batch_size
    if fits(pictures):
        return None
    while pictures > 1 and not fits(pictures):
        pictures = (pictures + 1) // 2
    return pictures


def unknown(summary: Summary) -> str:
    """The line that says that there is no forecast, and why; empty where there is one."""
    if summary.kept is not None:
        return ""
    return (
        f"no forecast of memory, as it cannot be told what training keeps: {summary.kept_unknown}. The whole batch is "
        "tried, and parts of it where memory runs out"
    )


def available_bytes(device: str) -> int | None:
    """Free memory of the device; on the processor the least of what Linux calls available and of what is left of the
    limits of the process group and of the process (ulimit -v). None where the system does not say.
    """
    if device != "cpu":
        return int(torch.cuda.mem_get_info()[0])
    found = [_number("/proc/meminfo", "MemAvailable:", 1024), _left_of_addresses()]
    found += [_left_of_group(*names) for names in GROUPS]
    return min((count for count in found if count is not None), default=None)


def _number(path: str, name: str, unit: int = 1) -> int | None:
    """The number after a name that begins a line of a file."""
    try:
        lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.removeprefix(name).split()[0]) * unit for line in lines if line.startswith(name))
    except (OSError, ValueError, IndexError, StopIteration):  # no such file or line, or "unlimited"
        return None


def _left_of_addresses() -> int | None:
    limit, taken = _number("/proc/self/limits", "Max address space"), _number("/proc/self/status", "VmSize:", 1024)
    return None if limit is None or taken is None else limit - taken


def _left_of_group(folder: str, limit: str, taken: str, prefix: str) -> int | None:
    """What is left of a group's limit; pages of files that it has read are given up when memory is needed."""
    numbers = [_number(f"{folder}/{name}", "") for name in (limit, taken)]
    numbers += [_number(f"{folder}/memory.stat", f"{prefix}{kind}_file ") for kind in ("inactive", "active")]
    known = [number for number in numbers if number is not None]
    return known[0] - known[1] + known[2] + known[3] if len(known) == len(numbers) else None
