"""The compiled kernels, once for all tests of layers."""

from __future__ import annotations

import shutil

import pytest

from striate.layers.kernels import COMPILERS, Kernels, load_kernels


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    if not any(map(shutil.which, COMPILERS)):
        pytest.skip("needs a C++ compiler")
    loaded = load_kernels(tmp_path_factory.mktemp("kernels"))
    if loaded is None:
        pytest.skip("needs Linux and a torch built with GNU OpenMP")
    return loaded
