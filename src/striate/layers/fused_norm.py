"""Batch norm and the ReLU behind it in one compiled kernel, for training on a processor.

Beside convolutions, norms take most of a step: torch walks over the maps three times for the norm and once more for
the ReLU, forward, and again backward. The kernel (fused_norm.cpp) takes two walks each way. It is compiled once per
machine, in two seconds, with the C++ compiler that is there; where there is none, everything stays as it is.
"""

from __future__ import annotations

import ctypes
import hashlib
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from striate.core.errors import StorageError
from striate.core.files import write_bytes

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp", "-fPIC", "-std=c++17")
COMPILE_SECONDS = 60
OPENMP = ("torch/lib/libgomp*.so*", "torch.libs/libgomp*.so*")
COMPILERS = ("g++", "clang++")
DTYPES = {torch.bfloat16: "bf16", torch.float32: "fp32"}


@dataclass(frozen=True)
class Kernels:
    """The loaded machine code; copies of a network share it."""

    library: ctypes.CDLL

    def __deepcopy__(self, memo: dict[int, Any]) -> Kernels:
        return self


def load_kernels(folder: Path) -> Kernels | None:
    """The compiled kernels, from `folder` or newly compiled into it; None where that cannot be done.

    Only on Linux, and only against the OpenMP library that torch itself runs on: two would fight over the cores.
    """
    site = Path(torch.__file__).parent.parent
    openmp = next((path for places in OPENMP for path in site.glob(places)), None)
    if platform.system() != "Linux" or openmp is None:
        return None
    target = folder / f"fused_norm-{_fingerprint()}.so"
    if target.exists():
        with suppress(OSError):  # a damaged file is as good as none
            return Kernels(ctypes.CDLL(str(target)))
    try:
        _compile(target, openmp)
        return Kernels(ctypes.CDLL(str(target)))
    except (OSError, StorageError, subprocess.SubprocessError):
        return None


def _fingerprint() -> str:
    """Of the source, torch and the processor's abilities, which all decide the machine code."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="ascii", errors="replace").splitlines() if info.exists() else []
    abilities = [line for line in lines if line.startswith(("flags", "Features", "model name"))][:2]
    parts = [SOURCE.read_text(encoding="utf-8"), *FLAGS, torch.__version__, platform.machine(), *abilities]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()


def _compile(target: Path, openmp: Path) -> None:
    compiler = next((name for name in COMPILERS if shutil.which(name)), None)
    if compiler is None:
        raise OSError("no C++ compiler")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        output = Path(folder) / "kernels.so"
        # In two calls: -fopenmp at linking would take the system's library in place of torch's.
        calls: list[list[str | Path]] = [["-c", *FLAGS, "-o", f"{output}.o", SOURCE]]
        calls += [["-shared", "-o", output, f"{output}.o", openmp]]
        for words in calls:
            subprocess.run([compiler, *words], check=True, capture_output=True, timeout=COMPILE_SECONDS)
        write_bytes(target, output.read_bytes())  # on the disk for good: to load half a library ends the process


class FusedBatchNorm2d(nn.BatchNorm2d):
    """A batch norm that rectifies too, once it has seen that a ReLU in place follows it.

    In training, on channels-last maps of a processor; in all other cases it is `nn.BatchNorm2d`.
    """

    kernels: Kernels
    relu_follows: bool

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if not self.training or not _suits(self, maps):
            return super().forward(maps)
        assert self.num_batches_tracked is not None  # noqa: S101 - see _suits
        self.num_batches_tracked.add_(1)
        out: Tensor = _Norm.apply(maps, self.weight, self.bias, self)  # type: ignore[no-untyped-call]
        out.made_by, out.rectified = self, self.relu_follows  # type: ignore[attr-defined]
        return out


class PassingReLU(nn.ReLU):
    """A ReLU that lets through what a fused norm has rectified already."""

    def forward(self, maps: Tensor) -> Tensor:
        """Any shape."""
        norm: FusedBatchNorm2d | None = getattr(maps, "made_by", None)
        if norm is None or not self.inplace:
            return super().forward(maps)
        norm.relu_follows = True  # from its next call on; in place, so nobody else sees the norm's own output
        return maps if maps.rectified else super().forward(maps)  # type: ignore[attr-defined]


@contextmanager
def fused_norms(network: nn.Module, kernels: Kernels) -> Iterator[None]:
    """The context in which batch norms and ReLUs of a network use the kernels; it is left as it was."""
    norms = [module for module in network.modules() if type(module) is nn.BatchNorm2d]
    relus = [module for module in network.modules() if type(module) is nn.ReLU]
    for norm in norms:
        norm.__class__ = FusedBatchNorm2d
        norm.__dict__.update(kernels=kernels, relu_follows=False)
    for relu in relus:
        relu.__class__ = PassingReLU
    try:
        yield
    finally:
        for norm in norms:
            norm.__class__ = nn.BatchNorm2d
            del norm.__dict__["kernels"], norm.__dict__["relu_follows"]
        for relu in relus:
            relu.__class__ = nn.ReLU


def _suits(norm: nn.BatchNorm2d, maps: Tensor) -> bool:
    return (
        maps.dtype in DTYPES
        and maps.device.type == "cpu"
        and maps.is_contiguous(memory_format=torch.channels_last)
        and norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
        and norm.weight.dtype == torch.float32
        and maps.numel() > maps.shape[1]
    )


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, norm: FusedBatchNorm2d) -> Tensor:
        out, statistics = torch.empty_like(maps), torch.empty(2, maps.shape[1])
        assert norm.running_mean is not None  # noqa: S101 - see _suits
        assert norm.running_var is not None  # noqa: S101 - see _suits
        tensors = (weight, bias, norm.running_mean, norm.running_var, statistics[0], statistics[1])
        ctx.save_for_backward(maps, weight, bias, statistics)
        ctx.norm, ctx.relu = norm, int(norm.relu_follows)
        getattr(norm.kernels.library, f"forward_{DTYPES[maps.dtype]}")(
            *_pointers(maps, out), *_size(maps), *_pointers(*tensors), ctypes.c_float(norm.momentum or 0.0),
            ctypes.c_float(norm.eps), ctx.relu, torch.get_num_threads(),
        )  # fmt: skip
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        maps, weight, bias, statistics = ctx.saved_tensors
        gradient = gradient.to(maps.dtype).contiguous(memory_format=torch.channels_last)
        gradient_maps, gradient_weight, gradient_bias = torch.empty_like(maps), *torch.empty(2, len(weight))
        getattr(ctx.norm.kernels.library, f"backward_{DTYPES[maps.dtype]}")(
            *_pointers(gradient, maps, gradient_maps), *_size(maps), *_pointers(weight, bias, *statistics),
            *_pointers(gradient_weight, gradient_bias), ctx.relu, torch.get_num_threads(),
        )  # fmt: skip
        return gradient_maps, gradient_weight, gradient_bias, None


def _size(maps: Tensor) -> tuple[ctypes.c_long, ctypes.c_long]:
    """Pixels and channels."""
    channels = maps.shape[1]
    return ctypes.c_long(maps.numel() // channels), ctypes.c_long(channels)


def _pointers(*tensors: Tensor) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
