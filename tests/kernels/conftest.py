"""The compiled kernels, once for all tests of layers."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from striate.kernels.compile import COMPILERS, Kernels, load_kernels
from striate.models import create_model


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    if not any(map(shutil.which, COMPILERS)):
        pytest.skip("needs a C++ compiler")
    loaded = load_kernels(tmp_path_factory.mktemp("kernels"))
    if loaded is None:
        pytest.skip("needs Linux and a torch built with GNU OpenMP")
    return loaded


@pytest.fixture
def in_training() -> Callable[[str, int], tuple[nn.Module, Tensor]]:
    """A function that makes a network of the zoo, channels last and without dropout, and four pictures for it."""

    def made(name: str, least_px: int) -> tuple[nn.Module, Tensor]:
        torch.manual_seed(0)
        network = create_model(name, 5).to(memory_format=torch.channels_last).train()
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        side = max(least_px, network.smallest_px)
        return network, torch.randn(4, 3, side, side).contiguous(memory_format=torch.channels_last)

    return made
