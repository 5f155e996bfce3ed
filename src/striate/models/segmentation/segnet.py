"""SegNet: VGG-16's convolutions, and the same backwards from the places of the maxima.

Badrinarayanan, Kendall and Cipolla, "SegNet: a deep convolutional encoder-decoder architecture for image segmentation",
arXiv:1511.00561, section 3 and figure 2.
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_, max_pool_with_places, max_unpool
from striate.models.segmentation.pixelwise import OnVGG, conv_paths, convolutions

# arXiv:1511.00561, section 3: channels and convolutions of the encoders; the decoders mirror them
ENCODERS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


class SegNet(OnVGG):
    """Five encoders, each with pooling whose places are kept; five decoders, each with unpooling to those places."""

    classifier_name = "score"
    multiple_px = 32

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        channels, stages = in_channels, list[Feature]()
        for number, (width, depth) in enumerate(ENCODERS, start=1):
            self.add_module(f"encoder{number}", convolutions(channels, width, depth, batch_norm=True))
            stages.append(Feature(f"encoder{number}", width, 2 ** (number - 1)))
            channels = width
        for number in (5, 4, 3, 2, 1):
            width, depth = ENCODERS[number - 1]
            below = ENCODERS[number - 2][0] if number > 1 else width
            rows = [*convolutions(width, width, depth - 1, batch_norm=True)]
            if number > 1:
                rows += [*convolutions(width, below, 1, batch_norm=True)]
            self.add_module(f"decoder{number}", nn.Sequential(*rows))
            stages.append(Feature(f"decoder{number}", below, 2 ** (number - 1)))
        self.draw_head(classes)
        self.features_info = tuple(stages)
        self.vgg_layers = conv_paths(self, *(f"encoder{number}" for number in range(1, 6)))
        self.preprocess = Preprocess((360, 480), (360, 480), fit="stretch").for_channels(in_channels)
        he_normal_(self)

    def draw_head(self, classes: int) -> None:
        """The last convolution of the last decoder, to a map per class."""
        self.score = nn.Conv2d(64, classes, kernel_size=3, padding=1)
        he_normal_(self.score)

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W)."""
        x, kept = images, list[tuple[Tensor, tuple[int, int]]]()
        for number in (1, 2, 3, 4, 5):
            x = self.get_submodule(f"encoder{number}")(x)
            size = (x.shape[2], x.shape[3])
            x, places = max_pool_with_places(x, 2, 2)  # N, 512, H / 32, W / 32 at last
            kept.append((places, size))
        for number in (5, 4, 3, 2, 1):
            x = max_unpool(x, *kept[number - 1])
            x = self.get_submodule(f"decoder{number}")(x)  # N, 64, H, W at last
        return self.score(x)  # type: ignore[no-any-return]


def segnet(classes: int = 11, in_channels: int = 3) -> SegNet:
    """13 convolutions down, 13 up: 29 million parameters, 14.7 million of them in the encoders.

    >>> import torch
    >>> with torch.device("meta"):
    ...     segnet()(torch.empty(1, 3, 37, 50)).shape
    torch.Size([1, 11, 37, 50])
    """
    return SegNet(classes, in_channels)
