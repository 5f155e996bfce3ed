"""What decides a run besides the recipe: versions, processor, threads; and what is fast here."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import statistics
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from striate.core.version import __version__
from striate.data.cache import cache_root
from striate.runtime.runtime import HALVES, Runtime, default_device, fast_half

PACKAGES = ("torch", "numpy", "Pillow", "safetensors", "scikit-learn")


def processor_name() -> str:
    """The processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def describe_machine(runtime: Runtime) -> dict[str, Any]:
    """Versions, processor and device; and every setting of a runtime."""
    return {
        **_versions(),
        "system": platform.platform(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        **asdict(runtime),
        "device": torch.cuda.get_device_name() if runtime.on_gpu else runtime.device,
    }


def examine() -> dict[str, dict[str, Any]]:
    """What `striate doctor` shows: versions, machine, what is fast, extras. Takes about two seconds to measure."""
    device = default_device()
    rates = {"fp32": conv_gflops(torch.float32, device)}
    half = fast_half(device)
    if half is not None:
        rates[half] = conv_gflops(HALVES[half], device)
    return {
        "versions": _versions(),
        "machine": {
            "system": platform.platform(),
            "processor": processor_name(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if device == "cuda" else device,
            "cache": str(cache_root()),
        },
        "fast here": {
            "3x3 convolution": ", ".join(f"{name} {rate:,.0f} GFLOP/s" for name, rate in rates.items()),
            "large networks train in": f"{half or 'fp32'}, channels last",
        },
        "extras": {extra: _extra_state(extra) for extra in _extras()},
    }


def conv_gflops(dtype: torch.dtype, device: str, repeats: int = 5) -> float:
    """Median rate of a 3x3 convolution, 128 to 128 channels on 16 maps of 56x56: the ceiling for most networks."""
    images = torch.randn(16, 128, 56, 56, device=device, dtype=dtype).to(memory_format=torch.channels_last)
    weight = torch.randn(128, 128, 3, 3, device=device, dtype=dtype).to(memory_format=torch.channels_last)
    flops = 2 * 16 * 56 * 56 * 128 * 128 * 9
    seconds = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            F.conv2d(images, weight, padding=1)
            if device == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - start)
    return flops / statistics.median(seconds[1:]) / 1e9


def waited_seconds() -> float:
    """How long this thread has been ready to run while other programs had the cores; 0 where the system is silent."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _versions() -> dict[str, str]:
    return {
        "striate": __version__,
        "python": platform.python_version(),
        **{name.lower(): importlib.metadata.version(name) for name in PACKAGES},
    }


def _extras() -> list[str]:
    return importlib.metadata.metadata("striate").get_all("Provides-Extra") or []


def _extra_state(extra: str) -> str:
    """ "there", or what is missing and the command that installs it."""
    missing = []
    for requirement in importlib.metadata.requires("striate") or []:
        name, _, condition = requirement.partition(";")
        if not re.search(rf"""extra\s*==\s*["']{re.escape(extra)}["']""", condition):
            continue
        package = re.split(r"[<>=!~\[ ]", name.strip(), maxsplit=1)[0]
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if not missing:
        return "there"
    return f"missing {', '.join(missing)}: pip install 'striate[{extra}]'"
