"""Batch norm and the ReLU behind it in one compiled kernel, for training on a processor.

Beside convolutions, norms take most of a step: torch walks over the maps three times for the norm and once more for
the ReLU, forward, and again backward. The kernel (fused_norm.cpp) takes two walks each way.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from striate.layers.kernels import Kernels, pointers, sizes

DTYPES = {torch.bfloat16: "bf16", torch.float32: "fp32"}


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
            *pointers(maps, out), *_size(maps), *pointers(*tensors), ctypes.c_float(norm.momentum or 0.0),
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
            *pointers(gradient, maps, gradient_maps), *_size(maps), *pointers(weight, bias, *statistics),
            *pointers(gradient_weight, gradient_bias), ctx.relu, torch.get_num_threads(),
        )  # fmt: skip
        return gradient_maps, gradient_weight, gradient_bias, None


def _size(maps: Tensor) -> list[ctypes.c_long]:
    """Pixels and channels."""
    return sizes(maps.numel() // maps.shape[1], maps.shape[1])
