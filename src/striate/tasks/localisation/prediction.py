"""What a network for localisation answers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.ops.boxes import mirrored
from striate.runtime.inference import network_input
from striate.runtime.runtime import Runtime


def predict_places(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """For each class a logit and a box, (N, K, 5), float32 on the CPU, of uint8 working-size pictures (N, C, h, w).

    With `preprocess.mirrored` they are the mean over the picture and its mirror image, whose boxes are turned back.
    """
    images = network_input(pictures, preprocess, runtime)
    with runtime.autocast():
        answer: Tensor = network(images).float()
        if preprocess.mirrored:
            answer = (answer + turned_back(network(images.flip(3)).float())) / 2
    return answer.cpu()


def turned_back(answer: Tensor) -> Tensor:
    """What was answered of mirror images, (N, K, 5), as of the pictures.

    >>> turned_back(torch.tensor([[[3.0, 0.0, 0.0, 0.25, 1.0]]])).tolist()
    [[[3.0, 0.75, 0.0, 1.0, 1.0]]]
    """
    return torch.cat([answer[..., :1], mirrored(answer[..., 1:], 1.0)], -1)
