"""The methods, in a literal that anyone can read, and the one way to ask any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from striate.core.errors import StriateError, unknown_name
from striate.visual.attribution.asked import STEPS, Asked, Method
from striate.visual.attribution.cam import cam, grad_cam, grad_cam_plus_plus, layer_cam
from striate.visual.attribution.covering import occlusion
from striate.visual.attribution.gradients import gradient, integrated_gradients, smoothgrad
from striate.visual.attribution.layer import last_layer_of_maps
from striate.visual.attribution.rectifiers import deconvnet, guided_backpropagation
from striate.visual.attribution.score import in_evaluation, score_of

Maps = npt.NDArray[np.float32]
OF_LAYER = "a layer of maps"
OF_RELUS = "ReLUs and no other activations"

# fmt: off
_ALL = (
    Method("cam", "CAM", "Zhou et al. 2016", cam, needs="a mean over each map and one linear layer", signed=True),
    Method("grad-cam", "Grad-CAM", "Selvaraju et al. 2017", grad_cam, OF_LAYER, of_layer=True),
    Method("grad-cam++", "Grad-CAM++", "Chattopadhay et al. 2018", grad_cam_plus_plus, OF_LAYER, of_layer=True),
    Method("layer-cam", "LayerCAM", "Jiang et al. 2021", layer_cam, OF_LAYER, of_layer=True),
    Method("occlusion", "Occlusion", "Zeiler and Fergus 2014", occlusion, "nothing but answers", signed=True),
    Method("gradient", "Gradient", "Simonyan et al. 2014", gradient),
    Method("integrated-gradients", "Integrated gradients", "Sundararajan et al. 2017", integrated_gradients,
           signed=True),
    Method("smoothgrad", "SmoothGrad", "Smilkov et al. 2017", smoothgrad),
    Method("deconvnet", "Deconvnet", "Zeiler and Fergus 2014", deconvnet, OF_RELUS),
    Method("guided-backpropagation", "Guided backpropagation", "Springenberg et al. 2015", guided_backpropagation,
           OF_RELUS),
)
# fmt: on
METHODS = {method.name: method for method in _ALL}
"""Every method by its name."""


def attribution(
    network: nn.Module,
    images: Tensor,
    classes: int | Sequence[int] | Tensor,
    method: str = "grad-cam",
    layer: str = "",
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> Maps:
    """Where in images the reasons lie for which a network answers a class: float32 (N, H, W).

    network: any `nn.Module` that gives logits of pictures or of pixels, and the detectors of this house. It answers in
    evaluation mode, and is left as it was. images: (N, C, H, W), normalised as the network expects, on its device.
    classes: a number for all of them, or one each. method: a name in `METHODS`: "cam", "grad-cam", "grad-cam++",
    "layer-cam", "occlusion", "gradient", "integrated-gradients", "smoothgrad", "deconvnet" or
    "guided-backpropagation". layer: path of the module whose maps the second to fourth read; by default the last with
    places. steps: what integrated gradients and SmoothGrad average over. seed: of the noise of SmoothGrad.
    Numbers are as the papers have them, in no common unit. Raises StriateError for names and classes that are not
    there, and `CannotShow`, in one sentence, for a network that a method cannot be used on.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    >>> attribution(network, torch.zeros(2, 1, 8, 8), [0, 2], "gradient").shape
    (2, 8, 8)
    """
    chosen = method_named(method)
    if layer and not chosen.of_layer:
        raise StriateError(f"{chosen.title} reads no layer's maps; leave layer out, got {layer!r}")
    with in_evaluation(network, seed):
        asked = ask(network, images, classes, layer, steps, seed)
        if chosen.of_layer and not layer:
            asked = replace(asked, layer=last_layer_of_maps(asked))
        return as_array(chosen.maps(asked))


def method_named(name: str) -> Method:
    """The method of a name. Raises StriateError that offers the nearest."""
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    return METHODS[name]


def ask(
    network: nn.Module,
    images: Tensor,
    classes: int | Sequence[int] | Tensor,
    layer: str = "",
    steps: int = STEPS,
    seed: int = 0,
) -> Asked:
    """A question, whose answer has been tried. In the context of `in_evaluation`. Raises StriateError."""
    if steps < 1:
        raise StriateError(f"steps must be at least 1, got {steps}")
    numbers = torch.as_tensor(classes, dtype=torch.int64)
    if isinstance(images, Tensor):
        images = images.detach().clone()  # which may come from inference mode
        numbers = numbers.to(images.device)
        numbers = numbers.expand(len(images)) if numbers.dim() == 0 else numbers
    return Asked(network, images, score_of(network, images, numbers), layer, steps, seed)


def as_array(maps: Tensor) -> Maps:
    """Maps as numbers in memory, float32."""
    found: Maps = maps.detach().float().cpu().numpy()
    return found
