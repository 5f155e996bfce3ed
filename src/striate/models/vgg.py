"""VGG A to E: 3x3 convolutions (and a few 1x1 in column C), 2x2 pooling and three dense layers.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", arXiv:1409.1556,
table 1. Key names are torchvision's, where it has the column.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import LocalResponseNorm, he_normal_
from striate.models.network import Network

WIDTHS = (64, 128, 256, 512, 512)
LRN = "LRN"
# arXiv:1409.1556, table 1    column: kernel of each convolution before each of the five poolings
COLUMNS: dict[str, tuple[tuple[int | str, ...], ...]] = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "A-LRN": ((3, LRN), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}


def convolution(channels: int, width: int, kernel: int, batch_norm: bool) -> list[nn.Module]:
    """A convolution that keeps the size, with ReLU; `batch_norm` puts one between."""
    conv = nn.Conv2d(channels, width, kernel_size=kernel, padding=kernel // 2)
    norm = [nn.BatchNorm2d(width)] if batch_norm else []
    return [conv, *norm, nn.ReLU(inplace=True)]


class VGG(Network):
    """One column of the paper's table 1."""

    classifier_name = "classifier.6"
    # timm's, which has the first two as convolutions over 7x7 and over one place
    names_elsewhere: ClassVar = {
        "pre_logits.fc1": "classifier.0",
        "pre_logits.fc2": "classifier.3",
        "head.fc": "classifier.6",
    }
    smallest_px = 32

    def __init__(self, column: str, classes: int, in_channels: int, batch_norm: bool = False) -> None:
        super().__init__()
        rows: list[nn.Module] = []
        stages: list[Feature] = []
        channels = in_channels
        for stage, (width, entries) in enumerate(zip(WIDTHS, COLUMNS[column], strict=True)):
            for entry in entries:
                if isinstance(entry, int):
                    rows += convolution(channels, width, entry, batch_norm)
                else:
                    rows.append(LocalResponseNorm())  # section 2.1: the parameters are AlexNet's
                channels = width
            stages.append(Feature(f"features.{len(rows) - 1}", width, 2**stage))
            rows.append(nn.MaxPool2d(2, stride=2))
        self.features = nn.Sequential(*rows)  # N, 512, 7, 7
        self.avgpool = nn.AdaptiveAvgPool2d(7)  # the identity at 224x224; makes other sizes fit
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, classes),
        )
        self.features_info = tuple(stages)
        self.preprocess = Preprocess((224, 224), (256, 256)).for_channels(in_channels)
        # DEVIATES arXiv:1409.1556: He's initialisation instead of growing from column A; it keeps 19 layers
        # alive.
        he_normal_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 224, 224) to (N, 512, 7, 7)."""
        return self.features(images)  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 512, H, W) to (N, classes)."""
        flat = self.avgpool(features).flatten(1)  # N, 25088
        head = self.classifier[:-1] if pre_logits else self.classifier
        return head(flat)  # type: ignore[no-any-return]


def vgg11(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column A: 11 weight layers, 133 million parameters."""
    return VGG("A", classes, in_channels)


def vgg11_lrn(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column A-LRN: A with local response normalisation after the first convolution."""
    return VGG("A-LRN", classes, in_channels)


def vgg13(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column B: 13 weight layers, 133 million parameters."""
    return VGG("B", classes, in_channels)


def vgg16_c(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column C: 16 weight layers, three of them 1x1 convolutions, 134 million parameters."""
    return VGG("C", classes, in_channels)


def vgg16(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column D: 16 weight layers, 138 million parameters.

    >>> import torch
    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in vgg16().parameters())
    138357544
    """
    return VGG("D", classes, in_channels)


def vgg19(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column E: 19 weight layers, 144 million parameters."""
    return VGG("E", classes, in_channels)


def vgg11_bn(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column A with batch norm before each ReLU, as torchvision has it; the paper predates batch norm."""
    return VGG("A", classes, in_channels, batch_norm=True)


def vgg13_bn(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column B with batch norm before each ReLU."""
    return VGG("B", classes, in_channels, batch_norm=True)


def vgg16_bn(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column D with batch norm before each ReLU."""
    return VGG("D", classes, in_channels, batch_norm=True)


def vgg19_bn(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column E with batch norm before each ReLU."""
    return VGG("E", classes, in_channels, batch_norm=True)
