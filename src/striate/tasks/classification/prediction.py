"""What a classifier answers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.runtime.inference import answered, network_input
from striate.runtime.runtime import Runtime

# Of the largest logit: some times what rounding to bf16 moves a difference of two by (benchmarks/evaluation.md).
NEAR_TIE = 1 / 32


def predict_logits(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Logits (N, classes), float32 on the CPU, of uint8 working-size pictures (N, C, h, w).

    With `preprocess.mirrored` they are the mean over the picture and its mirror image. In 16 bits, pictures whose two
    likeliest classes are nearly equal are computed again in fp32, so that the answers are fp32's.
    """
    images = network_input(pictures, preprocess, runtime)
    with runtime.autocast():
        logits = answered(network, images, preprocess.mirrored)
    if runtime.precision != "fp32" and len(close := _near_ties(logits)):
        logits[close] = answered(network, runtime.images(images[close]), preprocess.mirrored)
    return logits.cpu()


def _near_ties(logits: Tensor) -> Tensor:
    """Which rows have two largest logits so close that rounding in 16 bits could exchange them."""
    if logits.shape[1] == 1:
        return torch.empty(0, dtype=torch.long)
    first, second = logits.topk(2).values.unbind(1)
    return (first - second < NEAR_TIE * logits.abs().amax(1)).nonzero()[:, 0]
