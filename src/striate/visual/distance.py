"""How far apart two pictures are to a network: the distance between what its layers make of them.

Zhang, Isola, Efros, Shechtman and Wang, "The unreasonable effectiveness of deep features as a perceptual metric",
arXiv:1801.03924, section 3 and equation 1 (LPIPS).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.analysis.calls import evaluating
from striate.core.errors import StriateError, unknown_name
from striate.models.network import Network
from striate.models.places import places_of

LEAST_LENGTH = 1e-10  # a place where no unit answers is the zero vector
MOST_DIMENSIONS = 16_384  # 64 KiB for each of 10,000 pictures


@dataclass(frozen=True, eq=False)
class Measure:
    """A distance between pictures. layers: paths of modules of the network. weights: of their channels, at least 0.

    weights: None where each channel counts 1.
    """

    network: nn.Module
    layers: tuple[str, ...]
    weights: tuple[Tensor, ...] | None = None

    def maps(self, images: Tensor) -> list[Tensor]:
        """What each layer gives for images (N, C, H, W), normalised: (N, channels, h, w), of length 1 at each place.

        Each channel is multiplied by the root of its weight, so that squared differences are weighted.
        """
        found = layer_maps(self.network, images, self.layers)
        if self.weights is None:
            return found
        for layer, maps, weight in zip(self.layers, found, self.weights, strict=True):
            if len(weight) != maps.shape[1]:
                raise StriateError(
                    f"layer {layer!r} has {maps.shape[1]} channels, the weights are of {len(weight)}; fit them again"
                )
        pairs = zip(found, self.weights, strict=True)
        return [maps * weight.to(maps.device).sqrt().view(1, -1, 1, 1) for maps, weight in pairs]

    def between(self, one: Tensor, other: Tensor) -> Tensor:
        """Distances of images (N, C, H, W) from as many others, layer by layer: (N, layers). Their sum is the distance.

        Exactly 0 for equal images, and the same both ways.
        """
        return between_maps(self.maps(one), self.maps(other))


def between_maps(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """Of normalised maps (N, channels, h, w) of each layer: the mean over places of squared distances, (N, layers).

    >>> along, across = torch.tensor([1.0, 0]).view(1, 2, 1, 1), torch.tensor([0.0, 1]).view(1, 2, 1, 1)
    >>> between_maps([along, along], [along, across]).tolist()
    [[0.0, 2.0]]
    """
    terms = [(a - b).square().sum(1).mean((1, 2)) for a, b in zip(one, other, strict=True)]
    return torch.stack(terms, dim=1)


def channel_differences(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """The same without summing over channels: (N, channels of all layers)."""
    return torch.cat([(a - b).square().mean((2, 3)) for a, b in zip(one, other, strict=True)], dim=1)


def bounding_vectors(maps: Sequence[Tensor]) -> Tensor:
    """Vectors (N, D) whose squared distances are never above the distances of the pictures; D is at most 16,384.

    Maps are averaged over the cells of a grid: the squared difference of means is at most the mean of squared
    differences (Jensen's inequality). The finer the grid, the nearer the bound.

    >>> bounding_vectors([torch.ones(5, 512, 8, 9), torch.ones(5, 512, 2, 1)]).shape
    torch.Size([5, 9216])
    """
    grid = max(1, math.isqrt(MOST_DIMENSIONS // sum(each.shape[1] for each in maps)))
    return torch.cat([_cells(each, grid).flatten(1) for each in maps], dim=1)


def _cells(maps: Tensor, grid: int) -> Tensor:
    """The means over cells that do not overlap, each times the root of its share of the places."""
    down, across = (_means(side, min(side, grid)).to(maps) for side in maps.shape[2:])
    cells: Tensor = down @ maps @ across.T
    return cells


def _means(side: int, cells: int) -> Tensor:
    """The matrix (cells, side) of means along an axis, each row times the root of its share."""
    member = F.one_hot(torch.arange(side) * cells // side).T.double()
    return member / (member.sum(1, keepdim=True) * side).sqrt()


@torch.inference_mode()
def layer_maps(network: nn.Module, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
    """What layers give for images (N, C, H, W): float32 (N, channels, h, w), each place of length 1, or 0 throughout.

    Vectors (N, channels) are maps of one place, tokens (N, L, channels) of L. Of a layer that is called several times,
    what it gives last. The network is left as it was. Raises StriateError for a layer that is not called, or gives no
    maps.
    """
    kept: dict[str, Tensor] = {}
    with ExitStack() as stack:
        stack.enter_context(evaluating(network))
        for layer in layers:

            def keep(module: nn.Module, inputs: object, output: object, layer: str = layer) -> None:
                kept[layer] = of_length_1(_as_maps(output, images, layer))  # at once: what follows may write over it

            stack.callback(network.get_submodule(layer).register_forward_hook(keep).remove)
        network(images)
    for layer in layers:
        if layer not in kept:
            raise StriateError(f"layer {layer!r} is not called when the network answers; name one that is")
    return [kept[layer] for layer in layers]


def of_length_1(maps: Tensor) -> Tensor:
    """Maps (N, channels, h, w) divided by the length of the vector at each place.

    >>> of_length_1(torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)).flatten().tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    lengths: Tensor = torch.linalg.vector_norm(maps, dim=1, keepdim=True)
    return maps / lengths.clamp(min=LEAST_LENGTH)


def _as_maps(output: object, images: Tensor, layer: str) -> Tensor:
    if not isinstance(output, Tensor) or output.dim() not in (2, 3, 4) or len(output) != len(images):
        what = f"a tensor {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
        raise StriateError(f"layer {layer!r} gives {what}, and no maps (N, C, H, W) of pictures; name another")
    maps = output.float()
    if maps.dim() == 2:
        return maps[:, :, None, None]
    if maps.dim() == 3:
        return maps.transpose(1, 2)[..., None]
    return maps.permute(0, 3, 1, 2) if places_of(maps.shape, images.shape[2:]) == (1, 2) else maps


def chosen_layers(network: Network, layers: Sequence[str] = ()) -> tuple[str, ...]:
    """The layers that were asked for, or the network's stages. Raises StriateError, with the nearest name, for others.

    >>> from striate.models import create_model
    >>> chosen_layers(create_model("resnet20"))
    ('layer1', 'layer2', 'layer3')
    """
    known = [path for path, _ in network.named_modules() if path]
    for layer in layers:
        if layer not in known:
            raise unknown_name(f"layer of {network.label}", layer, known, "`striate summary --depth all`")
    return tuple(layers) or tuple(feature.name for feature in network.features_info)
