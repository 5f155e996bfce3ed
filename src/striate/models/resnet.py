"""The ImageNet ResNets of 18 to 152 layers, stride in the 3x3 convolution, as everybody's weights have it.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", arXiv:1512.03385, table 1.
The paper strides in the first 1x1 of a bottleneck; moving it to the 3x3 ("v1.5") costs 6 % more arithmetic
and is what published weight files hold. Key names are torchvision's.
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import Network

WIDTHS = (64, 128, 256, 512)


class Basic(nn.Module):
    """Two 3x3 convolutions and a shortcut (figure 5, left)."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, width, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut (figure 5, right)."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, 4 width, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)  # type: ignore[no-any-return]


Block = type[Basic] | type[Bottleneck]
# arXiv:1512.03385, table 1    layers: (block, blocks in conv2_x ... conv5_x)
LAYOUT: dict[int, tuple[Block, tuple[int, ...]]] = {
    18: (Basic, (2, 2, 2, 2)),
    34: (Basic, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


def projection(channels: int, width: int, stride: int) -> nn.Sequential | None:
    """The shortcut of option B: a 1x1 convolution where the shape changes, otherwise nothing."""
    if channels == width and stride == 1:
        return None
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(width)
    )


class ResNet(Network):
    """One column of the paper's table 1."""

    classifier_name = "fc"
    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, layers: int, classes: int, in_channels: int) -> None:
        super().__init__()
        block, depths = LAYOUT[layers]
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels, stages = 64, list[Feature]()
        for stage, (width, depth) in enumerate(zip(WIDTHS, depths, strict=True)):
            out = width * block.expansion
            stride = 1 if stage == 0 else 2
            first = block(channels, width, stride, projection(channels, out, stride))
            rest = [block(out, width, 1, None) for _ in range(depth - 1)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(first, *rest))
            stages.append(Feature(f"layer{stage + 1}", out, 4 * 2**stage))
            channels = out
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)
        self.features_info = tuple(stages)
        self.preprocess = Preprocess((224, 224), (256, 256)).for_channels(in_channels)
        he_normal_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 224, 224) to (N, 512 or 2048, 7, 7)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))  # N, 64, 56, 56
        x = self.layer2(self.layer1(x))  # N, 128e, 28, 28     e = block.expansion
        return self.layer4(self.layer3(x))  # type: ignore[no-any-return]   # N, 512e, 7, 7

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 512e, H, W) to (N, classes)."""
        flat = self.avgpool(features).flatten(1)  # N, 512e
        return flat if pre_logits else self.fc(flat)  # type: ignore[no-any-return]


def resnet18(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """18 layers of basic blocks."""
    return ResNet(18, classes, in_channels)


def resnet34(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """34 layers of basic blocks."""
    return ResNet(34, classes, in_channels)


def resnet50(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """50 layers of bottlenecks.

    >>> import torch
    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in resnet50().parameters())
    25557032
    """
    return ResNet(50, classes, in_channels)


def resnet101(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """101 layers of bottlenecks."""
    return ResNet(101, classes, in_channels)


def resnet152(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """152 layers of bottlenecks."""
    return ResNet(152, classes, in_channels)
