"""VGG A, B, D and E: nothing but 3x3 convolutions, 2x2 pooling and three dense layers.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition",
arXiv:1409.1556, table 1.
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import Network

WIDTHS = (64, 128, 256, 512, 512)
# arXiv:1409.1556, table 1    column: 3x3 convolutions before each of the five poolings
COLUMNS = {"A": (1, 1, 2, 2, 2), "B": (2, 2, 2, 2, 2), "D": (2, 2, 3, 3, 3), "E": (2, 2, 4, 4, 4)}


class VGG(Network):
    """One column of the paper's table 1, with torchvision's key names."""

    classifier_name = "classifier.6"
    smallest_px = 32

    def __init__(self, column: str, classes: int, in_channels: int) -> None:
        super().__init__()
        rows: list[nn.Module] = []
        stages: list[Feature] = []
        channels = in_channels
        for stage, (width, convolutions) in enumerate(zip(WIDTHS, COLUMNS[column], strict=True)):
            for _ in range(convolutions):
                rows += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
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
        # Section 3.1 found random initialisation as good as growing from column A; He's keeps 19 layers
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


def vgg13(classes: int = 1000, in_channels: int = 3) -> VGG:
    """Column B: 13 weight layers, 133 million parameters."""
    return VGG("B", classes, in_channels)


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
