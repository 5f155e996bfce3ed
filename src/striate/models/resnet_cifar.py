"""The ResNets for 32x32 pictures: 6n + 2 layers, stages of 16, 32 and 64 maps, shortcuts without weights.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", arXiv:1512.03385, section 4.2 and
table 6; the plain networks beside them from figure 6.
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import Network
from striate.models.resnet import Block, basic, option_a, plain, stage_of

WIDTHS = (16, 32, 64)
# The usual CIFAR-10 statistics of the training pictures on the 0..1 scale.
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class CifarResNet(Network):
    """A 3x3 convolution, three stages of n blocks each, global average pooling, one linear layer."""

    classifier_name = "fc"
    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential

    def __init__(self, layers: int, block: Block, classes: int, in_channels: int) -> None:
        super().__init__()
        depth = (layers - 2) // 6
        self.conv1 = nn.Conv2d(in_channels, 16, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        channels, stages = 16, list[Feature]()
        for number, width in enumerate(WIDTHS, start=1):
            stage = stage_of(block, channels, width, depth, 1 if number == 1 else 2, option_a)
            self.add_module(f"layer{number}", stage)
            stages.append(Feature(f"layer{number}", width, 2 ** (number - 1)))
            channels = width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, classes)
        self.features_info = tuple(stages)
        self.preprocess = Preprocess((32, 32), (32, 32), MEAN, STD).for_channels(in_channels)
        he_normal_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 32, 32) to (N, 64, 8, 8)."""
        x = self.relu(self.bn1(self.conv1(images)))  # N, 16, 32, 32
        return self.layer3(self.layer2(self.layer1(x)))  # type: ignore[no-any-return]   # N, 64, 8, 8

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 64, H, W) to (N, classes)."""
        flat = self.avgpool(features).flatten(1)  # N, 64
        return flat if pre_logits else self.fc(flat)  # type: ignore[no-any-return]


def resnet20(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """20 layers, 0.27 million parameters."""
    return CifarResNet(20, basic, classes, in_channels)


def resnet32(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """32 layers, 0.46 million parameters."""
    return CifarResNet(32, basic, classes, in_channels)


def resnet44(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """44 layers, 0.66 million parameters."""
    return CifarResNet(44, basic, classes, in_channels)


def resnet56(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """56 layers, 0.85 million parameters."""
    return CifarResNet(56, basic, classes, in_channels)


def resnet110(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """110 layers, 1.7 million parameters."""
    return CifarResNet(110, basic, classes, in_channels)


def resnet1202(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """1202 layers, 19.4 million parameters."""
    return CifarResNet(1202, basic, classes, in_channels)


def plain20(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """ResNet-20 without its shortcuts."""
    return CifarResNet(20, plain, classes, in_channels)


def plain32(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """ResNet-32 without its shortcuts."""
    return CifarResNet(32, plain, classes, in_channels)


def plain44(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """ResNet-44 without its shortcuts."""
    return CifarResNet(44, plain, classes, in_channels)


def plain56(classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """ResNet-56 without its shortcuts."""
    return CifarResNet(56, plain, classes, in_channels)
