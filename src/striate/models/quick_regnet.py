"""Residual networks for pictures of 32 to 64 px, made to be trained on a laptop in an hour, the larger in some.

Our own arrangement of known parts: the blocks of RegNetY (Radosavovic et al., arXiv:2003.13678, section 5 and figure
4: bottleneck ratio 1, 16 channels a group, squeeze-and-excitation of Hu et al., arXiv:1709.01507, here behind the last
norm), which learn more per multiply-accumulate than plain 3x3 convolutions. The first layer is a 4x4 convolution of
stride 2, small enough to be whitened (Jordan, arXiv:2404.00498, section 3.1); shortcuts that shrink average before they
project (ResNet-D of He et al., arXiv:1812.01187, section 4.2); a block begins as the identity (Goyal et al.,
arXiv:1706.02677, section 5.1).
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import SqueezeExcitation, he_normal_
from striate.models.network import Network
from striate.models.resnet import Bottleneck, Shortcut, stage_of

GROUP_WIDTH = 16
REDUCTION = 8
# Means and deviations of Tiny-ImageNet's training pictures on the 0..1 scale.
MEAN, STD = (0.480, 0.448, 0.398), (0.277, 0.269, 0.282)


class Block(Bottleneck):
    """1x1, 3x3 in groups of 16 channels, 1x1, squeeze-and-excitation, and a shortcut."""

    def __init__(self, channels: int, width: int, stride: int, shortcut: Shortcut) -> None:
        super().__init__(channels, width, width, (1, stride), width // GROUP_WIDTH, None)
        self.se = SqueezeExcitation(width, width // REDUCTION)
        self.downsample = shortcut(channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, width, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.se(self.bn3(self.conv3(x))) + shortcut)  # type: ignore[no-any-return]


def averaging(channels: int, width: int, stride: int) -> nn.Module | None:
    """Average 2x2 where the block strides, then project: no pixel of the shortcut is dropped."""
    if (channels, stride) == (width, 1):
        return None
    pool = [nn.AvgPool2d(2, ceil_mode=True)] if stride == 2 else []
    return nn.Sequential(*pool, nn.Conv2d(channels, width, kernel_size=1, bias=False), nn.BatchNorm2d(width))


class QuickRegNet(Network):
    """A 4x4 convolution of stride 2, four stages of blocks, global average, one dense layer."""

    classifier_name = "fc"
    smallest_px = 2
    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...], classes: int, in_channels: int) -> None:
        super().__init__()
        channels, stages = widths[0], list[Feature]()
        self.conv1 = nn.Conv2d(in_channels, channels, kernel_size=4, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        for number, (width, depth) in enumerate(zip(widths, depths, strict=True), start=1):
            stage = stage_of(Block, channels, width, depth, 1 if number == 1 else 2, averaging)
            self.add_module(f"layer{number}", stage)
            stages.append(Feature(f"layer{number}", width, 2**number))
            channels = width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)
        self.features_info = tuple(stages)
        self.preprocess = Preprocess((64, 64), (64, 64), MEAN, STD).for_channels(in_channels)
        he_normal_(self)
        for block in self.modules():
            if isinstance(block, Block):
                nn.init.zeros_(block.bn3.weight)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 64, 64) to (N, widths[3], 4, 4)."""
        x = self.relu(self.bn1(self.conv1(images)))  # N, widths[0], 32, 32
        x = self.layer2(self.layer1(x))  # N, widths[1], 16, 16
        return self.layer4(self.layer3(x))  # type: ignore[no-any-return]   # N, widths[3], 4, 4

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, widths[3], H, W) to (N, classes)."""
        flat = self.avgpool(features).flatten(1)  # N, widths[3]
        return flat if pre_logits else self.fc(flat)  # type: ignore[no-any-return]


def quick_regnet26(classes: int = 200, in_channels: int = 3) -> QuickRegNet:
    """26 layers, 1.3 million parameters, 72 million multiply-accumulates at 64 px."""
    return QuickRegNet((48, 96, 192, 384), (1, 2, 3, 2), classes, in_channels)


def quick_regnet29(classes: int = 200, in_channels: int = 3) -> QuickRegNet:
    """29 layers, 2.3 million parameters, 130 million multiply-accumulates at 64 px."""
    return QuickRegNet((64, 128, 256, 512), (1, 2, 4, 2), classes, in_channels)
