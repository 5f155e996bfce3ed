"""A residual network for pictures of 32 to 64 px that is made to be trained in an hour on a laptop.

Our own arrangement of known parts. The first layer is a 4x4 convolution of stride 2, small enough to be whitened
(Jordan, arXiv:2404.00498, section 3.1); max pooling follows, so that all residual blocks work on maps of 16x16 and
less, where a multiply-accumulate on a processor is cheapest; shortcuts that shrink average before they project
(ResNet-D of He et al., arXiv:1812.01187, section 4.2), and a block begins as the identity (Goyal et al.,
arXiv:1706.02677, section 5.1).
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import Network
from striate.models.resnet import Basic, basic, stage_of

WIDTHS = (96, 192, 368)
DEPTHS = (1, 2, 2)
# Means and deviations of Tiny-ImageNet's training pictures on the 0..1 scale.
MEAN, STD = (0.480, 0.448, 0.398), (0.277, 0.269, 0.282)


def averaging(channels: int, width: int, stride: int) -> nn.Module | None:
    """Average 2x2 where the block strides, then project: no pixel of the shortcut is dropped."""
    if (channels, stride) == (width, 1):
        return None
    pool = [nn.AvgPool2d(2, ceil_mode=True)] if stride == 2 else []
    return nn.Sequential(*pool, nn.Conv2d(channels, width, kernel_size=1, bias=False), nn.BatchNorm2d(width))


class QuickResNet(Network):
    """A 4x4 convolution of stride 2, 3x3 max pooling, three stages of basic blocks, global average, one dense layer."""

    classifier_name = "fc"
    smallest_px = 2
    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential

    def __init__(self, depths: tuple[int, ...], classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 48, kernel_size=4, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(48)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        channels, stages = 48, list[Feature]()
        for number, (width, depth) in enumerate(zip(WIDTHS, depths, strict=True), start=1):
            stage = stage_of(basic, channels, width, depth, 1 if number == 1 else 2, averaging)
            self.add_module(f"layer{number}", stage)
            stages.append(Feature(f"layer{number}", width, 2 ** (number + 1)))
            channels = width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)
        self.features_info = tuple(stages)
        self.preprocess = Preprocess((64, 64), (64, 64), MEAN, STD).for_channels(in_channels)
        he_normal_(self)
        for block in self.modules():
            if isinstance(block, Basic):
                nn.init.zeros_(block.bn2.weight)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 64, 64) to (N, 368, 4, 4)."""
        x = self.relu(self.bn1(self.conv1(images)))  # N, 48, 32, 32
        x = self.layer1(self.maxpool(x))  # N, 96, 16, 16
        return self.layer3(self.layer2(x))  # type: ignore[no-any-return]   # N, 368, 4, 4

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 368, H, W) to (N, classes)."""
        flat = self.avgpool(features).flatten(1)  # N, 368
        return flat if pre_logits else self.fc(flat)  # type: ignore[no-any-return]


def quick_resnet12(classes: int = 200, in_channels: int = 3) -> QuickResNet:
    """12 layers, 5.8 million parameters, 181 million multiply-accumulates at 64 px."""
    return QuickResNet(DEPTHS, classes, in_channels)
