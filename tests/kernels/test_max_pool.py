"""The compiled 2x2 max pooling gives the bits of torch's, forward and backward."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from striate.kernels.compile import Kernels
from striate.kernels.max_pool import QuickMaxPool2d, quick_max_pools

TYPES = [torch.float32, torch.bfloat16]


def answers(pool: nn.Module, maps: Tensor) -> tuple[Tensor, Tensor]:
    maps = maps.clone(memory_format=torch.preserve_format).requires_grad_()
    out = pool(maps)
    mixture = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out)
    (out * mixture).sum().backward()
    return out.detach(), maps.grad


def maps_of(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Few values, so that windows have equal ones."""
    drawn = torch.randint(-3, 4, shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    return drawn.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(4, 3, 6, 8), (2, 64, 31, 31), (1, 1, 2, 2), (3, 17, 7, 2), (2, 5, 4, 9)])
def test_the_bits_are_torchs(kernels: Kernels, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    pool, maps = nn.MaxPool2d(2), maps_of(shape, dtype)
    expected = answers(pool, maps)
    with quick_max_pools(pool, kernels):
        assert type(pool) is QuickMaxPool2d
        found = answers(pool, maps)
    assert type(pool) is nn.MaxPool2d
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("dtype", TYPES)
def test_a_nan_is_the_largest(kernels: Kernels, dtype: torch.dtype) -> None:
    maps = maps_of((1, 2, 4, 4), dtype)
    maps[0, 0, 0, 1] = maps[0, 1, 3, 2] = torch.nan
    pool = nn.MaxPool2d(2)
    expected = answers(pool, maps)
    with quick_max_pools(pool, kernels):
        found = answers(pool, maps)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_other_pools_stay_torchs(kernels: Kernels) -> None:
    network = nn.Sequential(
        nn.MaxPool2d(3, 2), nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(2, padding=1), nn.MaxPool2d(2)
    )
    with quick_max_pools(network, kernels):
        assert [type(pool) for pool in network] == [nn.MaxPool2d] * 3 + [QuickMaxPool2d]
        network[3].eval()
        assert torch.equal(network[3](torch.eye(4)[None, None]), nn.MaxPool2d(2)(torch.eye(4)[None, None]))
