"""GoogLeNet as the paper describes it: nine Inception modules, two auxiliary heads, no batch norm.

Szegedy et al., "Going deeper with convolutions", arXiv:1409.4842, table 1, figures 2 and 3.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import LocalResponseNorm, xavier_uniform_
from striate.models.network import Network

AUXILIARY_WEIGHT = 0.3  # section 5
# arXiv:1409.4842, table 1    module: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
MODULES = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}


def convolution(channels: int, width: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution of odd kernel that keeps the size (or halves it with stride 2), and ReLU."""
    conv = nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2)
    return nn.Sequential(OrderedDict(conv=conv, relu=nn.ReLU(inplace=True)))


class NaiveInception(nn.Module):
    """1x1, 3x3 and 5x5 convolutions and a 3x3 max pooling side by side (figure 2a): not used by the network.

    Input (N, channels, H, W), output (N, one + three + five + channels, H, W).

    >>> NaiveInception(256, 128, 192, 96)(torch.zeros(1, 256, 28, 28)).shape
    torch.Size([1, 672, 28, 28])
    """

    def __init__(self, channels: int, one: int, three: int, five: int) -> None:
        super().__init__()
        self.branch1 = convolution(channels, one, 1)
        self.branch2 = convolution(channels, three, 3)
        self.branch3 = convolution(channels, five, 5)
        self.branch4 = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the four branches side by side."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class Inception(nn.Module):
    """The same with 1x1 convolutions before the large filters and after the pooling (figure 2b).

    Input (N, channels, H, W), output (N, one + three + five + pooled, H, W); the numbers in the order of
    table 1.

    >>> Inception(192, 64, 96, 128, 16, 32, 32)(torch.zeros(1, 192, 28, 28)).shape
    torch.Size([1, 256, 28, 28])
    """

    def __init__(
        self, channels: int, one: int, three_reduce: int, three: int, five_reduce: int, five: int, pooled: int
    ) -> None:
        super().__init__()
        self.branch1 = convolution(channels, one, 1)
        self.branch2 = nn.Sequential(convolution(channels, three_reduce, 1), convolution(three_reduce, three, 3))
        self.branch3 = nn.Sequential(convolution(channels, five_reduce, 1), convolution(five_reduce, five, 5))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), convolution(channels, pooled, 1))
        self.width = one + three + five + pooled

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, width, H, W)."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class AuxiliaryHead(nn.Module):
    """Section 5: 5x5 average pooling with stride 3, 128 1x1 filters, 1024 units, 70 % dropout, classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(5, stride=3)
        self.conv = convolution(channels, 128, 1)
        self.fit = nn.AdaptiveAvgPool2d(4)  # the identity at 224x224; makes other sizes fit
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 512 or 528, 14, 14) to (N, classes)."""
        x = self.fit(self.conv(self.pool(x))).flatten(1)  # N, 2048
        return self.fc2(self.dropout(self.relu(self.fc1(x))))  # type: ignore[no-any-return]


class GoogLeNet(Network):
    """22 layers with weights; the auxiliary heads run only in `training_logits`."""

    classifier_name = "fc"
    auxiliary_classifiers = ("aux1.fc2", "aux2.fc2")
    smallest_px = 79

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                conv1=convolution(in_channels, 64, 7, stride=2),  # N, 64, 112, 112
                pool1=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 64, 56, 56
                norm1=LocalResponseNorm(),
                conv2=convolution(64, 64, 1),
                conv3=convolution(64, 192, 3),  # N, 192, 56, 56
                norm2=LocalResponseNorm(),
                pool2=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 192, 28, 28
            )
        )
        channels = 192
        for name, numbers in MODULES.items():
            module = Inception(channels, *numbers)
            self.add_module(name, module)
            channels = module.width
        self.pool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pool4 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.aux1 = AuxiliaryHead(512, classes)
        self.aux2 = AuxiliaryHead(528, classes)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(1024, classes)
        self.features_info = (
            Feature("stem.conv1", 64, 2),
            Feature("stem.norm2", 192, 4),
            Feature("inception3b", 480, 8),
            Feature("inception4e", 832, 16),
            Feature("inception5b", 1024, 32),
        )
        self.preprocess = Preprocess((224, 224), (256, 256)).for_channels(in_channels)
        xavier_uniform_(self)

    def _run(self, names: tuple[str, ...], x: Tensor) -> Tensor:
        for name in names:
            x = self.get_submodule(name)(x)
        return x

    def _to_4a(self, images: Tensor) -> Tensor:
        return self._run(("stem", "inception3a", "inception3b", "pool3", "inception4a"), images)

    def _to_4d(self, x: Tensor) -> Tensor:
        return self._run(("inception4b", "inception4c", "inception4d"), x)

    def _to_5b(self, x: Tensor) -> Tensor:
        return self._run(("inception4e", "pool4", "inception5a", "inception5b"), x)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 224, 224) to (N, 1024, 7, 7)."""
        return self._to_5b(self._to_4d(self._to_4a(images)))

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 1024, H, W) to (N, classes)."""
        flat = self.dropout(self.avgpool(features).flatten(1))  # N, 1024
        return flat if pre_logits else self.fc(flat)  # type: ignore[no-any-return]

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        after_4a = self._to_4a(images)  # N, 512, 14, 14
        after_4d = self._to_4d(after_4a)  # N, 528, 14, 14
        main = self.forward_head(self._to_5b(after_4d))
        return [(1.0, main), (AUXILIARY_WEIGHT, self.aux1(after_4a)), (AUXILIARY_WEIGHT, self.aux2(after_4d))]


def googlenet(classes: int = 1000, in_channels: int = 3) -> GoogLeNet:
    """The network of table 1; 6,998,552 parameters without the auxiliary heads."""
    return GoogLeNet(classes, in_channels)
