"""What a network for detection answers."""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.runtime.inference import network_input
from striate.runtime.runtime import Runtime


def predict_objects(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Objects (N, rows, 6), float32 on the CPU, of uint8 working-size pictures (N, C, h, w); see `Detector`."""
    images = network_input(pictures, preprocess, runtime)
    with runtime.autocast():
        objects: Tensor = network(images).float()
    return objects.cpu()
