"""A feature pyramid: maps of one width at several strides, each with what the deeper ones know.

Lin et al., "Feature pyramid networks for object detection", arXiv:1612.03144, section 3 and figure 3. It stands on any
network whose stages are its children (`Network.features_info`). Key names are torchvision's, so its files load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Feature
from striate.models.network import Network
from striate.models.stages import without_head
from striate.models.weights import fill_body

WIDTH = 256
"""Maps of every level, section 3."""


class Subsampled(nn.Module):
    """One level beyond the last: every second place of it. Section 4.1, for larger anchors of proposals."""

    def forward(self, maps: Tensor) -> list[Tensor]:
        """(N, WIDTH, H, W) to one of (N, WIDTH, H / 2, W / 2)."""
        return [F.max_pool2d(maps, kernel_size=1, stride=2)]


class TwoBeyond(nn.Module):
    """Two levels beyond the last, by 3x3 convolutions of stride 2: RetinaNet's P6 and P7, arXiv:1708.02002, footnote 2.

    DEVIATES arXiv:1708.02002: read from P5, not C5, as torchvision's files have it.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(width, width, kernel_size=3, stride=2, padding=1)
        self.p7 = nn.Conv2d(width, width, kernel_size=3, stride=2, padding=1)
        draw(self)

    def forward(self, maps: Tensor) -> list[Tensor]:
        """(N, width, H, W) to (N, width, H / 2, W / 2) and (N, width, H / 4, W / 4)."""
        p6 = self.p6(maps)
        return [p6, self.p7(F.relu(p6))]


class FeaturePyramid(nn.Module):
    """Stages of other channels to maps of one width, summed from the deepest up; and levels beyond it.

    channels: of each stage, the finest first. beyond: makes of the deepest level those that follow it.

    >>> import torch
    >>> stages = [torch.zeros(1, 8, 6, 6), torch.zeros(1, 16, 3, 3)]
    >>> [tuple(level.shape) for level in FeaturePyramid([8, 16], 4, Subsampled())(stages)]
    [(1, 4, 6, 6), (1, 4, 3, 3), (1, 4, 2, 2)]
    """

    def __init__(self, channels: Sequence[int], width: int, beyond: nn.Module) -> None:
        super().__init__()
        across = [nn.Conv2d(each, width, kernel_size=1) for each in channels]
        after = [nn.Conv2d(width, width, kernel_size=3, padding=1) for _ in channels]
        self.inner_blocks = nn.ModuleList(nn.Sequential(conv) for conv in across)
        self.layer_blocks = nn.ModuleList(nn.Sequential(conv) for conv in after)
        draw(self)
        self.extra_blocks, self.width = beyond, width

    def forward(self, stages: Sequence[Tensor]) -> list[Tensor]:
        """Maps (N, channels, H, W) of the stages, the finest first, to levels (N, width, H, W), the finest first."""
        sums = [across(maps) for across, maps in zip(self.inner_blocks, stages, strict=True)]
        for finer in range(len(sums) - 2, -1, -1):
            sums[finer] = sums[finer] + F.interpolate(sums[finer + 1], sums[finer].shape[2:], mode="nearest")
        levels = [after(maps) for after, maps in zip(self.layer_blocks, sums, strict=True)]
        return [*levels, *self.extra_blocks(levels[-1])]


class PyramidBackbone(nn.Module):
    """A network without its head, and a pyramid on some of its stages.

    stages: of `network.features_info`, the finest first; each is a child of the network.
    """

    def __init__(self, network: Network, stages: Sequence[Feature], width: int, beyond: nn.Module) -> None:
        super().__init__()
        self.body, self.features_info = without_head(network), network.features_info
        self.stages = tuple(stage.name for stage in stages)
        self.fpn = FeaturePyramid([stage.channels for stage in stages], width, beyond)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (N, C, H, W) to levels (N, width, h, w), the finest first."""
        x, found = images, list[Tensor]()
        for name, layer in self.body.named_children():
            x = layer(x)
            if name in self.stages:
                found.append(x)
        return self.fpn(found)  # type: ignore[no-any-return]

    def features_within(self, path: str) -> tuple[Feature, ...]:
        """The stages of the network below, as one that has this backbone at a module path tells of them."""
        return tuple(Feature(f"{path}.body.{each.name}", each.channels, each.stride) for each in self.features_info)

    def begin_with(self, tensors: Mapping[str, Tensor], source: str) -> None:
        """Fill the stages from a state dict of the network. Raises StriateError that names what differs."""
        fill_body(self.body, tensors, source)


def draw(module: nn.Module) -> None:
    """Convolutions as torchvision draws them: uniform, by the number of inputs, biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight, a=1)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
