"""torchvision's GoogLeNet: batch norm everywhere and 3x3 filters for the paper's 5x5, so that its weights
load.

After Szegedy et al., "Going deeper with convolutions", arXiv:1409.4842; the batch norm is that of Ioffe and
Szegedy, arXiv:1502.03167. Key names are torchvision's.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.googlenet import AUXILIARY_WEIGHT, MODULES
from striate.models.network import Network

# DEVIATES arXiv:1409.4842: batch norm, 3x3 instead of 5x5, no LRN, 20 % dropout, 2x2 fourth pooling: as
# torchvision.


def convolution(channels: int, width: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution of odd kernel that keeps the size (or halves it with stride 2), batch norm and ReLU."""
    conv = nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(width, eps=1e-3), relu=nn.ReLU(inplace=True)))


class InceptionTV(nn.Module):
    """Four branches side by side; the numbers in the order of the paper's table 1."""

    def __init__(
        self, channels: int, one: int, three_reduce: int, three: int, five_reduce: int, five: int, pooled: int
    ) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.branch1 = convolution(channels, one, 1)
        self.branch2 = nn.Sequential(convolution(channels, three_reduce, 1), convolution(three_reduce, three, 3))
        self.branch3 = nn.Sequential(convolution(channels, five_reduce, 1), convolution(five_reduce, five, 3))
        self.branch4 = nn.Sequential(pool, convolution(channels, pooled, 1))
        self.width = one + three + five + pooled

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, width, H, W)."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class AuxiliaryHeadTV(nn.Module):
    """Average pooling to 4x4, 128 1x1 filters, 1024 units, 70 % dropout, classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.conv = convolution(channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 512 or 528, H, W) to (N, classes)."""
        x = self.conv(self.pool(x)).flatten(1)  # N, 2048
        return self.fc2(self.dropout(self.relu(self.fc1(x))))  # type: ignore[no-any-return]


class GoogLeNetTV(Network):
    """22 layers with weights; the auxiliary heads run only in `training_logits`."""

    classifier_name = "fc"
    auxiliary_classifiers = ("aux1.fc2", "aux2.fc2")
    smallest_px = 15

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, 64, 7, stride=2)  # N, 64, 112, 112
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = convolution(64, 64, 1)
        self.conv3 = convolution(64, 192, 3)  # N, 192, 56, 56
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        channels = 192
        for name, numbers in MODULES.items():
            module = InceptionTV(channels, *numbers)
            self.add_module(name, module)
            channels = module.width
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.aux1 = AuxiliaryHeadTV(512, classes)
        self.aux2 = AuxiliaryHeadTV(528, classes)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, classes)
        self.features_info = (
            Feature("conv1", 64, 2),
            Feature("conv3", 192, 4),
            Feature("inception3b", 480, 8),
            Feature("inception4e", 832, 16),
            Feature("inception5b", 1024, 32),
        )
        # The published weights came from TensorFlow and want -1..1.
        half = (0.5, 0.5, 0.5)
        self.preprocess = Preprocess((224, 224), (256, 256), half, half).for_channels(in_channels)
        he_normal_(self)

    def _run(self, names: tuple[str, ...], x: Tensor) -> Tensor:
        for name in names:
            x = self.get_submodule(name)(x)
        return x

    def _to_4a(self, images: Tensor) -> Tensor:
        x = self._run(("conv1", "maxpool1", "conv2", "conv3", "maxpool2"), images)  # N, 192, 28, 28
        return self._run(("inception3a", "inception3b", "maxpool3", "inception4a"), x)

    def _to_4d(self, x: Tensor) -> Tensor:
        return self._run(("inception4b", "inception4c", "inception4d"), x)

    def _to_5b(self, x: Tensor) -> Tensor:
        return self._run(("inception4e", "maxpool4", "inception5a", "inception5b"), x)

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


def googlenet_tv(classes: int = 1000, in_channels: int = 3) -> GoogLeNetTV:
    """torchvision's GoogLeNet; 6,624,904 parameters without the auxiliary heads."""
    return GoogLeNetTV(classes, in_channels)
