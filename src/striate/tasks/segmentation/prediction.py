"""What a network for segmentation answers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.runtime.inference import network_input, parts_of
from striate.runtime.runtime import Runtime


def predict_maps(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Logits (N, classes, H, W), on the CPU, as exact as they were computed, of uint8 pictures (N, C, H, W).

    With `preprocess.mirrored` they are the mean over the picture and its mirror image, turned back.
    """
    parts = parts_of(pictures, preprocess, runtime)
    return torch.cat([_maps(network, part, preprocess, runtime).cpu() for part in parts])


def _maps(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    images = network_input(pictures, preprocess, runtime)
    with runtime.autocast():
        maps: Tensor = network(images)
        if preprocess.mirrored:
            maps = (maps + network(images.flip(3)).flip(3)) / 2
    return maps


def class_numbers(maps: Tensor) -> Tensor:
    """The likeliest class of each pixel, uint8 (N, H, W), of logits (N, K, H, W); of equal ones the first."""
    return maps.argmax(1).to(torch.uint8)
