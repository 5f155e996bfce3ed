"""A small trained run that the tests of its use share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import striate


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory) -> Path:
    """LeNet-5 after two epochs of digits; only to look at."""
    folder = tmp_path_factory.mktemp("shared")
    before = os.environ.get("STRIATE_CACHE")
    os.environ["STRIATE_CACHE"] = str(folder / "cache")
    striate.train("digits", recipe="digits_lenet5", run=folder / "run", epochs=2)
    if before is not None:
        os.environ["STRIATE_CACHE"] = before
    return folder / "run"
