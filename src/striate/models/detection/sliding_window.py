"""Sliding windows: a classifier with background at every place of the picture, in several sizes and shapes.

Sermanet, Eigen, Zhang, Mathieu, Fergus and LeCun, "OverFeat: integrated recognition, localization and detection using
convolutional networks", arXiv:1312.6229. The picture is scaled until windows of one size and shape are as large as the
classifier takes them. Each could be cut out and classified alone (`by_windows`); since no layer pads, one pass over the
scaled picture, dense layers as convolutions, says the same of them all (section 3.5). An object's box is the window's.

N pictures, A windows of all grids, K classes; the classifier has one more output, the first, for background.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_, normal_
from striate.models.detection.dense import as_shares
from striate.models.detection.detector import MOST, Detector, Truth
from striate.models.detection.matcher import match
from striate.models.detection.proposals import Proposed
from striate.models.detection.regions import Drawn, Learning, Regions, class_loss, drawn_places
from striate.models.network import replace_classifier
from striate.ops.sliding_windows import RATIOS, SHARES, Grid, grids, windows_of
from striate.ops.suppression import detections

LEARNING = Learning(partial(match, low=0.5, high=0.5), 64, 0.0)
"""A window has the object that it overlaps by a half, and is background below; 64 of a picture are cut out. Where what
lies between 0.3 and 0.5 was not learned from, such windows had the highest scores."""
SUPPRESSED = 0.3
"""The IoU of suppression: boxes that are no better placed than the grid lie far from one another."""


@dataclass(frozen=True)
class Slid:
    """How windows are slid. side: of the classifier's input, stride: from one to the next, in its pixels.

    shares: sides in the picture, of its shorter one. ratios: height to width.
    """

    side: int
    stride: int
    shares: tuple[float, ...]
    ratios: tuple[float, ...]

    @property
    def step(self) -> float:
        """From one window to the next, as a share of its sides."""
        return self.stride / self.side

    def grids(self, size: tuple[int, int]) -> list[Grid]:
        """Those of pictures of this height and width."""
        return grids(size, self.shares, self.step, self.ratios)

    def windows(self, size: tuple[int, int]) -> Tensor:
        """All windows, grid by grid, float32 (A, 4), in pixels of the pictures."""
        return torch.cat([torch.from_numpy(windows_of(grid, size, self.step)) for grid in self.grids(size)])


class Scaled(NamedTuple):
    """Pictures as one grid needs them, (N, C, height, width): its windows are `side` pixels, `stride` apart."""

    grid: Grid
    images: Tensor

    def crops(self, slid: Slid) -> Tensor:
        """Every window, a view (N, C, rows, columns, side, side)."""
        return self.images.unfold(2, slid.side, slid.stride).unfold(3, slid.side, slid.stride)


class SlidingWindow(Detector):
    """A classifier of windows, its loss: class.

    features: without padding, windows (N, C, side, side) to (N, units, cells, cells), and a place more for every stride
    that a picture is larger. classifier: dense layers with fc and ReLU, the last one is `fc8`.
    """

    classifier_name = "classifier.fc8"
    learning: ClassVar[Learning] = LEARNING

    def __init__(self, features: nn.Sequential, classifier: nn.Sequential, cells: int, slid: Slid) -> None:
        super().__init__()
        self.features, self.classifier, self.cells, self.slid = features, classifier, cells, slid

    @staticmethod
    def classes_of(rows: int) -> int:
        """Classes of so many rows of the last layer, of which the first is of background."""
        return rows - 1

    def reset_classifier(self, classes: int) -> None:
        """A fresh last layer for another number of classes. Raises StriateError for a number below 1."""
        self.require_classes(classes)
        replace_classifier(self, self.classifier_name, classes + 1)

    def finest_px(self, size: tuple[int, int]) -> float:
        """See `Detector`."""
        return min(size) * self.slid.shares[-1]

    def notes(self) -> tuple[str, ...]:
        """How many windows there are in a picture of the network's size."""
        height, width = self.preprocess.size
        found = self.slid.grids((height, width))
        count, side = sum(rows * columns for rows, columns in found), self.slid.side
        return (
            *super().notes(),
            f"{self.label} classifies {count:,} windows of a picture of {width}x{height} px, of {len(found)} sizes and "
            f"shapes, each as {side}x{side} px",
        )

    def losses(self, images: Tensor, truth: Truth) -> dict[str, Tensor]:
        """Cross-entropy of windows that are cut out, a quarter of them on objects where there are so many."""
        self.require_fit(images)
        windows = self._windows(images)
        there = torch.ones(windows.shape[:2], dtype=torch.bool, device=windows.device)
        picture, place, matches = drawn_places(Proposed(windows, there), truth, self.learning)
        order = place.argsort(stable=True)  # grid by grid
        picture, place, matches = picture[order], place[order], matches[order]
        drawn = Drawn(Regions(windows[picture, place], picture), matches)
        return {"class": class_loss(self.classified(self.cut_out(images, picture, place)), drawn, truth)}

    def cut_out(self, images: Tensor, picture: Tensor, place: Tensor) -> Tensor:
        """Some windows, by the numbers of their pictures and among all windows, ascending: (R, C, side, side)."""
        found, first = [], 0
        for scaled in self.scaled(images):
            rows, columns = scaled.grid
            here = (place >= first) & (place < first + rows * columns)
            number = place[here] - first
            crops = scaled.crops(self.slid).permute(0, 2, 3, 1, 4, 5)
            found.append(crops[picture[here], number // columns, number % columns])
            first += rows * columns
        return torch.cat(found)

    def scaled(self, images: Tensor) -> Iterator[Scaled]:
        """The pictures (N, C, H, W) in the size of each grid."""
        for grid in self.slid.grids((images.shape[2], images.shape[3])):
            height, width = (self.slid.side + self.slid.stride * (count - 1) for count in grid)
            yield Scaled(grid, F.interpolate(images, (height, width), mode="bilinear", antialias=True))

    def classified(self, windows: Tensor) -> Tensor:
        """Logits (R, K + 1) of windows (R, C, side, side), each by itself."""
        return self.of_windows()(windows).float()  # type: ignore[no-any-return]

    def of_windows(self) -> nn.Sequential:
        """The classifier of single windows, with these very weights."""
        return nn.Sequential(self.features, nn.Flatten(), self.classifier)

    def logits(self, images: Tensor) -> Tensor:
        """The same of all windows of pictures (N, C, H, W), by one pass for each grid: (N, A, K + 1)."""
        passes = [self._everywhere(self.features(scaled.images)) for scaled in self.scaled(images)]
        return torch.cat([maps.flatten(2).transpose(1, 2) for maps in passes], 1).float()

    def _everywhere(self, maps: Tensor) -> Tensor:
        """What the dense layers say at every place, (N, K + 1, rows, columns): each as a convolution."""
        cells = self.cells
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):
                maps = F.conv2d(maps, layer.weight.reshape(layer.out_features, -1, cells, cells), layer.bias)
                cells = 1
            else:
                maps = layer(maps)
        return maps

    @torch.no_grad()
    def by_windows(self, images: Tensor) -> Tensor:
        """The same the slow way, window after window, those of a row in a batch: (N, A, K + 1)."""
        rows = [
            torch.stack([self.classified(crops.transpose(0, 1)) for crops in row])  # N, columns, K + 1
            for scaled in self.scaled(images)
            for row in scaled.crops(self.slid).unbind(2)  # N, C, columns, side, side
        ]
        return torch.cat(rows, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to objects (N, MOST, 6), as `Detector` has them."""
        self.require_fit(images)
        logits = self.logits(images)
        # as many as there are logits, so that a pass that is written down is one of any number of pictures
        windows = self._windows(images)[:1] + torch.zeros_like(logits[..., :1])
        rows = detections(windows, logits.softmax(2)[..., 1:], iou_threshold=SUPPRESSED, most=MOST)
        return torch.cat([as_shares(rows[..., :4], images), rows[..., 4:]], 2)

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        return [(1.0, self.logits(images))]

    def _windows(self, images: Tensor) -> Tensor:
        """(N, A, 4), in pixels."""
        windows = self.slid.windows((images.shape[2], images.shape[3])).to(images.device)
        return windows.expand(images.shape[0], -1, -1)


def sliding_window_overfeat(classes: int = 20, in_channels: int = 3) -> SlidingWindow:
    """The paper's fast network (table 1), windows of 231 px in three scales.

    DEVIATES arXiv:1312.6229: its layers 3 to 5 pad, so that a window's scores depend on what is around it, or on zeros
    where it is cut out. Here they do not, and the last pooling is left out: the dense layers read 6x6 places as there,
    and windows are 16 px apart, not 32. The boxes are not regressed (its section 4).

    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in sliding_window_overfeat(classes=999).parameters())
    145920872
    """
    features = OrderedDict[str, nn.Module](
        conv1=nn.Conv2d(in_channels, 96, kernel_size=11, stride=4),  # N, 96, 56, 56 of a window of 231 px
        relu1=nn.ReLU(inplace=True),
        pool1=nn.MaxPool2d(2),  # N, 96, 28, 28
        conv2=nn.Conv2d(96, 256, kernel_size=5),  # N, 256, 24, 24
        relu2=nn.ReLU(inplace=True),
        pool2=nn.MaxPool2d(2),  # N, 256, 12, 12
        conv3=nn.Conv2d(256, 512, kernel_size=3),  # N, 512, 10, 10
        relu3=nn.ReLU(inplace=True),
        conv4=nn.Conv2d(512, 1024, kernel_size=3),  # N, 1024, 8, 8
        relu4=nn.ReLU(inplace=True),
        conv5=nn.Conv2d(1024, 1024, kernel_size=3),  # N, 1024, 6, 6
        relu5=nn.ReLU(inplace=True),
    )
    classifier = OrderedDict[str, nn.Module](
        fc6=nn.Linear(1024 * 6 * 6, 3072),
        relu6=nn.ReLU(inplace=True),
        drop6=nn.Dropout(0.5),
        fc7=nn.Linear(3072, 4096),
        relu7=nn.ReLU(inplace=True),
        drop7=nn.Dropout(0.5),
        fc8=nn.Linear(4096, classes + 1),
    )
    slid = Slid(231, 16, SHARES[:3], (1.0,))
    network = SlidingWindow(nn.Sequential(features), nn.Sequential(classifier), 6, slid)
    normal_(network, std=0.01)  # section 3.2
    network.features_info = (
        Feature("features.relu1", 96, 4),
        Feature("features.relu2", 256, 8),
        Feature("features.relu5", 1024, 16),
    )
    network.preprocess = Preprocess((462, 462), (462, 462), fit="stretch").for_channels(in_channels)
    return network


def sliding_window_quick(classes: int = 20, in_channels: int = 3) -> SlidingWindow:
    """A small one with batch norms for two cores: windows of 46 px in seven sizes and three shapes, pictures of 320 px.

    It begins with drawn weights: squeeze-and-excitation of the packaged network reads a whole window, so one pass over
    the picture is another network.
    """
    features = nn.Sequential(
        OrderedDict(
            conv1=_normed(in_channels, 32, 4, stride=2),  # N, 32, 22, 22 of a window of 46 px
            conv2=_normed(32, 48, 3),  # N, 48, 20, 20
            pool2=nn.MaxPool2d(2),  # N, 48, 10, 10
            conv3=_normed(48, 96, 3),  # N, 96, 8, 8
            conv4=_normed(96, 96, 3),  # N, 96, 6, 6
            pool4=nn.MaxPool2d(2),  # N, 96, 3, 3
        )
    )
    classifier = OrderedDict(
        fc7=nn.Linear(96 * 3 * 3, 192), relu7=nn.ReLU(inplace=True), fc8=nn.Linear(192, classes + 1)
    )
    network = SlidingWindow(features, nn.Sequential(classifier), 3, Slid(46, 8, SHARES, RATIOS))
    he_normal_(network)
    network.features_info = (Feature("features.conv2", 48, 2), Feature("features.conv4", 96, 4))
    network.preprocess = Preprocess((320, 320), (320, 320), fit="stretch").for_channels(in_channels)
    return network


def _normed(channels: int, width: int, window: int, stride: int = 1) -> nn.Sequential:
    """A convolution without padding, batch norm and ReLU."""
    conv = nn.Conv2d(channels, width, kernel_size=window, stride=stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True))
