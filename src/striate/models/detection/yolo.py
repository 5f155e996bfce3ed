"""YOLO: a grid over the picture, in whose cells boxes and classes are read off at once.

Redmon, Divvala, Girshick and Farhadi, "You only look once: unified, real-time object detection", arXiv:1506.02640: the
24 convolutions and two dense layers of figure 3, and the same answer from any network's last maps.

N pictures, S by S cells, B boxes of a cell, K classes. A cell says, for each of its boxes, where in it the middle lies
(0 to 1, from its left and top), the roots of width and height as shares of the picture, and its confidence; then the
probability of each class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.detection.detector import MOST, Detector, Truth
from striate.models.network import Network, replace_classifier
from striate.models.quick_regnet import quick_regnet26
from striate.models.stages import without_head
from striate.models.weights import fill_body
from striate.ops.boxes import box_iou
from striate.ops.suppression import detections

GRID, BOXES = 7, 2
"""S and B, section 2."""
COORDINATES, NO_OBJECT = 5.0, 0.5
"""Lambda coord and lambda noobj, section 2.2."""
SLOPE = 0.1
"""Of the leaky rectifiers below 0, equation 2."""
LEAST_SCORE, SUPPRESSED, CANDIDATES = 0.005, 0.5, 400

POOL = 0
# Figure 3    (kernel, width, stride) of each convolution, POOL where maxima of 2x2 are taken
TABLE: tuple[tuple[int, int, int], ...] = (
    (7, 64, 2), (POOL, 64, 2),
    (3, 192, 1), (POOL, 192, 2),
    (1, 128, 1), (3, 256, 1), (1, 256, 1), (3, 512, 1), (POOL, 512, 2),
    *((1, 256, 1), (3, 512, 1)) * 4, (1, 512, 1), (3, 1024, 1), (POOL, 1024, 2),
    *((1, 512, 1), (3, 1024, 1)) * 2, (3, 1024, 1), (3, 1024, 2),
    (3, 1024, 1), (3, 1024, 1),
)  # fmt: skip


class Cells(NamedTuple):
    """What the cells are to answer.

    box: which of the truth's boxes has its middle in each cell, int64 (N, S, S), -1 where none has. said: the middle in
    the cell and the roots of width and height, (N, S, S, 4). judged: whether a cell without a box is to say that there
    is none, bool (N, S, S): not where the middle of a box that is ignored lies.
    """

    box: Tensor
    said: Tensor
    judged: Tensor


def encode(truth: Truth, size: tuple[int, int]) -> Cells:
    """The boxes of pictures of a size, height and width in pixels, as their cells are to say them.

    A cell has one box, the first; the others are lost, as the paper has it.
    """
    height, width = size
    shares = truth.boxes / truth.boxes.new_tensor([width, height, width, height])
    middle, sides = (shares[:, :2] + shares[:, 2:]) / 2, shares[:, 2:] - shares[:, :2]
    column, row = (middle * GRID).long().clamp(0, GRID - 1).unbind(1)
    place = (truth.picture * GRID + row) * GRID + column
    numbers, cells = torch.arange(len(place), device=place.device), truth.pictures * GRID * GRID
    none = numbers.new_full((cells,), len(place))
    counted = ~truth.ignored
    box = none.scatter_reduce(0, place[counted], numbers[counted], "amin")
    judged = torch.ones_like(box, dtype=torch.bool).index_fill(0, place[truth.ignored], False)
    box = box.where(box < len(place), -1).view(truth.pictures, GRID, GRID)
    inside = middle * GRID - torch.stack([column, row], 1)
    said = shares.new_zeros(*box.shape, 4)
    said[box >= 0] = torch.cat([inside, sides.sqrt()], 1)[box[box >= 0]]
    return Cells(box, said, judged.view_as(box))


def decode(said: Tensor) -> Tensor:
    """Boxes as shares of the picture, of what cells say: the inverse of `encode`, (N, S, S, B, 4) of the same."""
    places = torch.arange(GRID, device=said.device, dtype=said.dtype)
    row, column = torch.meshgrid(places, places, indexing="ij")
    middle = (said[..., :2] + torch.stack([column, row], 2)[:, :, None]) / GRID
    half = said[..., 2:].square() / 2
    return torch.cat([middle - half, middle + half], -1)


class YOLO(Detector):
    """A network whose last layer gives every cell's numbers. Its losses are the five sums of equation 3.

    A subclass writes `cells`, and `classes_of` for its last layer.
    """

    of_positives = "centre"

    def finest_px(self, size: tuple[int, int]) -> float:
        """See `Detector`."""
        return min(size) / GRID

    def cells(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to what the cells say, (N, S, S, 5 B + K)."""
        raise NotImplementedError

    def _draw_last(self, classes: int) -> None:
        """A fresh last layer, drawn so that boxes begin as `_begin` has it."""
        raise NotImplementedError

    def reset_classifier(self, classes: int) -> None:
        """A fresh last layer for another number of classes. Raises StriateError for a number below 1."""
        self.require_classes(classes)
        self._draw_last(classes)

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        return [(1.0, self.cells(images))]

    def losses(self, images: Tensor, truth: Truth) -> dict[str, Tensor]:
        """The five sums over cells of equation 3, each with its lambda, as means over the pictures.

        Of a cell's boxes that is responsible which has the highest IoU with the truth, which its confidence is to say.
        """
        self.require_fit(images)
        said = self.cells(images).float()
        asked = encode(truth, (images.shape[2], images.shape[3]))
        there = asked.box >= 0
        boxes = said[..., : 5 * BOXES].unflatten(3, (BOXES, 5))  # type: ignore[no-untyped-call]
        with torch.no_grad():
            iou = box_iou(decode(boxes[..., :4]), decode(asked.said[..., None, :]))  # N, S, S, B
            best = torch.zeros_like(iou).scatter(3, iou.argmax(3, keepdim=True), 1.0)
            responsible = best * there[..., None]
            silent = (1 - responsible) * (there | asked.judged)[..., None]
            labels = torch.zeros_like(said[..., 5 * BOXES :])
            labels[there] = nn.functional.one_hot(truth.labels[asked.box[there]], labels.shape[3]).to(labels.dtype)
        away = (boxes[..., :4] - asked.said[..., None, :]).square() * responsible[..., None]
        confidence = boxes[..., 4]
        wrong = (said[..., 5 * BOXES :] - labels).square() * there[..., None]
        sums = {
            "centre": COORDINATES * away[..., :2].sum(),
            "size": COORDINATES * away[..., 2:].sum(),
            "object": ((confidence - iou).square() * responsible).sum(),
            "no_object": NO_OBJECT * (confidence.square() * silent).sum(),
            "class": wrong.sum(),
        }
        return {name: total / max(len(images), 1) for name, total in sums.items()}

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to objects (N, MOST, 6), as `Detector` has them: scores are equation 1."""
        self.require_fit(images)
        said = self.cells(images).float()
        boxes = said[..., : 5 * BOXES].unflatten(3, (BOXES, 5))  # type: ignore[no-untyped-call]
        scores = boxes[..., 4:].clamp(0, 1) * said[..., None, 5 * BOXES :].clamp(0, 1)
        return detections(
            decode(boxes[..., :4]).clamp(0, 1).flatten(1, 3),
            scores.flatten(1, 3),
            iou_threshold=SUPPRESSED,
            score_threshold=LEAST_SCORE,
            candidates=CANDIDATES,
            most=MOST,
        )


@torch.no_grad()
def _begin(layer: nn.Module, classes: int) -> None:
    """Biases by which boxes begin in the middle of their cells, a quarter as wide and high as the picture.

    DEVIATES arXiv:1506.02640, which says nothing: from sides of 0 no box of a cell would be the better one.
    """
    for bias in (each for name, each in layer.named_parameters() if name == "bias"):
        said = bias.view(5 * BOXES + classes, -1)
        for box in range(BOXES):
            said[5 * box : 5 * box + 4] = 0.5


class PaperYOLO(YOLO):
    """Figure 3: 24 convolutions, a dense layer of 4,096 units, and the cells' numbers."""

    classifier_name = "classifier.3"
    only_size = (448, 448)

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        rows, stages, channels, stride = list[nn.Module](), list[Feature](), in_channels, 1
        for kernel, width, step in TABLE:
            if kernel == POOL or (kernel, step) == (3, 2):
                stages.append(Feature(f"features.{len(rows) - 1}", channels, stride))
            if kernel == POOL:
                rows.append(nn.MaxPool2d(2, stride=2))
            else:
                rows += [nn.Conv2d(channels, width, kernel, step, kernel // 2), nn.LeakyReLU(SLOPE, inplace=True)]
            channels, stride = width, stride * step
        self.features = nn.Sequential(*rows)  # N, 1024, 7, 7
        self.classifier = nn.Sequential(
            nn.Linear(1024 * GRID * GRID, 4096), nn.LeakyReLU(SLOPE, inplace=True), nn.Dropout(0.5), nn.Linear(4096, 1)
        )
        he_normal_(self)
        self._draw_last(classes)
        self.features_info = (*stages, Feature(f"features.{len(rows) - 1}", channels, stride))
        self.preprocess = Preprocess((448, 448), (448, 448), fit="stretch").for_channels(in_channels)

    @staticmethod
    def classes_of(rows: int) -> int:
        """Classes of so many units of the last layer."""
        return rows // (GRID * GRID) - 5 * BOXES

    def _draw_last(self, classes: int) -> None:
        replace_classifier(self, self.classifier_name, GRID * GRID * (5 * BOXES + classes))
        _begin(self.get_classifier(), classes)

    def cells(self, images: Tensor) -> Tensor:
        """Images (N, C, 448, 448) to what the cells say, (N, S, S, 5 B + K)."""
        said = self.classifier(self.features(images).flatten(1)).unflatten(1, (-1, GRID, GRID))
        return said.permute(0, 2, 3, 1)  # type: ignore[no-any-return]


class YOLOOn(YOLO):
    """The same answer of the last maps of any network whose stages are its children, by convolutions: of any size.

    DEVIATES arXiv:1506.02640: no dense layers, which are nine tenths of the paper's weights; batch norms.
    """

    classifier_name = "score"

    def __init__(self, network: Network, begins_with: str, classes: int) -> None:
        super().__init__()
        self.body, self.begins_with = without_head(network), begins_with
        self.before, self.behind = _convolved(network.features_info[-1].channels, 256), _convolved(256, 256)
        self.pool = nn.AdaptiveAvgPool2d(GRID)
        self.score = nn.Conv2d(256, 1, kernel_size=1)
        he_normal_(nn.ModuleList([self.before, self.behind]))
        self._draw_last(classes)
        self.features_info = tuple(replace(each, name=f"body.{each.name}") for each in network.features_info)
        self.preprocess = replace(network.preprocess, size=(336, 336), resize=(336, 336), fit="stretch")

    @staticmethod
    def classes_of(rows: int) -> int:
        """Classes of so many maps of the last layer."""
        return rows - 5 * BOXES

    def _draw_last(self, classes: int) -> None:
        replace_classifier(self, self.classifier_name, 5 * BOXES + classes)
        _begin(self.get_classifier(), classes)

    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill the stages from a state dict of the network below. Raises StriateError that names what differs."""
        fill_body(self.body, tensors, source=f"the {self.begins_with} given")

    def cells(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to what the cells say, (N, S, S, 5 B + K)."""
        x = self.behind(self.pool(self.before(self.body(images))))  # N, 256, S, S
        return self.score(x).permute(0, 2, 3, 1)  # type: ignore[no-any-return]


def _convolved(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


def yolo_v1(classes: int = 20, in_channels: int = 3) -> PaperYOLO:
    """Figure 3 of the paper, for pictures of 448 px."""
    return PaperYOLO(classes, in_channels)


def yolo_v1_quick_regnet26(classes: int = 20, in_channels: int = 3) -> YOLOOn:
    """The cells read off quick_regnet26, for two cores: 336 px, whose last maps are three places to a cell's side."""
    return YOLOOn(quick_regnet26(1, in_channels), "quick_regnet26", classes)
