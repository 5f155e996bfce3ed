"""A classifier run over all of a larger picture: its dense layers become convolutions, its answers a mean over places.

Source: Sermanet et al., arXiv:1312.6229, section 3.5; Simonyan and Zisserman, arXiv:1409.1556, section 3.2.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.meta.stand_ins import META
from striate.meta.weightless import MetaMode, weightless
from striate.models.linear_probe import LinearProbe
from striate.models.network import Network


class DenseNetwork(nn.Module):
    """A network whose head reads every window of the maps that it reads one of at its own size.

    A dense layer over a window is a convolution, so on a picture of the network's own size this is the network itself.
    places: height and width of the maps at that size.

    >>> from striate.models import create_model
    >>> lenet = create_model("lenet5").eval()
    >>> images = torch.randn(1, 1, 32, 32)
    >>> torch.allclose(DenseNetwork(lenet, (5, 5))(images), lenet(images), atol=1e-6)
    True
    """

    def __init__(self, network: Network, places: tuple[int, int]) -> None:
        super().__init__()
        self.network, self.places = network, places

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W), at least of the network's size, to logits (N, classes): the mean over all windows."""
        maps = self.network.forward_features(images)
        count, channels = maps.shape[:2]
        windows = F.unfold(maps, self.places).transpose(1, 2)  # N, windows, channels * places
        logits = self.network.forward_head(windows.reshape(-1, channels, *self.places))
        return logits.view(count, -1, logits.shape[1]).mean(1)


def dense_form(network: Network) -> nn.Module:
    """What answers pictures of any size from a network's own on, as the mean over its places.

    A network that averages its maps over all places does so already. Raises StriateError for one of a person's own, and
    for one that has no maps or takes pictures of one size.
    """
    if network.written is not None:
        raise _refused(network, "is a network of your own, of which nothing says what reads its maps")
    if network.only_size is not None:
        raise _refused(network, f"takes pictures of {'x'.join(map(str, network.only_size))} px and no others")
    if isinstance(network, LinearProbe) or any(_averages_all(layer) for layer in network.children()):
        return network
    places = _places(network)
    if places is None:
        raise _refused(network, "reads every pixel at once and has no maps")
    return DenseNetwork(network, places)


def _refused(network: Network, why: str) -> StriateError:
    return StriateError(f"{network.label} {why}, so it cannot look at whole pictures of other sizes; take --views 10")


def _averages_all(layer: nn.Module) -> bool:
    return isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size in (1, (1, 1))


def _places(network: Network) -> tuple[int, int] | None:
    """Height and width of the maps that the head reads; None where there are none."""
    images = META.blank((1, network.in_channels, *network.preprocess.size), torch.float32)
    with weightless(network), MetaMode(), torch.no_grad():
        shape = network.forward_features(images).shape
    return cast("tuple[int, int]", tuple(shape[2:])) if len(shape) == 4 else None
