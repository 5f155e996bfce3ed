"""Inception-v4: modules of three sizes, large filters factorised into 1x7 and 7x1.

Szegedy, Ioffe, Vanhoucke and Alemi, "Inception-v4, Inception-ResNet and the impact of residual connections on
learning", arXiv:1602.07261, figures 3 to 9.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import Network


def conv(
    channels: int, width: int, kernel: int | tuple[int, int], stride: int = 1, valid: bool = False
) -> nn.Sequential:
    """A convolution, batch norm and ReLU; keeps the size, or with `valid` (the figures' V) does not pad."""
    height, across = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (0, 0) if valid else (height // 2, across // 2)
    layer = nn.Conv2d(channels, width, (height, across), stride=stride, padding=padding, bias=False)
    return nn.Sequential(OrderedDict(conv=layer, bn=nn.BatchNorm2d(width, eps=1e-3), relu=nn.ReLU(inplace=True)))


class Branches(nn.Module):
    """Every branch on the same input, their outputs side by side along the channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        for number, branch in enumerate(branches, start=1):
            self.add_module(f"branch{number}", branch)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, sum of the branches' channels, H', W')."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


def average(channels: int, width: int) -> nn.Sequential:
    """3x3 average pooling that keeps the size (padding not averaged), then 1x1."""
    return nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), conv(channels, width, 1))


def stem(in_channels: int) -> nn.Sequential:
    """Figure 3."""
    return nn.Sequential(
        conv(in_channels, 32, 3, stride=2, valid=True),  # N, 32, 149, 149
        conv(32, 32, 3, valid=True),  # N, 32, 147, 147
        conv(32, 64, 3),  # N, 64, 147, 147
        Branches(nn.MaxPool2d(3, stride=2), conv(64, 96, 3, stride=2, valid=True)),  # N, 160, 73, 73
        Branches(
            nn.Sequential(conv(160, 64, 1), conv(64, 96, 3, valid=True)),
            nn.Sequential(conv(160, 64, 1), conv(64, 64, (7, 1)), conv(64, 64, (1, 7)), conv(64, 96, 3, valid=True)),
        ),  # N, 192, 71, 71
        Branches(conv(192, 192, 3, stride=2, valid=True), nn.MaxPool2d(3, stride=2)),  # N, 384, 35, 35
    )


def inception_a() -> Branches:
    """Figure 4: 35x35, 384 to 384 channels."""
    return Branches(
        average(384, 96),
        conv(384, 96, 1),
        nn.Sequential(conv(384, 64, 1), conv(64, 96, 3)),
        nn.Sequential(conv(384, 64, 1), conv(64, 96, 3), conv(96, 96, 3)),
    )


def reduction_a() -> Branches:
    """Figure 7 with k, l, m, n = 192, 224, 256, 384 (table 1): 35x35 to 17x17, 384 to 1024 channels."""
    return Branches(
        nn.MaxPool2d(3, stride=2),
        conv(384, 384, 3, stride=2, valid=True),
        nn.Sequential(conv(384, 192, 1), conv(192, 224, 3), conv(224, 256, 3, stride=2, valid=True)),
    )


def inception_b() -> Branches:
    """Figure 5: 17x17, 1024 to 1024 channels."""
    return Branches(
        average(1024, 128),
        conv(1024, 384, 1),
        # DEVIATES arXiv:1602.07261: figure 5 prints 1x7 twice in this branch; a 7x7 needs 1x7 and 7x1.
        nn.Sequential(conv(1024, 192, 1), conv(192, 224, (1, 7)), conv(224, 256, (7, 1))),
        nn.Sequential(
            conv(1024, 192, 1),
            conv(192, 192, (1, 7)),
            conv(192, 224, (7, 1)),
            conv(224, 224, (1, 7)),
            conv(224, 256, (7, 1)),
        ),
    )


def reduction_b() -> Branches:
    """Figure 8: 17x17 to 8x8, 1024 to 1536 channels."""
    return Branches(
        nn.MaxPool2d(3, stride=2),
        nn.Sequential(conv(1024, 192, 1), conv(192, 192, 3, stride=2, valid=True)),
        nn.Sequential(
            conv(1024, 256, 1), conv(256, 256, (1, 7)), conv(256, 320, (7, 1)), conv(320, 320, 3, stride=2, valid=True)
        ),
    )


def inception_c() -> Branches:
    """Figure 6: 8x8, 1536 to 1536 channels."""
    return Branches(
        average(1536, 256),
        conv(1536, 256, 1),
        nn.Sequential(conv(1536, 384, 1), Branches(conv(384, 256, (1, 3)), conv(384, 256, (3, 1)))),
        nn.Sequential(
            conv(1536, 384, 1),
            conv(384, 448, (1, 3)),
            conv(448, 512, (3, 1)),
            Branches(conv(512, 256, (3, 1)), conv(512, 256, (1, 3))),
        ),
    )


class InceptionV4(Network):
    """Figure 9: stem, 4 modules A, 7 modules B, 3 modules C, with reductions between."""

    classifier_name = "fc"
    smallest_px = 75

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.stem = stem(in_channels)
        self.modules_a = nn.Sequential(*(inception_a() for _ in range(4)))
        self.reduction_a = reduction_a()
        self.modules_b = nn.Sequential(*(inception_b() for _ in range(7)))
        self.reduction_b = reduction_b()
        self.modules_c = nn.Sequential(*(inception_c() for _ in range(3)))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)  # the figure's "keep 0.8"
        self.fc = nn.Linear(1536, classes)
        self.features_info = (
            Feature("stem.2", 64, 2),
            Feature("stem.4", 192, 4),
            Feature("modules_a", 384, 8),
            Feature("modules_b", 1024, 16),
            Feature("modules_c", 1536, 32),
        )
        half = (0.5, 0.5, 0.5)
        self.preprocess = Preprocess((299, 299), (342, 342), half, half).for_channels(in_channels)
        he_normal_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 299, 299) to (N, 1536, 8, 8)."""
        x = self.modules_a(self.stem(images))  # N, 384, 35, 35
        x = self.modules_b(self.reduction_a(x))  # N, 1024, 17, 17
        return self.modules_c(self.reduction_b(x))  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 1536, H, W) to (N, classes)."""
        flat = self.dropout(self.avgpool(features).flatten(1))  # N, 1536
        return flat if pre_logits else self.fc(flat)  # type: ignore[no-any-return]


def inception_v4(classes: int = 1000, in_channels: int = 3) -> InceptionV4:
    """The network of figure 9.

    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in inception_v4().parameters())
    42679816
    """
    return InceptionV4(classes, in_channels)
