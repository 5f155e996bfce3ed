"""Trainings of benchmarks that are gone on with where they were interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import striate
from striate.deploy.run import Run
from striate.training.folder.layout import EVALUATION, RECIPE


def trained(data: Path, folder: Path, **fields: Any) -> Run:
    """A finished run: opened where there is one, gone on with where it was begun, else trained by these fields."""
    if (folder / EVALUATION).exists():
        return striate.load(folder)
    if (folder / RECIPE).exists():
        return striate.resume(folder)
    return striate.train(data, run=folder, **fields)
