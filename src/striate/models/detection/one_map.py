"""Regions read from one map of a network, as before pyramids."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from striate.core.records import Feature
from striate.models.detection.regions import Regions
from striate.models.network import Network
from striate.models.vgg import VGG
from striate.models.weights import fill_body
from striate.ops.roi import roi_pool


@dataclass(frozen=True)
class PoolOneMap:
    """RoI pooling of the only level, of a stride in pixels."""

    stride: int

    def __call__(self, levels: Sequence[Tensor], regions: Regions, side: int) -> Tensor:
        """(R, C, side, side) of R regions."""
        return roi_pool(levels[0], regions.boxes, regions.picture, (side, side), 1 / self.stride)


class OneMap(nn.Module):
    """The first layers of a network; what they give is the only level.

    stages: of the network, those in it. prefix: what stands before its layers' names in the whole network.
    """

    def __init__(self, body: nn.Sequential, stages: tuple[Feature, ...], prefix: str = "") -> None:
        super().__init__()
        self.body, self.stages, self.prefix = body, stages, prefix

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (N, C, H, W) to one level (N, C', H / stride, W / stride)."""
        return [self.body(images)]

    def features_within(self, path: str) -> tuple[Feature, ...]:
        """The stages, as a network that has this backbone at a module path tells of them."""
        names = [f"{path}.body.{each.name.removeprefix(self.prefix)}" for each in self.stages]
        return tuple(Feature(name, each.channels, each.stride) for name, each in zip(names, self.stages, strict=True))

    def begin_with(self, tensors: Mapping[str, Tensor], source: str) -> None:
        """Fill the layers from a state dict of the network. Raises StriateError that names what differs."""
        fill_body(self.body, tensors, source, self.prefix)


def up_to(network: Network, stage: int) -> OneMap:
    """A network whose stages are its children, up to one of them, by its number from 0."""
    children = list(network.named_children())
    last = [name for name, _ in children].index(network.features_info[stage].name)
    return OneMap(nn.Sequential(OrderedDict(children[: last + 1])), network.features_info[: stage + 1])


def of_vgg(network: VGG) -> OneMap:
    """The convolutions of a VGG, without the last pooling: stride 16."""
    convolutions = nn.Sequential(OrderedDict(list(network.features.named_children())[:-1]))
    return OneMap(convolutions, network.features_info, "features.")
