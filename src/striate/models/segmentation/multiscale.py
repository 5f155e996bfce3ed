"""The multi-scale network: the same stages on three scales of the picture, their maps side by side.

Farabet, Couprie, Najman and LeCun, "Learning hierarchical features for scene labeling", IEEE TPAMI 35 (2013), section
3.1 and figure 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import BilinearUpsample, xavier_uniform_
from striate.models.network import replace_classifier
from striate.models.segmentation.pixelwise import PixelwiseNetwork
from striate.models.segmentation.sliding_window import WIDTHS, framed, stages

SCALES = 3
HIDDEN = 1024  # units of the classifier's hidden layer


def laplacian_pyramid(images: Tensor) -> list[Tensor]:
    """What each scale adds to the next coarser one, finest first. (N, C, H, W), H and W multiples of 4.

    DEVIATES from the paper: means of 2x2 pixels in the place of a Gaussian, and no local normalisation.

    >>> [tuple(band.shape[2:]) for band in laplacian_pyramid(torch.zeros(1, 3, 8, 12))]
    [(8, 12), (4, 6), (2, 3)]
    """
    bands, fine = list[Tensor](), images
    for _ in range(SCALES - 1):
        coarse = F.avg_pool2d(fine, 2)
        bands.append(fine - F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False))
        fine = coarse
    return [*bands, fine]


class MultiScale(PixelwiseNetwork):
    """Stages whose weights all scales share, maps enlarged to the finest, a classifier of two layers."""

    classifier_name = "classifier.2"
    multiple_px = 16

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.features = stages(in_channels)
        self.classifier = nn.Sequential(
            nn.Conv2d(SCALES * WIDTHS[-1], HIDDEN, kernel_size=1),
            nn.Tanh(),
            nn.Conv2d(HIDDEN, classes, kernel_size=1),
        )
        self.upsamples = nn.ModuleList(BilinearUpsample(2**scale) for scale in range(SCALES))
        self.upsample = BilinearUpsample(4)
        self.features_info = (Feature("classifier.0", HIDDEN, 4),)
        self.preprocess = Preprocess((240, 320), (240, 320), fit="stretch").for_channels(in_channels)
        xavier_uniform_(self)

    def draw_head(self, classes: int) -> None:
        """The last layer, a 1x1 convolution."""
        replace_classifier(self, self.classifier_name, classes)

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W)."""
        bands = laplacian_pyramid(images)
        maps = [
            upsample(self.features(framed(band)))  # N, 256, H / 4, W / 4
            for band, upsample in zip(bands, self.upsamples, strict=True)
        ]
        scores = self.classifier(torch.cat(maps, dim=1))  # N, classes, H / 4, W / 4
        return self.upsample(scores)  # type: ignore[no-any-return]


def multiscale(classes: int = 8, in_channels: int = 3) -> MultiScale:
    """Three scales of a Laplacian pyramid, 768 maps side by side.

    >>> with torch.device("meta"):
    ...     multiscale()(torch.empty(1, 3, 37, 50)).shape
    torch.Size([1, 8, 37, 50])
    """
    return MultiScale(classes, in_channels)
