"""The recurrent network for scene labelling: it sees the picture and its own former answer.

Pinheiro and Collobert, "Recurrent convolutional neural networks for scene labeling", ICML 2014, arXiv:1306.2795: every
instance has the same weights, reads the picture scaled to the answer before it, and has a loss of its own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import xavier_uniform_
from striate.models.segmentation.pixelwise import PixelwiseNetwork

INSTANCES = 2
STRIDE = 4
"""Of one instance: two poolings."""


class RecurrentSceneLabelling(PixelwiseNetwork):
    """Two 8x8 convolutions with pooling and scores, applied to picture and answer again and again."""

    classifier_name = "score"
    multiple_px = STRIDE**INSTANCES

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.in_planes = in_channels
        self.draw_head(classes)
        self.features_info = (Feature("step.conv2", 50, 2 * STRIDE ** (INSTANCES - 1)),)
        self.preprocess = Preprocess((240, 320), (240, 320), fit="stretch").for_channels(in_channels)

    def draw_head(self, classes: int) -> None:
        """All layers: the first reads a plane per class, too."""
        # DEVIATES arXiv:1306.2795: zeros around the maps; the paper's shrink, and it trains on windows
        self.step = nn.Sequential()
        for name, layer in (
            ("pad1", nn.ZeroPad2d((3, 4, 3, 4))),
            ("conv1", nn.Conv2d(self.in_planes + classes, 25, kernel_size=8)),
            ("tanh1", nn.Tanh()),
            ("pool1", nn.MaxPool2d(2)),
            ("pad2", nn.ZeroPad2d((3, 4, 3, 4))),
            ("conv2", nn.Conv2d(25, 50, kernel_size=8)),
            ("tanh2", nn.Tanh()),
            ("pool2", nn.MaxPool2d(2)),
        ):
            self.step.add_module(name, layer)
        self.score = nn.Conv2d(50, classes, kernel_size=1)
        xavier_uniform_(self.step)
        xavier_uniform_(self.score)

    def instances(self, images: Tensor) -> list[Tensor]:
        """Scores of every instance. (N, C, H, W) to (N, classes, H / 4, W / 4), (N, classes, H / 16, W / 16)."""
        answer = images.new_zeros(images.shape[0], self.classes, *images.shape[2:])  # before the first: nothing
        found: list[Tensor] = []
        for _ in range(INSTANCES):
            scores = self.score(self.step(torch.cat([images, answer], dim=1)))
            found.append(scores)
            images, answer = F.avg_pool2d(images, STRIDE), scores.softmax(dim=1)
        return found

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W), of the last instance."""
        return _enlarged(self.instances(images)[-1], images)

    def weighted_logits(self, images: Tensor) -> list[tuple[float, Tensor]]:
        """The logits of every instance, the last first; their likelihoods are maximised together."""
        return [(1.0, _enlarged(scores, images)) for scores in reversed(self.instances(images))]


def _enlarged(scores: Tensor, images: Tensor) -> Tensor:
    return F.interpolate(scores, (images.shape[2], images.shape[3]), mode="bilinear", align_corners=False)


def recurrent_labelling(classes: int = 8, in_channels: int = 3) -> RecurrentSceneLabelling:
    """Two instances of one network: the second corrects the first.

    >>> with torch.device("meta"):
    ...     recurrent_labelling()(torch.empty(1, 3, 37, 50)).shape
    torch.Size([1, 8, 37, 50])
    """
    return RecurrentSceneLabelling(classes, in_channels)
