"""Dilated convolutions: VGG-16 without its last two poolings, and a module that gathers context at full resolution.

Yu and Koltun, "Multi-scale context aggregation by dilated convolutions", arXiv:1511.07122, section 3 and table 1 (the
context module), section 4 (the front end).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import BilinearUpsample, WideConv2d, he_normal_
from striate.models.segmentation.pixelwise import OnVGG, conv_paths, convolutions

# arXiv:1409.1556, table 1, column D, as section 4 has it: channels, convolutions, dilation, and whether pooling follows
STAGES = ((64, 2, 1, True), (128, 2, 1, True), (256, 3, 1, True), (512, 3, 1, False), (512, 3, 2, False))
# arXiv:1511.07122, table 1: dilation of the 3x3 convolutions, and maps after each as multiples of the classes
DILATIONS = (1, 1, 2, 4, 8, 16, 1)
BASIC = (1, 1, 1, 1, 1, 1, 1)
LARGE = (2, 2, 4, 8, 16, 32, 32)
NOISE = 1e-3
"""Standard deviation of what breaks ties in equation 5: far below 1 / 32, the smallest of its other numbers."""


@torch.no_grad()
def identity_(layer: nn.Conv2d, classes: int) -> None:
    """Fill a convolution so that every class keeps to itself: equation 4, and equation 5 for several maps a class.

    Maps of one class lie together. Where their number changes, N(0, NOISE^2) is added elsewhere.

    >>> layer = nn.Conv2d(4, 2, kernel_size=1)
    >>> identity_(layer, classes=2)
    >>> (layer.weight[:, :, 0, 0] > 0.5).int().tolist()
    [[1, 1, 0, 0], [0, 0, 1, 1]]
    """
    wide = (layer.in_channels, layer.out_channels) != (classes, classes)
    layer.weight.normal_(0, NOISE) if wide else layer.weight.zero_()
    read_of, written_of = (
        torch.arange(channels, device=layer.weight.device) * classes // channels
        for channels in (layer.in_channels, layer.out_channels)
    )
    same = written_of[:, None] == read_of[None]
    middle = layer.weight[:, :, layer.kernel_size[0] // 2, layer.kernel_size[1] // 2]
    middle.copy_(torch.where(same, torch.full_like(middle, classes / layer.out_channels), middle))
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]   # it has one


def context_module(classes: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Seven 3x3 convolutions that see 67x67 cells, and a 1x1 one. (N, classes, H, W) to the same.

    widths: maps after each 3x3 convolution, as multiples of the classes. It begins as the identity of what is positive.
    """
    rows: list[nn.Module] = []
    channels = classes
    for width, dilation in zip(widths, DILATIONS, strict=True):
        conv = nn.Conv2d(channels, width * classes, kernel_size=3, padding=dilation, dilation=dilation)
        rows += [conv, nn.ReLU(inplace=True)]
        channels = width * classes
    rows.append(nn.Conv2d(channels, classes, kernel_size=1))
    for layer in rows:
        if isinstance(layer, nn.Conv2d):
            identity_(layer, classes)
    return nn.Sequential(*rows)


class Dilated(OnVGG):
    """The front end, with a context module behind it where `widths` says of which size."""

    classifier_name = "score"
    multiple_px = 8

    def __init__(self, widths: tuple[int, ...] | None, classes: int, in_channels: int) -> None:
        super().__init__()
        self.widths = widths
        rows: list[nn.Module] = []
        stages, channels, stride = list[Feature](), in_channels, 1
        for width, depth, dilation, pooled in STAGES:
            stages.append(Feature(f"features.{len(rows)}", width, stride))
            rows.append(convolutions(channels, width, depth, batch_norm=False, dilation=dilation))
            rows += [nn.MaxPool2d(2)] if pooled else []
            channels, stride = width, stride * (2 if pooled else 1)
        # DEVIATES arXiv:1511.07122: zeros around the maps; the paper pads the picture by reflection and no map
        self.features = nn.Sequential(*rows)
        self.fc6 = WideConv2d(512, 4096, kernel_size=7, padding=12, dilation=4)
        self.fc7 = nn.Conv2d(4096, 4096, kernel_size=1)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.5)
        he_normal_(self)
        self.draw_head(classes)
        self.upsample = BilinearUpsample(8)
        self.features_info = (*stages, Feature("fc7", 4096, 8))
        self.vgg_layers = conv_paths(self, "features", "fc6", "fc7")
        self.preprocess = Preprocess((512, 512), (512, 512), fit="stretch").for_channels(in_channels)

    def draw_head(self, classes: int) -> None:
        """Scores, and the context module as the identity."""
        self.score = nn.Conv2d(4096, classes, kernel_size=1)
        nn.init.normal_(self.score.weight, std=0.01)
        nn.init.zeros_(self.score.bias)  # type: ignore[arg-type]   # it has one
        self.context = nn.Identity() if self.widths is None else context_module(classes, self.widths)

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W)."""
        x = self.features(images)  # N, 512, H / 8, W / 8
        x = self.dropout(self.relu(self.fc6(x)))  # N, 4096, H / 8, W / 8
        x = self.dropout(self.relu(self.fc7(x)))
        scores = self.context(self.score(x))  # N, classes, H / 8, W / 8
        return self.upsample(scores)  # type: ignore[no-any-return]


def dilated_frontend(classes: int = 21, in_channels: int = 3) -> Dilated:
    """Section 4: the last two poolings are gone, what follows them is dilated twice and four times.

    >>> import torch
    >>> with torch.device("meta"):
    ...     dilated_frontend()(torch.empty(1, 3, 37, 50)).shape
    torch.Size([1, 21, 37, 50])
    """
    return Dilated(None, classes, in_channels)


def dilated_context(classes: int = 21, in_channels: int = 3) -> Dilated:
    """The front end and the basic context module, of about 64 classes^2 parameters."""
    return Dilated(BASIC, classes, in_channels)


def dilated_context_large(classes: int = 21, in_channels: int = 3) -> Dilated:
    """The front end and the large context module, up to 32 maps a class."""
    return Dilated(LARGE, classes, in_channels)
