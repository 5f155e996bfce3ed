"""2x2 max pooling in one compiled kernel, for training on a processor: the same bits as torch's, in fewer bytes.

Torch keeps 8 bytes for every place of the result to say where it came from, clears the gradient of the maps and
scatters into it. The kernel (max_pool.cpp) keeps one byte and writes the gradient once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from striate.kernels.compile import Kernels, pointers, sizes
from striate.kernels.fused_norm import DTYPES


class QuickMaxPool2d(nn.MaxPool2d):
    """2x2 max pooling that trains by the kernel, on channels-last maps of a processor; else it is `nn.MaxPool2d`."""

    kernels: Kernels

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H / 2, W / 2)."""
        out: Tensor
        if self.training and _suits(maps):
            out = _Pool.apply(maps, self.kernels)  # type: ignore[no-untyped-call]
        else:
            out = super().forward(maps)
        return out


@contextmanager
def quick_max_pools(network: nn.Module, kernels: Kernels) -> Iterator[None]:
    """The context in which 2x2 max pools of a network use the kernel; it is left as it was."""
    pools = [module for module in network.modules() if is_halving(module)]
    for pool in pools:
        pool.__class__ = QuickMaxPool2d
        pool.__dict__["kernels"] = kernels
    try:
        yield
    finally:
        for pool in pools:
            pool.__class__ = nn.MaxPool2d
            del pool.__dict__["kernels"]


def is_halving(module: nn.Module) -> bool:
    """Whether a layer is max pooling of 2x2 windows that lie side by side, an odd last row or column left out.

    >>> is_halving(nn.MaxPool2d(2)), is_halving(nn.MaxPool2d(3, 2)), is_halving(nn.MaxPool2d(2, ceil_mode=True))
    (True, False, False)
    """
    if type(module) is not nn.MaxPool2d or module.return_indices or module.ceil_mode:
        return False
    sides = (module.kernel_size, module.stride)
    return (
        all(side in (2, (2, 2)) for side in sides) and module.padding in (0, (0, 0)) and module.dilation in (1, (1, 1))
    )


def _suits(maps: Tensor) -> bool:
    return (
        maps.dim() == 4
        and maps.dtype in DTYPES
        and maps.device.type == "cpu"
        and maps.is_contiguous(memory_format=torch.channels_last)
        and min(maps.shape[2:]) >= 2
    )


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, kernels: Kernels) -> Tensor:
        count, channels, height, width = maps.shape
        shape = (count, channels, height // 2, width // 2)
        out = torch.empty(shape, dtype=maps.dtype, memory_format=torch.channels_last)
        which = torch.empty(shape, dtype=torch.uint8, memory_format=torch.channels_last)
        ctx.save_for_backward(which)
        ctx.kernels, ctx.shape = kernels, maps.shape
        getattr(kernels.library, f"pool_forward_{DTYPES[maps.dtype]}")(
            *pointers(maps, out, which), *sizes(count, height, width, channels), torch.get_num_threads()
        )
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (which,) = ctx.saved_tensors
        count, channels, height, width = ctx.shape
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        gradient_maps = torch.empty(ctx.shape, dtype=gradient.dtype, memory_format=torch.channels_last)
        getattr(ctx.kernels.library, f"pool_backward_{DTYPES[gradient.dtype]}")(
            *pointers(gradient, which, gradient_maps), *sizes(count, height, width, channels), torch.get_num_threads()
        )
        return gradient_maps, None
