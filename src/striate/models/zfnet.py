"""ZFNet: AlexNet with a finer first layer, found by looking at what its filters had learned.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", arXiv:1311.2901, figure 3.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import LocalResponseNorm, normal_
from striate.models.network import Network


class ZFNet(Network):
    """Five convolutions with ReLU, pooled, then normalised after the first two; three dense layers."""

    classifier_name = "classifier.fc8"
    smallest_px = 47

    def __init__(self, widths: tuple[int, int, int], classes: int, in_channels: int) -> None:
        super().__init__()
        third, fourth, fifth = widths
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 96, kernel_size=7, stride=2, padding=1),  # N, 96, 110, 110
                relu1=nn.ReLU(inplace=True),
                pool1=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 96, 55, 55
                norm1=LocalResponseNorm(),
                conv2=nn.Conv2d(96, 256, kernel_size=5, stride=2),  # N, 256, 26, 26
                relu2=nn.ReLU(inplace=True),
                pool2=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 256, 13, 13
                norm2=LocalResponseNorm(),
                conv3=nn.Conv2d(256, third, kernel_size=3, padding=1),  # N, 384, 13, 13
                relu3=nn.ReLU(inplace=True),
                conv4=nn.Conv2d(third, fourth, kernel_size=3, padding=1),  # N, 384, 13, 13
                relu4=nn.ReLU(inplace=True),
                conv5=nn.Conv2d(fourth, fifth, kernel_size=3, padding=1),  # N, 256, 13, 13
                relu5=nn.ReLU(inplace=True),
                pool5=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N, 256, 6, 6
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(6)  # the identity at 224x224; makes other sizes fit
        self.classifier = nn.Sequential(
            OrderedDict(
                fc6=nn.Linear(fifth * 6 * 6, 4096),
                relu6=nn.ReLU(inplace=True),
                drop6=nn.Dropout(0.5),
                fc7=nn.Linear(4096, 4096),
                relu7=nn.ReLU(inplace=True),
                drop7=nn.Dropout(0.5),
                fc8=nn.Linear(4096, classes),
            )
        )
        self.features_info = (
            Feature("features.relu1", 96, 2),
            Feature("features.relu2", 256, 8),
            Feature("features.relu5", fifth, 16),
            Feature("features.pool5", fifth, 32),
        )
        self.preprocess = Preprocess((224, 224), (256, 256)).for_channels(in_channels)
        normal_(self, std=0.01)  # section 3: weights 10^-2, biases 0

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 224, 224) to (N, 256 or 512, 6, 6)."""
        return self.features(images)  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 256 or 512, H, W) to (N, classes)."""
        flat = self.pool(features).flatten(1)
        head = self.classifier[:-1] if pre_logits else self.classifier
        return head(flat)  # type: ignore[no-any-return]


def zfnet(classes: int = 1000, in_channels: int = 3) -> ZFNet:
    """The network of figure 3."""
    return ZFNet((384, 384, 256), classes, in_channels)


def zfnet_wide(classes: int = 1000, in_channels: int = 3) -> ZFNet:
    """512, 1024 and 512 maps in layers 3, 4 and 5: the paper's table 2, network (b)."""
    return ZFNet((512, 1024, 512), classes, in_channels)
