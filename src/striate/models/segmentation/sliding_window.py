"""A window around every pixel, classified by itself; and the same network as one convolutional pass.

The stages are those of Farabet, Couprie, Najman and LeCun, "Learning hierarchical features for scene labeling", IEEE
TPAMI 35 (2013), section 3.1, at one scale. That a network of windows is a convolution: Sermanet et al., "OverFeat",
arXiv:1312.6229, section 3.5. Dilation instead of stride for an answer at every pixel: Giusti et al., "Fast image
scanning with deep max-pooling convolutional neural networks", arXiv:1302.1700.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import BilinearUpsample, xavier_uniform_
from striate.models.network import replace_classifier
from striate.models.segmentation.pixelwise import PixelwiseNetwork

WIDTHS = (16, 64, 256)  # section 3.1: maps after the three 7x7 convolutions; 2x2 pooling between them
WINDOW_PX = 46
"""What one answer sees; its pixel is number 22 of it, from 0, in both directions."""
BEFORE_PX, AFTER_PX = 22, 23


def stages(in_channels: int) -> nn.Sequential:
    """Three 7x7 convolutions with tanh, 2x2 pooling between. (N, in_channels, 46, 46) to (N, 256, 1, 1)."""
    rows: list[nn.Module] = []
    channels = in_channels
    for width in WIDTHS:
        rows += [nn.MaxPool2d(2)] if rows else []
        rows += [nn.Conv2d(channels, width, kernel_size=7), nn.Tanh()]
        channels = width
    return nn.Sequential(*rows)


def framed(images: Tensor) -> Tensor:
    """Zeros around images, so that every pixel has its window. (N, C, H, W) to (N, C, H + 45, W + 45)."""
    return F.pad(images, (BEFORE_PX, AFTER_PX, BEFORE_PX, AFTER_PX))


def windows_of(images: Tensor) -> Tensor:
    """The window of every pixel, a view that copies nothing. (N, C, H, W) to (N, H, W, C, 46, 46)."""
    return framed(images).unfold(2, WINDOW_PX, 1).unfold(3, WINDOW_PX, 1).permute(0, 2, 3, 1, 4, 5)


class StridedPass(PixelwiseNetwork):
    """One pass over the picture: the windows of every fourth pixel, and interpolation between their answers."""

    classifier_name = "score"
    multiple_px = 4

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.features = stages(in_channels)
        self.score = nn.Conv2d(WIDTHS[-1], classes, kernel_size=1)
        self.upsample: nn.Module = BilinearUpsample(4)
        self.features_info = tuple(
            Feature(f"features.{3 * number}", width, 2**number) for number, width in enumerate(WIDTHS)
        )
        self.preprocess = Preprocess((240, 320), (240, 320), fit="stretch").for_channels(in_channels)
        xavier_uniform_(self)

    def draw_head(self, classes: int) -> None:
        """The last layer, a 1x1 convolution."""
        replace_classifier(self, "score", classes)

    def scores(self, images: Tensor) -> Tensor:
        """One pass, not interpolated. (N, C, H, W) to (N, classes, H / 4, W / 4), the answers of pixels 0, 4, 8 ..."""
        return self.score(self.features(framed(images)))  # type: ignore[no-any-return]

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W)."""
        return self.upsample(self.scores(images))  # type: ignore[no-any-return]

    def of_windows(self) -> nn.Sequential:
        """The classifier of single windows, (N, C, 46, 46) to (N, classes), with these very weights."""
        return nn.Sequential(*(_undilated(layer) for layer in self.features), self.score, nn.Flatten())

    @torch.no_grad()
    def by_windows(self, images: Tensor, at_once: int = 512) -> Tensor:
        """The slow way: window after window, `at_once` in a batch. (N, C, H, W) to (N, classes, H, W)."""
        lines, classifier = windows_of(images).flatten(0, 1), self.of_windows()
        rows = [torch.cat([classifier(part) for part in line.split(at_once)]) for line in lines]  # W, classes
        batch, _, height, width = images.shape
        return torch.stack(rows).reshape(batch, height, width, -1).permute(0, 3, 1, 2)


def _undilated(layer: nn.Module) -> nn.Module:
    """The layer as single windows need it."""
    if isinstance(layer, nn.MaxPool2d):
        return nn.MaxPool2d(2)
    if not isinstance(layer, nn.Conv2d):
        return layer
    same = nn.Conv2d(layer.in_channels, layer.out_channels, kernel_size=7, device="meta")
    same.weight, same.bias = layer.weight, layer.bias
    return same


class EveryPixel(StridedPass):
    """One pass over the picture that answers as the windows of all pixels do: nothing is left out, all is dilated."""

    multiple_px = 1

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__(classes, in_channels)
        dilation = 1
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):
                layer.dilation = (dilation, dilation)
            elif isinstance(layer, nn.MaxPool2d):
                layer.stride, layer.dilation = 1, dilation
                dilation *= 2
        self.upsample = nn.Identity()
        self.features_info = tuple(Feature(each.name, each.channels, 1) for each in self.features_info)


def sliding_window(classes: int = 8, in_channels: int = 3) -> EveryPixel:
    """The window of every pixel, in one pass without downsampling; `by_windows` is the same, one after the other.

    >>> import torch
    >>> network = sliding_window(classes=2)
    >>> images = torch.randn(1, 3, 5, 6)
    >>> torch.allclose(network(images), network.by_windows(images), atol=1e-5)
    True
    """
    return EveryPixel(classes, in_channels)


def sliding_window_strided(classes: int = 8, in_channels: int = 3) -> StridedPass:
    """The window of every fourth pixel, in one pass with downsampling: a thirteenth of the arithmetic."""
    return StridedPass(classes, in_channels)
