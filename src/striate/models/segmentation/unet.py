"""U-Net: a contracting path, an expanding path, and what was cropped of the one put beside the other.

Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation", arXiv:1505.04597,
figure 1. The paper's convolutions have no padding, and the picture is mirrored at its borders (`unet_paper`); padded by
zeros, maps keep their size and half of the arithmetic goes away (`unet`).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.records import Feature, Preprocess
from striate.models.network import replace_classifier
from striate.models.segmentation.pixelwise import PixelwiseNetwork

# arXiv:1505.04597, figure 1: channels from the picture's size down
WIDTHS = (64, 128, 256, 512, 1024)


def double(channels: int, width: int, padding: int, *, batch_norm: bool) -> nn.Sequential:
    """Two 3x3 convolutions with ReLU. (N, channels, H, W) to (N, width, H - 4, W - 4), or H, W with padding 1."""
    rows: list[nn.Module] = []
    for read in (channels, width):
        rows.append(nn.Conv2d(read, width, kernel_size=3, padding=padding))
        rows += [nn.BatchNorm2d(width)] if batch_norm else []
        rows.append(nn.ReLU(inplace=True))
    return nn.Sequential(*rows)


def cropped(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """The centre of maps (N, C, H, W), of this height and width."""
    top, left = (maps.shape[2] - size[0]) // 2, (maps.shape[3] - size[1]) // 2
    return maps[:, :, top : top + size[0], left : left + size[1]]


@torch.no_grad()
def draw_(network: nn.Module) -> None:
    """N(0, 2 / N), N the numbers that one number of the output reads (section 3); biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            stride = layer.stride[0] if isinstance(layer, nn.ConvTranspose2d) else 1
            read = layer.in_channels * (layer.kernel_size[0] // stride) * (layer.kernel_size[1] // stride)
            layer.weight.normal_(0, math.sqrt(2 / read))
            if layer.bias is not None:
                layer.bias.zero_()


class UNet(PixelwiseNetwork):
    """The network of figure 1, its convolutions padded by zeros: maps of a picture keep its size."""

    classifier_name = "score"
    multiple_px = 16
    padding = 1

    def __init__(self, classes: int, in_channels: int, batch_norm: bool = False) -> None:
        super().__init__()
        stages, channels = list[Feature](), in_channels
        for number, width in enumerate(WIDTHS):
            self.add_module(f"down{number}", double(channels, width, self.padding, batch_norm=batch_norm))
            stages.append(Feature(f"down{number}", width, 2**number))
            channels = width
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.5)  # at the end of the contracting path (section 3.1)
        for number in (3, 2, 1, 0):
            width = WIDTHS[number]
            self.add_module(f"up{number}", nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2))
            self.add_module(f"merge{number}", double(2 * width, width, self.padding, batch_norm=batch_norm))
            stages.append(Feature(f"merge{number}", width, 2**number))
        self.score = nn.Conv2d(64, classes, kernel_size=1)
        self.features_info = tuple(stages)
        self.preprocess = Preprocess((512, 512), (512, 512), fit="stretch").for_channels(in_channels)
        draw_(self)

    def draw_head(self, classes: int) -> None:
        """The last layer, a 1x1 convolution."""
        replace_classifier(self, "score", classes)

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W); without padding to (N, classes, H - 184, W - 184)."""
        x, across = self.get_submodule("down0")(images), list[Tensor]()  # N, 64, H, W
        for number in (1, 2, 3, 4):
            across.append(x)
            x = self.get_submodule(f"down{number}")(self.pool(x))  # N, 1024, H / 16, W / 16 at last
        x = self.dropout(x)
        for number in (3, 2, 1, 0):
            x = self.get_submodule(f"up{number}")(x)
            beside = cropped(across[number], (x.shape[2], x.shape[3]))
            x = self.get_submodule(f"merge{number}")(torch.cat([beside, x], dim=1))  # N, 64, H, W at last
        return self.score(x)  # type: ignore[no-any-return]


class PaperUNet(UNet):
    """The same without padding: of a map of 16 b + 60 pixels it answers the inner 16 b - 124."""

    padding = 0
    border_px = 92
    """What the answer is smaller by, at each border."""
    smallest_px = 108

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__(classes, in_channels)
        self.preprocess = Preprocess((388, 388), (388, 388), fit="stretch").for_channels(in_channels)

    def require_size(self, height: int, width: int) -> None:
        """Raise StriateError where less than what is mirrored is there."""
        if min(height, width) < self.smallest_px:
            raise StriateError(
                f"{self.label}: {self.border_px} to 107 px are mirrored at each border, so a {height}x{width} picture "
                f"is too small: the smallest that works is {self.smallest_px}x{self.smallest_px}; unet takes any size"
            )

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, classes, H, W). Raises StriateError for a shape that does not fit."""
        self.require_fit(images)
        return self._heads(images)[0][1]

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        height, width = images.shape[2:]
        near, far_x, far_y = self.border_px, self.border_px + -(width + 124) % 16, self.border_px + -(height + 124) % 16
        mirrored = F.pad(images, (near, far_x, near, far_y), mode="reflect")  # the overlap-tile strategy, figure 2
        return [(1.0, self.logits(mirrored)[:, :, :height, :width])]


def unet(classes: int = 2, in_channels: int = 3) -> UNet:
    """Convolutions padded by zeros: 31 million parameters, any size.

    >>> import torch
    >>> with torch.device("meta"):
    ...     unet()(torch.empty(1, 3, 37, 50)).shape
    torch.Size([1, 2, 37, 50])
    """
    return UNet(classes, in_channels)


def unet_bn(classes: int = 2, in_channels: int = 3) -> UNet:
    """The same with batch norm before each ReLU."""
    return UNet(classes, in_channels, batch_norm=True)


def unet_paper(classes: int = 2, in_channels: int = 1) -> PaperUNet:
    """The paper's: convolutions without padding, the picture mirrored at its borders, 23 convolutional layers."""
    return PaperUNet(classes, in_channels)
