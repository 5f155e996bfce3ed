"""The network of the CIFAR-10 speed record: eight layers for pictures of 32 px, made to be trained in ten epochs.

Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498, section 3 and figure 2. A 2x2 convolution
whose filters the recipe sets to whitening ones (`whiten=true`); three blocks of two 3x3 convolutions, which begin as
the identity (section 3.2, after Zagoruyko and Komodakis, arXiv:1706.00388); a head whose logits are scaled down.
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.models.network import Network

WIDTHS = (64, 256, 256)
HEAD_SCALE = 1 / 9
# Statistics of a batch of a thousand say nearly all: the running ones keep 0.6 of what they were in a step.
MOMENTUM = 0.4
# Means and deviations of CIFAR-10's training pictures on the 0..1 scale.
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class Block(nn.Module):
    """Two 3x3 convolutions with norms, 2x2 pooling behind the first."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = identity_convolution(channels, width)
        self.pool = nn.MaxPool2d(2)
        # DEVIATES arXiv:2404.00498: norms keep their scales, whose gradients are small.
        self.norm1 = nn.BatchNorm2d(width, momentum=MOMENTUM)
        self.conv2 = identity_convolution(width, width)
        self.norm2 = nn.BatchNorm2d(width, momentum=MOMENTUM)
        self.gelu = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, width, H / 2, W / 2)."""
        x = self.gelu(self.norm1(self.pool(self.conv1(x))))
        return self.gelu(self.norm2(self.conv2(x)))  # type: ignore[no-any-return]


def identity_convolution(channels: int, width: int) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size; its first filters hand on its channels, the others are drawn."""
    convolution = nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False)
    nn.init.dirac_(convolution.weight.data[:channels])
    return convolution


class Airbench(Network):
    """A 2x2 convolution, three blocks, global maximum, one dense layer."""

    classifier_name = "head"
    smallest_px = 9
    block1: Block
    block2: Block
    block3: Block

    def __init__(self, widths: tuple[int, ...], classes: int, in_channels: int) -> None:
        super().__init__()
        channels, stages = 2 * in_channels * 2 * 2, list[Feature]()  # every pattern of a 2x2 patch, with either sign
        # DEVIATES arXiv:2404.00498: no biases, which the paper trains for three epochs: they bring nothing, and without
        # them nothing is computed backwards to here.
        self.whiten = nn.Conv2d(in_channels, channels, kernel_size=2, bias=False)
        self.gelu = nn.GELU()
        for number, width in enumerate(widths, start=1):
            self.add_module(f"block{number}", Block(channels, width))
            stages.append(Feature(f"block{number}", width, 2**number))
            channels = width
        self.pool = nn.AdaptiveMaxPool2d(1)  # the paper's 3x3 window at 32 px; makes other sizes fit
        # DEVIATES arXiv:2404.00498: the head has biases, as heads that are drawn anew have.
        self.head = nn.Linear(channels, classes)
        self.features_info = tuple(stages)
        self.preprocess = Preprocess((32, 32), (32, 32), MEAN, STD).for_channels(in_channels)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 32, 32) to (N, widths[2], 3, 3)."""
        x = self.gelu(self.whiten(images))  # N, 24, 31, 31
        x = self.block2(self.block1(x))  # N, widths[1], 7, 7
        return self.block3(x)  # type: ignore[no-any-return]   # N, widths[2], 3, 3

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, widths[2], H, W) to (N, classes)."""
        flat = self.pool(features).flatten(1) * HEAD_SCALE  # N, widths[2]
        return flat if pre_logits else self.head(flat)  # type: ignore[no-any-return]


def airbench94(classes: int = 10, in_channels: int = 3) -> Airbench:
    """8 layers, 2.0 million parameters, 117 million multiply-accumulates: the form for 94 % on CIFAR-10."""
    return Airbench(WIDTHS, classes, in_channels)
