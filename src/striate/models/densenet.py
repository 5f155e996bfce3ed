"""DenseNets: every layer of a block reads the maps of all layers before it.

Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks", arXiv:1608.06993,
table 1 (ImageNet) and section 3 (CIFAR). Key names of the ImageNet networks are torchvision's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import Network
from striate.models.resnet_cifar import MEAN, STD

Layer = Callable[[int, int], nn.Sequential]
"""(channels, growth) to a layer that adds `growth` maps."""

# arXiv:1608.06993, table 1    layers: growth rate, channels of the first convolution, layers in each block
IMAGENET = {
    121: (32, 64, (6, 12, 24, 16)),
    161: (48, 96, (6, 12, 36, 24)),
    169: (32, 64, (6, 12, 32, 32)),
    201: (32, 64, (6, 12, 48, 32)),
}


def plain_layer(channels: int, growth: int) -> nn.Sequential:
    """Batch norm, ReLU, 3x3."""
    return nn.Sequential(
        OrderedDict(
            norm1=nn.BatchNorm2d(channels),
            relu1=nn.ReLU(inplace=True),
            conv1=nn.Conv2d(channels, growth, kernel_size=3, padding=1, bias=False),
        )
    )


def bottleneck_layer(channels: int, growth: int) -> nn.Sequential:
    """Batch norm, ReLU, 1x1 to 4 x growth maps, batch norm, ReLU, 3x3 (section 3, "B")."""
    return nn.Sequential(
        OrderedDict(
            norm1=nn.BatchNorm2d(channels),
            relu1=nn.ReLU(inplace=True),
            conv1=nn.Conv2d(channels, 4 * growth, kernel_size=1, bias=False),
            norm2=nn.BatchNorm2d(4 * growth),
            relu2=nn.ReLU(inplace=True),
            conv2=nn.Conv2d(4 * growth, growth, kernel_size=3, padding=1, bias=False),
        )
    )


def transition(channels: int, width: int) -> nn.Sequential:
    """Batch norm, ReLU, 1x1 and 2x2 average pooling, between two blocks."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(channels),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(channels, width, kernel_size=1, bias=False),
            pool=nn.AvgPool2d(2, stride=2),
        )
    )


class DenseBlock(nn.Module):
    """(N, channels, H, W) to (N, channels + layers * growth, H, W)."""

    def __init__(self, layer: Layer, layers: int, channels: int, growth: int) -> None:
        super().__init__()
        for number in range(layers):
            self.add_module(f"denselayer{number + 1}", layer(channels + number * growth, growth))

    def forward(self, x: Tensor) -> Tensor:
        """Each layer's maps are put beside all that came before."""
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)
        return x


