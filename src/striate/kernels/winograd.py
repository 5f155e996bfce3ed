"""3x3 convolutions with 2.25 times fewer multiplications, for training in bf16 on a processor.

Winograd's minimal filtering F(2x2, 3x3): Lavin and Gray, "Fast algorithms for convolutional neural networks",
arXiv:1509.09308, section 4.1. Maps and filters are transformed by additions, multiplied as 16 products of matrices, and
transformed back. Forward and backward to maps, winograd.cpp does this some tiles at a time in each core's own cache;
backward to filters, the products are torch's, of some pictures at a time. Sums are float; maps and filters are rounded
to bf16 after their transforms, too, which makes the error of a result about twice that of its rounding to bf16.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from striate.kernels.compile import Kernels, pointers, sizes

PLANES = 16
LANES = 16  # channels that the kernels take at once
# Below, the planes are as much to carry as the products are to compute (benchmarks/training.md).
FEWEST_CHANNELS = 64
AT_ONCE_BYTES = 8 << 20  # of planes


class WinogradConv2d(nn.Conv2d):
    """A 3x3 convolution that trains by minimal filtering, where maps are bf16 or become it, with the channels last."""

    kernels: Kernels

    def forward(self, input: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, out_channels, H, W)."""
        if not self.training or not _suits(self, input):
            return super().forward(input)
        maps = input.bfloat16()
        return _Convolution.apply(maps, self.weight, self.bias, self.kernels)  # type: ignore[no-any-return,no-untyped-call]


def have_winograd(kernels: Kernels) -> bool:
    """Whether the processor multiplies bf16 natively, which the transforms are written for."""
    return hasattr(kernels.library, "winograd_maps")


@contextmanager
def winograd_convolutions(network: nn.Module, kernels: Kernels) -> Iterator[None]:
    """The context in which convolutions that gain from it train by minimal filtering; the network is left as it was."""
    convolutions = [module for module in network.modules() if gains(module)]
    for convolution in convolutions:
        convolution.__class__ = WinogradConv2d
        convolution.__dict__["kernels"] = kernels
    try:
        yield
    finally:
        for convolution in convolutions:
            convolution.__class__ = nn.Conv2d
            del convolution.__dict__["kernels"]


def gains(module: nn.Module) -> bool:
    """Whether a layer is a 3x3 convolution of stride 1 with channels enough.

    >>> gains(nn.Conv2d(64, 128, 3, padding=1)), gains(nn.Conv2d(64, 128, 3, padding=1, stride=2))
    (True, False)
    """
    return (
        type(module) is nn.Conv2d
        and module.kernel_size == (3, 3)
        and module.stride == module.padding == module.dilation == (1, 1)
        and module.groups == 1
        and module.padding_mode == "zeros"
        and min(module.in_channels, module.out_channels) >= FEWEST_CHANNELS
        and module.in_channels % LANES == module.out_channels % LANES == 0
    )


def _suits(convolution: nn.Conv2d, maps: Tensor) -> bool:
    return (
        maps.device.type == "cpu"
        and (maps.dtype == torch.bfloat16 or _becomes_bf16(maps))
        and maps.is_contiguous(memory_format=torch.channels_last)
        and convolution.weight.dtype == torch.float32
    )


def _becomes_bf16(maps: Tensor) -> bool:
    bf16 = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    return bf16 and maps.dtype == torch.float32


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, kernels: Kernels) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.kernels = kernels
        return _convolved(kernels.library, maps, weight, bias, turned=False)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        maps, weight = ctx.saved_tensors
        library = ctx.kernels.library
        gradient = gradient.bfloat16().contiguous(memory_format=torch.channels_last)
        to_maps, to_weight, to_bias, _ = ctx.needs_input_grad
        return (
            _convolved(library, gradient, weight, None, turned=True) if to_maps else None,
            _filters_gradient(library, gradient, maps) if to_weight else None,
            gradient.sum((0, 2, 3), dtype=torch.float32) if to_bias else None,
            None,
        )


def _convolved(library: ctypes.CDLL, maps: Tensor, weight: Tensor, bias: Tensor | None, *, turned: bool) -> Tensor:
    """(N, C, H, W) and (K, C, 3, 3) to (N, K, H, W). turned: (N, K, H, W) back to (N, C, H, W)."""
    weight = weight.contiguous(memory_format=torch.channels_last)
    filters, channels = weight.shape[:2]
    packed, threads = torch.empty(PLANES * filters * channels, dtype=torch.bfloat16), torch.get_num_threads()
    library.winograd_pack(*pointers(weight, packed), *sizes(filters, channels), int(turned), threads)
    made = channels if turned else filters
    out = torch.empty(len(maps), made, *maps.shape[2:], dtype=maps.dtype, memory_format=torch.channels_last)
    offset = ctypes.c_void_p(None if bias is None else bias.data_ptr())
    library.winograd_convolve(*pointers(maps, packed), offset, *pointers(out), *_sizes(maps), *sizes(made), threads)
    return out


def _filters_gradient(library: ctypes.CDLL, gradient: Tensor, maps: Tensor) -> Tensor:
    """The gradient (N, K, H, W) of the result and the maps (N, C, H, W) to that of the filters, (K, C, 3, 3)."""
    count, channels, threads = gradient.shape[1], maps.shape[1], torch.get_num_threads()
    few = _pictures_at_once(maps, max(count, channels))
    parts = []
    for up, some in zip(torch.split(gradient, few), torch.split(maps, few), strict=True):
        ups, planes = _planes(up), _planes(some)
        library.winograd_gradient(*pointers(up, ups), *_sizes(up), threads)
        library.winograd_maps(*pointers(some, planes), *_sizes(some), threads)
        products = torch.bmm(ups.transpose(1, 2), planes)
        parts.append(torch.empty(count, channels, 3, 3).contiguous(memory_format=torch.channels_last))
        library.winograd_filters_back(*pointers(products, parts[-1]), *sizes(count, channels), threads)
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


def _tiles(maps: Tensor) -> int:
    """Of 2x2 pixels, of all pictures."""
    return len(maps) * -(-maps.shape[2] // 2) * -(-maps.shape[3] // 2)


def _planes(maps: Tensor) -> Tensor:
    return torch.empty(PLANES, _tiles(maps), maps.shape[1], dtype=torch.bfloat16)


def _pictures_at_once(maps: Tensor, channels: int) -> int:
    """As many as leave the planes of `channels` channels in the cache; nearly equal parts."""
    one = PLANES * _tiles(maps[:1]) * channels * 2  # bytes
    parts = -(-len(maps) // max(1, AT_ONCE_BYTES // one))
    return -(-len(maps) // parts)


def _sizes(maps: Tensor) -> list[ctypes.c_long]:
    pictures, channels, height, width = maps.shape
    return sizes(pictures, height, width, channels)
