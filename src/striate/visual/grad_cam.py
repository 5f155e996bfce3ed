"""Why a network answers a class: the places of its last maps that speak for it.

Selvaraju et al., "Grad-CAM", arXiv:1610.02391, section 3. Of a network whose head is a mean over each map and one
linear layer it is the class activation map of Zhou et al., arXiv:1512.04150, up to scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.models.network import Network
from striate.models.places import places_of
from striate.visual.attribution.cam import weighed
from striate.visual.attribution.layer import NoMaps

Maps = npt.NDArray[np.float32]


def grad_cam(network: Network, images: Tensor, class_number: int) -> Maps:
    """Of each image what speaks for a class, and where: float32 (N, H, W), 0 to 1, the strongest place 1.

    network: in evaluation mode. images: (N, C, H, W), normalised. All is 0 where nothing speaks for the class.
    Raises NoMaps for a network without a stage of maps, and StriateError for a class that it does not have.
    """
    stage = last_stage_of_maps(network, (images.shape[2], images.shape[3]))
    with torch.enable_grad(), _kept(network.get_submodule(stage)) as kept:
        logits = network(images)
        if not 0 <= class_number < logits.shape[1]:
            raise StriateError(f"{network.label} has classes 0 to {logits.shape[1] - 1}, got {class_number}")
        maps = kept[-1] if kept else None
        if maps is None or maps.dim() != 4:
            raise NoMaps(f"{network.label}: stage {stage!r} gives no maps (N, C, H, W), so nothing shows where")
        (gradients,) = torch.autograd.grad(logits[:, class_number].sum(), maps, materialize_grads=True)
    maps, gradients = (_channels_first(each, images).float() for each in (maps.detach(), gradients))
    heat = F.interpolate(weighed(maps, gradients)[:, None], images.shape[2:], mode="bilinear")[:, 0]
    found: Maps = (heat / heat.amax((1, 2), keepdim=True).clamp(min=torch.finfo().tiny)).cpu().numpy()
    return found


def last_stage_of_maps(network: Network, size: tuple[int, int]) -> str:
    """Path of the last stage that has more than one place in pictures of a height and width. Raises NoMaps.

    >>> from striate.models import create_model
    >>> last_stage_of_maps(create_model("lenet5"), (32, 32))
    'features.s4'
    """
    for feature in reversed(network.features_info):
        if min(size) // feature.stride > 1:
            return feature.name
    raise NoMaps(f"{network.label} has no stage of maps with more than one place, so nothing shows where")


@contextmanager
def _kept(module: nn.Module) -> Iterator[list[Tensor]]:
    """What a module gives while the context lasts; gradients begin there, so that nothing below is asked for any."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: object) -> object:
        if not isinstance(output, Tensor):
            return output
        kept.append(output.detach().requires_grad_())
        return kept[-1].clone()  # what follows may change it in place

    hook = module.register_forward_hook(keep)
    try:
        yield kept
    finally:
        hook.remove()


def _channels_first(maps: Tensor, images: Tensor) -> Tensor:
    last = places_of(maps.shape, images.shape[2:]) == (1, 2)
    return maps.permute(0, 3, 1, 2) if last else maps
