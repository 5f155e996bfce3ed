"""A fully convolutional network on the packaged backbone, made to be trained on two cores in an hour.

Our own arrangement of known parts: the stages of `quick_regnet26`; what the last of them shows of the whole picture,
added everywhere (the global feature of Liu, Rabinovich and Berg, "ParseNet", arXiv:1506.04579, section 3.1); and a way
up by sums, as in Lin et al., "Feature pyramid networks for object detection", arXiv:1612.03144, section 3, from stride
16 to stride 4, with a 3x3 convolution behind every sum. Scores are enlarged bilinearly.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import replace_classifier
from striate.models.quick_regnet import MEAN, STD, QuickRegNet, quick_regnet26
from striate.models.segmentation.pixelwise import PixelwiseNetwork
from striate.models.stages import without_head
from striate.models.upward import WIDTH, Merge, enlarged
from striate.models.weights import fill_body


class QuickFCN(PixelwiseNetwork):
    """The stages of a network, the last one's averages over the picture, three sums on the way up, and scores."""

    classifier_name = "score"
    begins_with = "quick_regnet26"
    multiple_px = 16

    def __init__(self, backbone: QuickRegNet, classes: int) -> None:
        super().__init__()
        self.backbone = without_head(backbone)
        _, second, third, fourth = backbone.features_info
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.whole = nn.Conv2d(fourth.channels, WIDTH, kernel_size=1)
        self.merge4, self.merge3, self.merge2 = (Merge(stage.channels) for stage in (fourth, third, second))
        for layer in (self.whole, self.merge4, self.merge3, self.merge2):
            he_normal_(layer)
        self.score = nn.Conv2d(WIDTH, 1, kernel_size=1)
        self.draw_head(classes)
        self.features_info = tuple(
            Feature(f"backbone.{each.name}", each.channels, each.stride) for each in backbone.features_info
        )
        self.preprocess = Preprocess((360, 480), (360, 480), MEAN, STD, fit="stretch").for_channels(
            backbone.in_channels
        )

    def draw_head(self, classes: int) -> None:
        """The last layer, a 1x1 convolution, not of small weights: Muon's steps have one size and would take long."""
        replace_classifier(self, "score", classes)
        he_normal_(self.score)

    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill the stages from a state dict of quick_regnet26. Raises StriateError that names what differs."""
        fill_body(self.backbone, tensors, source=self.begins_with)

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W)."""
        x, maps = images, list[Tensor]()
        for layer in self.backbone:
            x = layer(x)
            maps.append(x)
        second, third, fourth = maps[-3:]  # N, 96, H / 4, W / 4; N, 192, H / 8, W / 8; N, 384, H / 16, W / 16
        x = self.merge4(fourth, self.whole(self.avgpool(fourth)))  # N, WIDTH, H / 16, W / 16
        x = self.merge2(second, self.merge3(third, x))  # N, WIDTH, H / 4, W / 4
        return enlarged(self.score(x).float(), images)  # in bf16, interpolation takes twice as long


def quick_fcn(classes: int = 11, in_channels: int = 3) -> QuickFCN:
    """On quick_regnet26, at stride 4.

    >>> import torch
    >>> with torch.device("meta"):
    ...     quick_fcn()(torch.empty(1, 3, 37, 50)).shape
    torch.Size([1, 11, 37, 50])
    """
    return QuickFCN(quick_regnet26(1, in_channels), classes)
