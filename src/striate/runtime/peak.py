"""How much memory a piece of work takes at its peak, measured while it is done."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from striate.runtime.malloc import keep_freed_memory

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc_pid_clear_refs(5): the peak of resident memory begins anew


@dataclass
class Peak:
    """bytes: what the work took at its peak beyond what was taken before; None where the system does not say."""

    bytes: int | None = None


@contextmanager
def peak_memory(device: str) -> Iterator[Peak]:
    """The context of a piece of work whose peak is known at its end: of the GPU it is on, else of the process.

    Freed memory stays in the process meanwhile, as it does in training, and goes back at the end.
    """
    peak, on_gpu = Peak(), torch.device(device).type == "cuda"
    gc.collect()
    with keep_freed_memory():
        if on_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            before: int | None = torch.cuda.memory_allocated()
        else:
            before = resident_bytes() if _peak_begun_anew() else None
        yield peak
        now = torch.cuda.max_memory_allocated() if on_gpu else resident_bytes("VmHWM:")
        if before is not None and now is not None:
            peak.bytes = max(0, now - before)


def resident_bytes(name: str = "VmRSS:") -> int | None:
    """Memory that this process has now, or by another line of Linux's status; None where the system does not say."""
    try:
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)


def _peak_begun_anew() -> bool:
    try:
        RESET.write_text(RESET_PEAK, encoding="ascii")
    except OSError:  # no Linux, or not allowed, as in some containers
        return False
    return True
