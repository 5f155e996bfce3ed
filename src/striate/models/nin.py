"""Network in Network: 1x1 convolutions after each convolution, and averages of maps instead of dense layers.

Lin, Chen and Yan, "Network in network", arXiv:1312.4400, section 4 and figure 2. The paper prints no widths;
these are those of the configurations that its authors published for CIFAR-10 and ImageNet.
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import Network
from striate.models.resnet_cifar import MEAN, STD


def mlpconv(channels: int, widths: tuple[int, ...], kernel: int, stride: int, padding: int) -> list[nn.Module]:
    """A convolution, then 1x1 convolutions, each with ReLU: a small multi-layer perceptron that slides."""
    rows: list[nn.Module] = []
    for number, width in enumerate(widths):
        if number == 0:
            rows.append(nn.Conv2d(channels, width, kernel, stride=stride, padding=padding))
        else:
            rows.append(nn.Conv2d(channels, width, kernel_size=1))
        rows.append(nn.ReLU(inplace=True))
        channels = width
    return rows


class NetworkInNetwork(Network):
    """mlpconv layers with overlapping max pooling between; the last gives one map per class."""

    classifier_name = "classifier"

    def __init__(self, rows: list[nn.Module], width: int, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*rows)
        self.classifier = nn.Conv2d(width, classes, kernel_size=1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        he_normal_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """Images to the maps that the last 1x1 convolution reads."""
        return self.features(images)  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, C, H, W) to (N, classes); what the last layer reads are these same maps."""
        if pre_logits:
            return features
        return self.pool(self.relu(self.classifier(features))).flatten(1)  # type: ignore[no-any-return]


class CifarNetworkInNetwork(NetworkInNetwork):
    """Three mlpconv layers for 32x32 pictures."""

    smallest_px = 4

    def __init__(self, classes: int, in_channels: int) -> None:
        rows = [
            *mlpconv(in_channels, (192, 160, 96), kernel=5, stride=1, padding=2),  # N, 96, 32, 32
            nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 96, 16, 16
            nn.Dropout(0.5),
            *mlpconv(96, (192, 192, 192), kernel=5, stride=1, padding=2),  # N, 192, 16, 16
            nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 192, 8, 8
            nn.Dropout(0.5),
            *mlpconv(192, (192, 192), kernel=3, stride=1, padding=1),  # N, 192, 8, 8
        ]
        super().__init__(rows, 192, classes)
        self.features_info = (
            Feature("features.5", 96, 1),
            Feature("features.13", 192, 2),
            Feature("features.19", 192, 4),
        )
        self.preprocess = Preprocess((32, 32), (32, 32), MEAN, STD).for_channels(in_channels)


class ImageNetNetworkInNetwork(NetworkInNetwork):
    """Four mlpconv layers for 224x224 pictures."""

    smallest_px = 39

    def __init__(self, classes: int, in_channels: int) -> None:
        rows = [
            *mlpconv(in_channels, (96, 96, 96), kernel=11, stride=4, padding=0),  # N, 96, 54, 54
            nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 96, 27, 27
            *mlpconv(96, (256, 256, 256), kernel=5, stride=1, padding=2),  # N, 256, 27, 27
            nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 256, 13, 13
            *mlpconv(256, (384, 384, 384), kernel=3, stride=1, padding=1),  # N, 384, 13, 13
            nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 384, 6, 6
            nn.Dropout(0.5),
            *mlpconv(384, (1024, 1024), kernel=3, stride=1, padding=1),  # N, 1024, 6, 6
        ]
        super().__init__(rows, 1024, classes)
        self.features_info = (
            Feature("features.5", 96, 4),
            Feature("features.12", 256, 8),
            Feature("features.19", 384, 16),
            Feature("features.25", 1024, 32),
        )
        self.preprocess = Preprocess((224, 224), (256, 256)).for_channels(in_channels)


def nin_cifar(classes: int = 10, in_channels: int = 3) -> CifarNetworkInNetwork:
    """The CIFAR network.

    >>> sum(p.numel() for p in nin_cifar().parameters())
    966986
    """
    return CifarNetworkInNetwork(classes, in_channels)


def nin(classes: int = 1000, in_channels: int = 3) -> ImageNetNetworkInNetwork:
    """The ImageNet network."""
    return ImageNetNetworkInNetwork(classes, in_channels)
