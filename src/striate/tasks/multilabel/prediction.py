"""What a network for several labels a picture answers."""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.runtime.inference import answered, network_input
from striate.runtime.runtime import Runtime


def predict_labels(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Logits (N, K), float32 on the CPU, of uint8 working-size pictures (N, C, h, w).

    With `preprocess.mirrored` they are the mean over the picture and its mirror image.
    """
    images = network_input(pictures, preprocess, runtime)
    with runtime.autocast():
        return answered(network, images, preprocess.mirrored).cpu()
