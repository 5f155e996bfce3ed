"""torchvision's AlexNet: the single-column network of a later paper, so that its published weights load.

Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997, footnote 1.
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import Network


class AlexNetTV(Network):
    """64-192-384-256-256 convolutions, no normalisation, three dense layers; torchvision's key names."""

    classifier_name = "classifier.6"
    smallest_px = 63

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        # DEVIATES arXiv:1404.5997: 256 maps in the fourth convolution, as torchvision has them; the paper
        # has 384.
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 64, kernel_size=11, stride=4, padding=2),  # N, 64, 55, 55
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # N, 64, 27, 27
            nn.Conv2d(64, 192, kernel_size=5, padding=2),  # N, 192, 27, 27
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # N, 192, 13, 13
            nn.Conv2d(192, 384, kernel_size=3, padding=1),  # N, 384, 13, 13
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),  # N, 256, 13, 13
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),  # N, 256, 13, 13
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # N, 256, 6, 6
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)  # the identity at 224x224; makes other sizes fit
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, classes),
        )
        self.features_info = (
            Feature("features.1", 64, 4),
            Feature("features.4", 192, 8),
            Feature("features.11", 256, 16),
            Feature("features.12", 256, 32),
        )
        self.preprocess = Preprocess((224, 224), (256, 256)).for_channels(in_channels)
        he_normal_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 224, 224) to (N, 256, 6, 6)."""
        return self.features(images)  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 256, H, W) to (N, classes)."""
        flat = self.avgpool(features).flatten(1)  # N, 9216
        head = self.classifier[:-1] if pre_logits else self.classifier
        return head(flat)  # type: ignore[no-any-return]


def alexnet_tv(classes: int = 1000, in_channels: int = 3) -> AlexNetTV:
    """torchvision's AlexNet.

    >>> import torch
    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in alexnet_tv().parameters())
    61100840
    """
    return AlexNetTV(classes, in_channels)
