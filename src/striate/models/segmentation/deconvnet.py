"""The deconvolution network: VGG-16 down to one place, and transposed convolutions and unpooling all the way up.

Noh, Hong and Han, "Learning deconvolution network for semantic segmentation", arXiv:1505.04366, section 3 and table 2.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_, max_pool_with_places, max_unpool
from striate.models.network import replace_classifier
from striate.models.segmentation.pixelwise import OnVGG, conv_paths, convolutions

# arXiv:1505.04366, table 2: channels of the convolutions before each pooling, and of the layers after each unpooling
CONVOLUTIONS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
DECONVOLUTIONS = ((64, 64), (128, 64), (256, 256, 128), (512, 512, 256), (512, 512, 512))
SIDE_PX = 224
"""Of the paper's pictures: here fc6 reads one place."""


def normed(layer: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    """A layer with batch norm (section 3.3) and ReLU."""
    return [layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU(inplace=True)]


def deconvolutions(channels: int, widths: tuple[int, ...]) -> nn.Sequential:
    """3x3 transposed convolutions that keep the size, each with batch norm and ReLU."""
    rows: list[nn.Module] = []
    for width in widths:
        rows += normed(nn.ConvTranspose2d(channels, width, kernel_size=3, padding=1))
        channels = width
    return nn.Sequential(*rows)


class DeconvNet(OnVGG):
    """Convolutions with pooling, two convolutions in the place of dense layers, deconvolutions with unpooling."""

    classifier_name = "score"
    multiple_px = 32

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        channels, stages = in_channels, list[Feature]()
        for number, (width, depth) in enumerate(CONVOLUTIONS, start=1):
            self.add_module(f"conv{number}", convolutions(channels, width, depth, batch_norm=True))
            stages.append(Feature(f"conv{number}", width, 2 ** (number - 1)))
            channels = width
        self.fc6 = nn.Sequential(*normed(nn.Conv2d(512, 4096, kernel_size=7)))
        self.fc7 = nn.Sequential(*normed(nn.Conv2d(4096, 4096, kernel_size=1)))
        self.deconv_fc6 = nn.Sequential(*normed(nn.ConvTranspose2d(4096, 512, kernel_size=7)))
        stages.append(Feature("deconv_fc6", 512, 32))
        channels = 512
        for number in (5, 4, 3, 2, 1):
            widths = DECONVOLUTIONS[number - 1]
            self.add_module(f"deconv{number}", deconvolutions(channels, widths))
            channels = widths[-1]
            stages.append(Feature(f"deconv{number}", channels, 2 ** (number - 1)))
        self.score = nn.Conv2d(64, classes, kernel_size=1)
        self.features_info = tuple(stages)
        self.vgg_layers = conv_paths(self, *(f"conv{number}" for number in range(1, 6)), "fc6", "fc7")
        self.preprocess = Preprocess((SIDE_PX, SIDE_PX), (SIDE_PX, SIDE_PX), fit="stretch").for_channels(in_channels)
        he_normal_(self)

    def draw_head(self, classes: int) -> None:
        """The last layer, a 1x1 convolution."""
        replace_classifier(self, "score", classes)

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W); what is smaller than 224 px is padded to that."""
        height, width = images.shape[2:]
        x = F.pad(images, (0, max(SIDE_PX - width, 0), 0, max(SIDE_PX - height, 0)))
        kept: list[tuple[Tensor, tuple[int, int]]] = []
        for number in (1, 2, 3, 4, 5):
            x = self.get_submodule(f"conv{number}")(x)
            size = (x.shape[2], x.shape[3])
            x, places = max_pool_with_places(x, 2, 2)  # N, 512, 7, 7 at last
            kept.append((places, size))
        x = self.fc7(self.fc6(x))  # N, 4096, 1, 1
        x = self.deconv_fc6(x)  # N, 512, 7, 7
        for number in (5, 4, 3, 2, 1):
            x = max_unpool(x, *kept[number - 1])
            x = self.get_submodule(f"deconv{number}")(x)  # N, 64, 224, 224 at last
        return self.score(x)[:, :, :height, :width]  # type: ignore[no-any-return]


def deconvnet(classes: int = 21, in_channels: int = 3) -> DeconvNet:
    """15 convolutions down, 14 transposed ones up: 252 million parameters, most of them in fc6 and its reverse.

    >>> import torch
    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in deconvnet().parameters())
    251805653
    """
    return DeconvNet(classes, in_channels)
