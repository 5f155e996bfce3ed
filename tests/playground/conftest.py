"""One thread, as a page has."""

from __future__ import annotations

import pytest

from striate.ops.threads import torch_threads


@pytest.fixture(autouse=True)
def one_thread():
    with torch_threads(1):
        yield
