"""Batch norm and the ReLU behind it in one compiled kernel, for training on a processor.

Beside convolutions, norms take most of a step: torch walks over the maps three times for the norm and once more for
the ReLU, forward, and again backward. The kernel (fused_norm.cpp) takes two walks each way.
"""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from striate.core.errors import StriateError
from striate.kernels.compile import Kernels, pointers, sizes

DTYPES = {torch.bfloat16: "bf16", torch.float32: "fp32"}


@dataclass
class Rectified:
    """A norm's output that the kernel has rectified already. passed: whether the ReLU that it stands for has come."""

    passed: bool = False


class FusedBatchNorm2d(nn.BatchNorm2d):
    """A batch norm that does the work of the ReLU in place behind it, too, where it has one.

    In training, on channels-last maps of a processor; in all other cases it is `nn.BatchNorm2d`.
    """

    kernels: Kernels
    rectifies: bool

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if not self.training or not _suits(self, maps):
            return super().forward(maps)
        assert self.num_batches_tracked is not None  # noqa: S101 - see _suits
        self.num_batches_tracked.add_(1)
        rectified = Rectified() if self.rectifies else None
        out: Tensor = _Norm.apply(maps, self.weight, self.bias, self, rectified)  # type: ignore[no-untyped-call]
        out.rectified = rectified  # type: ignore[attr-defined]
        return out


class PassingReLU(nn.ReLU):
    """A ReLU that lets through what a fused norm has rectified already."""

    def forward(self, maps: Tensor) -> Tensor:
        """Any shape."""
        rectified: Rectified | None = getattr(maps, "rectified", None)
        if rectified is None or not self.inplace:
            return super().forward(maps)
        rectified.passed = True
        return maps


@contextmanager
def fused_norms(
    network: nn.Module, kernels: Kernels, rectifying: Collection[nn.Module] | None = None
) -> Iterator[None]:
    """The context in which batch norms and ReLUs of a network use the kernels; it is left as it was.

    rectifying: the norms whose output is read first of all by a ReLU in place, so that nobody ever sees what the norm
    alone gives; see `striate.analysis.readers.rectified_norms`. None: no norm.
    """
    norms = [module for module in network.modules() if type(module) is nn.BatchNorm2d]
    relus = [module for module in network.modules() if type(module) is nn.ReLU]
    for norm in norms:
        norm.__class__ = FusedBatchNorm2d
        norm.__dict__.update(kernels=kernels, rectifies=norm in (rectifying or ()))
    for relu in relus:
        relu.__class__ = PassingReLU
    try:
        yield
    finally:
        for norm in norms:
            norm.__class__ = nn.BatchNorm2d
            del norm.__dict__["kernels"], norm.__dict__["rectifies"]
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
    def forward(
        ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, norm: FusedBatchNorm2d, rectified: Rectified | None
    ) -> Tensor:
        out, statistics = torch.empty_like(maps), torch.empty(2, maps.shape[1])
        assert norm.running_mean is not None  # noqa: S101 - see _suits
        assert norm.running_var is not None  # noqa: S101 - see _suits
        tensors = (weight, bias, norm.running_mean, norm.running_var, statistics[0], statistics[1])
        ctx.save_for_backward(maps, weight, bias, statistics)
        ctx.norm, ctx.rectified, ctx.relu = norm, rectified, int(rectified is not None)
        getattr(norm.kernels.library, f"forward_{DTYPES[maps.dtype]}")(
            *pointers(maps, out), *_size(maps), *pointers(*tensors), ctypes.c_float(norm.momentum or 0.0),
            ctypes.c_float(norm.eps), ctx.relu, torch.get_num_threads(),
        )  # fmt: skip
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        if ctx.rectified is not None and not ctx.rectified.passed:
            raise StriateError(
                "a ReLU that follows a batch norm when the network is traced was left out in a step, so the norm must "
                "not do its work; train this network with --no-fused-norms"
            )
        maps, weight, bias, statistics = ctx.saved_tensors
        gradient = gradient.to(maps.dtype).contiguous(memory_format=torch.channels_last)
        gradient_maps, gradient_weight, gradient_bias = torch.empty_like(maps), *torch.empty(2, len(weight))
        getattr(ctx.norm.kernels.library, f"backward_{DTYPES[maps.dtype]}")(
            *pointers(gradient, maps, gradient_maps), *_size(maps), *pointers(weight, bias, *statistics),
            *pointers(gradient_weight, gradient_bias), ctx.relu, torch.get_num_threads(),
        )  # fmt: skip
        return gradient_maps, gradient_weight, gradient_bias, None, None


def _size(maps: Tensor) -> list[ctypes.c_long]:
    """Pixels and channels."""
    return sizes(maps.numel() // maps.shape[1], maps.shape[1])
