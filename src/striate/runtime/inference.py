"""From decoded pictures to what a network sees, wherever it runs: for validation, prediction and everything later."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.data.picture import normalise, to_network_size
from striate.runtime.runtime import Runtime

AT_ONCE_PIXELS = 2**20  # on a processor: maps of more leave its caches, and batches gain nothing but take memory


def parts_of(pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> tuple[Tensor, ...]:
    """Large pictures (N, C, h, w) as many at once as a processor answers best; all at once elsewhere."""
    height, width = preprocess.size
    few = len(pictures) if runtime.on_gpu else AT_ONCE_PIXELS // (height * width)
    return torch.split(pictures, max(1, few))


def network_input(pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Images (N, C, H, W), normalised, of uint8 working-size pictures (N, C, h, w), on the runtime's device."""
    return runtime.images(normalise(to_network_size(runtime.move(pictures), preprocess), preprocess))


def answered(
    network: nn.Module, images: Tensor, mirrored: bool, turned_back: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """What a network answers, float32; with `mirrored` the mean over the images and their mirror images.

    turned_back: of an answer to mirror images what it is of the images; None: the same.
    """
    answer: Tensor = network(images).float()
    if not mirrored:
        return answer
    other = network(images.flip(3)).float()
    return (answer + (turned_back(other) if turned_back else other)) / 2
