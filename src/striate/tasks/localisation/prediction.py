"""What a network for localisation answers."""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.models.localisation import turned_back
from striate.runtime.inference import answered, network_input
from striate.runtime.runtime import Runtime


def predict_places(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """For each class a logit and a box, (N, K, 5), float32 on the CPU, of uint8 working-size pictures (N, C, h, w).

    With `preprocess.mirrored` they are the mean over the picture and its mirror image, whose boxes are turned back.
    """
    images = network_input(pictures, preprocess, runtime)
    with runtime.autocast():
        return answered(network, images, preprocess.mirrored, turned_back).cpu()
