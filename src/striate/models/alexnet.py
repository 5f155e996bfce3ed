"""AlexNet as the 2012 paper describes it, in two groups, and as one tower, the way lecture slides list it.

Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", NIPS
2012, section 3.5 and figure 2.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import LocalResponseNorm, normal_
from striate.models.network import Network


def two_groups(in_channels: int) -> OrderedDict[str, nn.Module]:
    """The paper's five convolutions, three of them in two groups (its two GPUs); normalised, then pooled."""
    return OrderedDict(
        # 227 px: the paper prints 224, which its own 55x55 maps contradict: 55 = (227 - 11) / 4 + 1
        conv1=nn.Conv2d(in_channels, 96, kernel_size=11, stride=4),  # N, 96, 55, 55
        relu1=nn.ReLU(inplace=True),
        norm1=LocalResponseNorm(),
        pool1=nn.MaxPool2d(3, stride=2),  # N, 96, 27, 27
        conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2),  # N, 256, 27, 27
        relu2=nn.ReLU(inplace=True),
        norm2=LocalResponseNorm(),
        pool2=nn.MaxPool2d(3, stride=2),  # N, 256, 13, 13
        conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),  # N, 384, 13, 13
        relu3=nn.ReLU(inplace=True),
        conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2),  # N, 384, 13, 13
        relu4=nn.ReLU(inplace=True),
        conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2),  # N, 256, 13, 13
        relu5=nn.ReLU(inplace=True),
        pool5=nn.MaxPool2d(3, stride=2),  # N, 256, 6, 6
    )


def one_tower(in_channels: int) -> OrderedDict[str, nn.Module]:
    """The same convolutions without groups."""
    return OrderedDict(
        conv1=nn.Conv2d(in_channels, 96, kernel_size=11, stride=4),  # N, 96, 55, 55
        relu1=nn.ReLU(inplace=True),
        # DEVIATES NIPS 2012: pooled, then normalised, as the slides list it; no groups.
        pool1=nn.MaxPool2d(3, stride=2),  # N, 96, 27, 27
        norm1=LocalResponseNorm(),
        conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2),  # N, 256, 27, 27
        relu2=nn.ReLU(inplace=True),
        pool2=nn.MaxPool2d(3, stride=2),  # N, 256, 13, 13
        norm2=LocalResponseNorm(),
        conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),  # N, 384, 13, 13
        relu3=nn.ReLU(inplace=True),
        conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1),  # N, 384, 13, 13
        relu4=nn.ReLU(inplace=True),
        conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1),  # N, 256, 13, 13
        relu5=nn.ReLU(inplace=True),
        pool5=nn.MaxPool2d(3, stride=2),  # N, 256, 6, 6
    )


class AlexNet(Network):
    """Five convolutions and three dense layers."""

    classifier_name = "classifier.fc8"
    smallest_px = 67

    def __init__(self, features: OrderedDict[str, nn.Module], classes: int, in_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(features)
        self.pool = nn.AdaptiveAvgPool2d(6)  # the identity at 227x227; makes other sizes fit
        self.classifier = nn.Sequential(
            OrderedDict(
                drop6=nn.Dropout(0.5),
                fc6=nn.Linear(256 * 6 * 6, 4096),
                relu6=nn.ReLU(inplace=True),
                drop7=nn.Dropout(0.5),
                fc7=nn.Linear(4096, 4096),
                relu7=nn.ReLU(inplace=True),
                fc8=nn.Linear(4096, classes),
            )
        )
        self.features_info = (
            Feature("features.relu1", 96, 4),
            Feature("features.relu2", 256, 8),
            Feature("features.relu5", 256, 16),
            Feature("features.pool5", 256, 32),
        )
        self.preprocess = Preprocess((227, 227), (256, 256)).for_channels(in_channels)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        """Section 5: N(0, 0.01); biases 1 in conv2, conv4, conv5 and the hidden dense layers, else 0."""
        normal_(self, std=0.01)
        with_ones = ("features.conv2", "features.conv4", "features.conv5", "classifier.fc6", "classifier.fc7")
        for path in with_ones:
            bias = self.get_submodule(path).bias
            assert isinstance(bias, Tensor)  # noqa: S101 - our own invariant
            bias.fill_(1)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 227, 227) to (N, 256, 6, 6)."""
        return self.features(images)  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 256, H, W) to (N, classes)."""
        flat = self.pool(features).flatten(1)  # N, 9216
        head = self.classifier[:-1] if pre_logits else self.classifier
        return head(flat)  # type: ignore[no-any-return]


def alexnet(classes: int = 1000, in_channels: int = 3) -> AlexNet:
    """The network of the paper; its 60,965,224 parameters are the paper's "60 million".

    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in alexnet().parameters())
    60965224
    """
    return AlexNet(two_groups(in_channels), classes, in_channels)


def alexnet_single(classes: int = 1000, in_channels: int = 3) -> AlexNet:
    """One tower, as lecture slides list it.

    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in alexnet_single().parameters())
    62378344
    """
    return AlexNet(one_tower(in_channels), classes, in_channels)
