"""From decoded pictures to what a network sees, wherever it runs: for validation, prediction and everything later."""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.data.picture import normalise, to_network_size
from striate.runtime.runtime import Runtime


def network_input(pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Images (N, C, H, W), normalised, of uint8 working-size pictures (N, C, h, w), on the runtime's device."""
    return runtime.images(normalise(to_network_size(runtime.move(pictures), preprocess), preprocess))


def answered(network: nn.Module, images: Tensor, mirrored: bool) -> Tensor:
    """What a network answers, float32; with `mirrored` the mean over the images and their mirror images."""
    answer: Tensor = network(images).float()
    return (answer + network(images.flip(3)).float()) / 2 if mirrored else answer
