"""Features off the shelf: what given layers of a network make of pictures, and a network that ends there.

Donahue et al., "DeCAF", arXiv:1310.1531; Razavian et al., "CNN features off-the-shelf", arXiv:1403.6382.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError, unknown_name
from striate.meta.stand_ins import META
from striate.meta.weightless import MetaMode, weightless
from striate.models.network import Network
from striate.models.places import places_of

PRE_LOGITS = "last"
"""The name of what a network's last layer reads."""


class LinearProbe(Network):
    """A network whose one new layer reads the chosen layers of another, averaged over places and side by side.

    layers: paths of modules of `body`, or PRE_LOGITS. classes: of the new layer, drawn as `reset_classifier` does.
    Raises StriateError for a layer that there is not.
    """

    classifier_name = "classifier"

    def __init__(self, body: Network, layers: Sequence[str], classes: int) -> None:
        super().__init__()
        require_layers(body, layers)
        self.body, self.layers = body, tuple(layers)
        self.architecture, self.written, self.preprocess = body.architecture, body.written, body.preprocess
        self.features_info = ()
        self.classifier = nn.Linear(sum(widths(body, layers)), classes, device=next(body.parameters()).device)
        self.reset_classifier(classes)

    def get_submodule(self, target: str) -> nn.Module:
        """A module by its path; those of the network inside as it finds them itself."""
        return self.body.get_submodule(target[5:]) if target.startswith("body.") else super().get_submodule(target)

    def require_fit(self, images: Tensor) -> None:
        """As the network inside."""
        self.body.require_fit(images)

    @property
    def against_channels_last(self) -> str:
        """As of the network inside."""
        return self.body.against_channels_last

    def require_size(self, height: int, width: int) -> None:
        """As the network inside."""
        self.body.require_size(height, width)

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to (N, dimensions)."""
        return torch.cat(read_layers(self.body, images, self.layers), dim=1)

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, dimensions) to (N, classes)."""
        return features if pre_logits else self.classifier(features)


def require_layers(network: Network, layers: Sequence[str]) -> None:
    """Raise StriateError, with the nearest name, unless every layer is PRE_LOGITS or the path of a module.

    So for a network that answers for every pixel: it makes no vector of a picture.
    """
    from striate.models.segmentation.pixelwise import PixelwiseNetwork  # which most runs have no use for

    if isinstance(network, PixelwiseNetwork):
        raise StriateError(
            f"{network.label} answers with a class for every pixel, so it has no features of a whole picture; give a "
            "network that tells classes of pictures, such as embedded"
        )
    known = {path for path, _ in network.named_modules() if path}
    for layer in layers:
        if layer != PRE_LOGITS and layer not in known:
            raise unknown_name(
                f"layer of {network.label}", layer, known | {PRE_LOGITS}, "`striate summary --depth all`"
            )


def read_layers(network: Network, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
    """What each layer gives for images (N, C, H, W), averaged over places: (N, channels) each.

    Of a layer that is called several times, what it gives last.
    """
    kept: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for layer in layers:
            if layer == PRE_LOGITS:
                continue

            def keep(module: nn.Module, inputs: Any, output: Tensor, layer: str = layer) -> None:
                kept[layer] = pooled(output, images.shape[2:])  # at once, for what follows may write over it

            hooks.callback(network.get_submodule(layer).register_forward_hook(keep).remove)
        last = network.forward_head(network.forward_features(images), pre_logits=True)
    return [pooled(last, images.shape[2:]) if layer == PRE_LOGITS else kept[layer] for layer in layers]


def pooled(maps: Tensor, size: Sequence[int] = (1, 1)) -> Tensor:
    """(N, C, H, W) or (N, H, W, C) averaged over places; tokens (N, L, C), as transformers have them, over L.

    size: height and width of the pictures, by which `places_of` tells the two forms of maps apart.

    >>> pooled(torch.ones(2, 5, 3, 3)).shape, pooled(torch.ones(2, 5)).shape
    (torch.Size([2, 5]), torch.Size([2, 5]))
    """
    if maps.dim() == 3:
        return maps.mean(1)
    if maps.dim() == 4 and places_of(maps.shape, size) == (1, 2):
        maps = maps.movedim(3, 1)
    return maps.flatten(2).mean(2) if maps.dim() > 2 else maps


def widths(network: Network, layers: Sequence[str]) -> list[int]:
    """Channels of each layer, found by a run on meta tensors."""
    images = META.blank((2, network.in_channels, *network.preprocess.size), torch.float32)
    with weightless(network), MetaMode(), torch.no_grad():
        return [vector.shape[1] for vector in read_layers(network, images, layers)]
