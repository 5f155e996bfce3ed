"""What a network for detection answers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.runtime.inference import network_input, parts_of
from striate.runtime.runtime import Runtime


def predict_objects(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Objects (N, rows, 6), float32 on the CPU, of uint8 working-size pictures (N, C, h, w); see `Detector`."""
    parts = parts_of(pictures, preprocess, runtime)
    with runtime.autocast():
        return torch.cat([network(network_input(part, preprocess, runtime)).float().cpu() for part in parts])