class DenseNet(Network):
    """A stem, dense blocks with transitions between, batch norm and ReLU, global average pooling.

    kept: share of the maps that a transition keeps (section 3, "C", when below 1).
    """

    classifier_name = "classifier"

    def __init__(
        self,
        stem: OrderedDict[str, nn.Module],
        stem_width: int,
        stem_stride: int,
        layer: Layer,
        blocks: tuple[int, ...],
        growth: int,
        kept: float,
        classes: int,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(stem)
        channels, stages = stem_width, list[Feature]()
        for number, layers in enumerate(blocks, start=1):
            self.features.add_module(f"denseblock{number}", DenseBlock(layer, layers, channels, growth))
            channels += layers * growth
            stages.append(Feature(f"features.denseblock{number}", channels, stem_stride * 2 ** (number - 1)))
            if number < len(blocks):
                self.features.add_module(f"transition{number}", transition(channels, int(kept * channels)))
                channels = int(kept * channels)
        self.features.add_module(f"norm{len(blocks) + 1}", nn.BatchNorm2d(channels))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)
        self.features_info = tuple(stages)
        he_normal_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """Images to the maps of the last block, (N, 1024, 7, 7) in DenseNet-121 at 224x224."""
        return F.relu(self.features(images), inplace=True)

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, C, H, W) to (N, classes)."""
        flat = self.avgpool(features).flatten(1)
        return flat if pre_logits else self.classifier(flat)  # type: ignore[no-any-return]


class ImageNetDenseNet(DenseNet):
    """One column of table 1: bottlenecks, transitions that halve the maps."""

    smallest_px = 29

    def __init__(self, layers: int, classes: int, in_channels: int) -> None:
        growth, width, blocks = IMAGENET[layers]
        stem = OrderedDict[str, nn.Module](
            conv0=nn.Conv2d(in_channels, width, kernel_size=7, stride=2, padding=3, bias=False),
            norm0=nn.BatchNorm2d(width),
            relu0=nn.ReLU(inplace=True),
            pool0=nn.MaxPool2d(3, stride=2, padding=1),
        )
        super().__init__(stem, width, 4, bottleneck_layer, blocks, growth, 0.5, classes)
        self.preprocess = Preprocess((224, 224), (256, 256)).for_channels(in_channels)


class CifarDenseNet(DenseNet):
    """Three blocks on 32x32 pictures: (layers - 4) / 3 layers each, or half as many bottlenecks and `kept`
    0.5.

    DEVIATES arXiv:1608.06993: no dropout; the paper adds 20 % only where it does not augment.
    """

    smallest_px = 4

    def __init__(self, layers: int, growth: int, classes: int, in_channels: int, compressed: bool) -> None:
        width = 2 * growth if compressed else 16
        layer, kept = (bottleneck_layer, 0.5) if compressed else (plain_layer, 1.0)
        per_block = (layers - 4) // (6 if compressed else 3)
        stem = OrderedDict[str, nn.Module](conv0=nn.Conv2d(in_channels, width, kernel_size=3, padding=1, bias=False))
        super().__init__(stem, width, 1, layer, (per_block,) * 3, growth, kept, classes)
        self.preprocess = Preprocess((32, 32), (32, 32), MEAN, STD).for_channels(in_channels)


def densenet121(classes: int = 1000, in_channels: int = 3) -> ImageNetDenseNet:
    """121 layers, growth rate 32.

    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in densenet121().parameters())
    7978856
    """
    return ImageNetDenseNet(121, classes, in_channels)


def densenet161(classes: int = 1000, in_channels: int = 3) -> ImageNetDenseNet:
    """161 layers, growth rate 48."""
    return ImageNetDenseNet(161, classes, in_channels)


def densenet169(classes: int = 1000, in_channels: int = 3) -> ImageNetDenseNet:
    """169 layers, growth rate 32."""
    return ImageNetDenseNet(169, classes, in_channels)


def densenet201(classes: int = 1000, in_channels: int = 3) -> ImageNetDenseNet:
    """201 layers, growth rate 32."""
    return ImageNetDenseNet(201, classes, in_channels)


def densenet40_12(classes: int = 10, in_channels: int = 3) -> CifarDenseNet:
    """L = 40, k = 12; 1.0 million parameters."""
    return CifarDenseNet(40, 12, classes, in_channels, compressed=False)


def densenet100_12(classes: int = 10, in_channels: int = 3) -> CifarDenseNet:
    """L = 100, k = 12; 7.0 million parameters."""
    return CifarDenseNet(100, 12, classes, in_channels, compressed=False)


def densenet100_24(classes: int = 10, in_channels: int = 3) -> CifarDenseNet:
    """L = 100, k = 24; 27.2 million parameters."""
    return CifarDenseNet(100, 24, classes, in_channels, compressed=False)


def densenet_bc100_12(classes: int = 10, in_channels: int = 3) -> CifarDenseNet:
    """DenseNet-BC, L = 100, k = 12; 0.8 million parameters."""
    return CifarDenseNet(100, 12, classes, in_channels, compressed=True)


def densenet_bc250_24(classes: int = 10, in_channels: int = 3) -> CifarDenseNet:
    """DenseNet-BC, L = 250, k = 24; 15.3 million parameters."""
    return CifarDenseNet(250, 24, classes, in_channels, compressed=True)


def densenet_bc190_40(classes: int = 10, in_channels: int = 3) -> CifarDenseNet:
    """DenseNet-BC, L = 190, k = 40; 25.6 million parameters."""
    return CifarDenseNet(190, 40, classes, in_channels, compressed=True)
