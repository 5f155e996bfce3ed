"""Small networks that are exported, and a way to say what is exported of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from striate.deploy.bundle import Bundle
from striate.deploy.export.exported_file import ExportedFile
from striate.deploy.export.exporting import Audience, Trials, Wanted, export
from striate.deploy.export.pictures import drawn
from striate.models import Network


@pytest.fixture
def exported(tmp_path: Path):
    """Export a network with drawn pictures; returns what was written."""

    def call(network: Network, name: str = "net.onnx", **wanted) -> ExportedFile:
        with torch.inference_mode():
            outputs = network.eval()(torch.zeros(1, network.in_channels, *network.preprocess.size)).shape[1]
        classes = tuple(f"class {number}" for number in range(outputs))
        bundle = Bundle(network.eval(), network.preprocess, classes, {}, named=False)
        return export(
            bundle, Wanted.of(tmp_path / name, None, "", **wanted), Trials(drawn(network.preprocess)), Audience()
        )

    return call
