"""ResNeXt: bottlenecks whose 3x3 convolution runs in `cardinality` groups.

Xie, Girshick, Dollar, Tu and He, "Aggregated residual transformations for deep neural networks",
arXiv:1611.05431, table 1. Key names are torchvision's.
"""

from __future__ import annotations

from torch import nn

from striate.models.resnet import Block, Bottleneck, ResNet, Shortcut


def aggregated(cardinality: int, group_width: int) -> Block:
    """The block of `cardinality` paths, each `group_width` channels wide in the first stage (figure 3c)."""

    def block(channels: int, width: int, stride: int, shortcut: Shortcut) -> nn.Module:
        inner = cardinality * group_width * width // 64  # 64 is the first stage's width
        down = shortcut(channels, 4 * width, stride)
        return Bottleneck(channels, inner, 4 * width, (1, stride), cardinality, down)

    return block


def resnext50_32x4d(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """50 layers, 32 groups of 4 channels; 25.0 million parameters.

    >>> import torch
    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in resnext50_32x4d().parameters())
    25028904
    """
    return ResNet(50, aggregated(32, 4), classes, in_channels)


def resnext101_32x8d(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """101 layers, 32 groups of 8 channels; not in the paper, but in everybody's weight files."""
    return ResNet(101, aggregated(32, 8), classes, in_channels)


def resnext101_64x4d(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """101 layers, 64 groups of 4 channels; the paper's table 4."""
    return ResNet(101, aggregated(64, 4), classes, in_channels)
