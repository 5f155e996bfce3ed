"""Fully convolutional networks on VGG-16: FCN-32s, FCN-16s and FCN-8s.

Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", arXiv:1411.4038: section 3.1
(dense layers as convolutions), 3.3 (bilinear transposed convolutions), 4.2 and figure 3 (skip sums).
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import BilinearUpsample, WideConv2d, bilinear_, he_normal_
from striate.models.segmentation.pixelwise import OnVGG, conv_paths, convolutions

# arXiv:1409.1556, table 1, column D: channels and convolutions before each of the five poolings
VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
STAGES = ("conv1", "conv2", "conv3", "conv4", "conv5")


def scoring(channels: int, classes: int) -> nn.Conv2d:
    """A 1x1 convolution to a map per class, of zeros (section 4.1)."""
    layer = nn.Conv2d(channels, classes, kernel_size=1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]   # it has one
    return layer


def twice(classes: int) -> nn.ConvTranspose2d:
    """A transposed convolution to twice the size, learned from bilinear interpolation on (section 4.2)."""
    layer = nn.ConvTranspose2d(classes, classes, kernel_size=4, stride=2, padding=1, bias=False)
    bilinear_(layer)
    return layer


class FCN(OnVGG):
    """VGG-16 with its dense layers as convolutions, scores per class, and the way back to the picture's size.

    skips: the poolings whose scores are added on the way, coarsest first: () for FCN-32s, (4, 3) for FCN-8s.
    """

    classifier_name = "score_fr"
    multiple_px = 32

    def __init__(self, skips: tuple[int, ...], classes: int, in_channels: int) -> None:
        super().__init__()
        self.skips = skips
        channels, stages = in_channels, list[Feature]()
        for number, (name, (width, depth)) in enumerate(zip(STAGES, VGG16, strict=True)):
            self.add_module(name, convolutions(channels, width, depth, batch_norm=False))
            stages.append(Feature(name, width, 2**number))
            channels = width
        self.pool = nn.MaxPool2d(2)
        # DEVIATES arXiv:1411.4038: the authors' code pads the picture by 100 px, so that fc6 without padding fits, and
        # crops; 3 cells around fc6's input give maps that lie on the picture, and half the arithmetic at 500 px.
        self.fc6 = WideConv2d(512, 4096, kernel_size=7, padding=3)
        self.fc7 = nn.Conv2d(4096, 4096, kernel_size=1)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.5)
        he_normal_(self)
        self.draw_head(classes)
        self.features_info = (*stages, Feature("fc7", 4096, 32))
        self.vgg_layers = conv_paths(self, *STAGES, "fc6", "fc7")
        self.preprocess = Preprocess((500, 500), (500, 500), fit="stretch").for_channels(in_channels)

    def draw_head(self, classes: int) -> None:
        """Scores of zeros, interpolation between them."""
        self.score_fr = scoring(4096, classes)
        self.score_pools = nn.ModuleDict(
            {f"pool{number}": scoring(VGG16[number - 1][0], classes) for number in self.skips}
        )
        self.upscores = nn.ModuleDict({f"pool{number}": twice(classes) for number in self.skips})
        self.upsample = BilinearUpsample(32 >> len(self.skips))  # fixed (section 4.3)

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W)."""
        x, pools = images, dict[str, Tensor]()
        for number, stage in enumerate(STAGES, start=1):
            x = pools[f"pool{number}"] = self.pool(self.get_submodule(stage)(x))  # N, 512, H / 32, W / 32 at last
        x = self.dropout(self.relu(self.fc6(x)))  # N, 4096, H / 32, W / 32
        x = self.dropout(self.relu(self.fc7(x)))
        scores = self.score_fr(x)  # N, classes, H / 32, W / 32
        for pool, upscore in self.upscores.items():  # H / 16, then H / 8
            scores = upscore(scores) + self.score_pools[pool](pools[pool])
        return self.upsample(scores)  # type: ignore[no-any-return]


def fcn32s(classes: int = 21, in_channels: int = 3) -> FCN:
    """Scores at stride 32, interpolated: 134 million parameters.

    >>> import torch
    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in fcn32s().parameters())
    134346581
    """
    return FCN((), classes, in_channels)


def fcn16s(classes: int = 21, in_channels: int = 3) -> FCN:
    """Scores at stride 32 and of the fourth pooling, summed at stride 16."""
    return FCN((4,), classes, in_channels)


def fcn8s(classes: int = 21, in_channels: int = 3) -> FCN:
    """Scores at stride 32, of the fourth and of the third pooling, summed at stride 16 and 8."""
    return FCN((4, 3), classes, in_channels)
