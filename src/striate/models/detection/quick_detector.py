"""A one-stage detector on the packaged backbone, made to be trained on two cores in half an hour.

Our own arrangement of known parts: the stages of `quick_regnet26`; what the last of them shows of the whole picture,
a way up by sums, as in `quick_fcn`, from stride 16 to stride 8, and one step down, to stride 32; at each stride every
point gives scores and the distances to the four edges (Tian et al., "FCOS", arXiv:1904.01355, section 3.1), without
anchors; which points learn an object is decided by what they answer (`assignment`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.detection.assignment import assigned, padded
from striate.models.detection.dense import as_shares
from striate.models.detection.detector import MOST, Detector, Truth
from striate.models.network import replace_classifier
from striate.models.quick_regnet import MEAN, STD, QuickRegNet, quick_regnet26
from striate.models.stages import without_head
from striate.models.upward import WIDTH, Merge
from striate.models.weights import fill_body
from striate.ops.boxes import box_giou
from striate.ops.suppression import detections

STRIDES = (8, 16, 32)
RARE = 0.01
"""The score of everything before anything is learned. Source: Lin et al., arXiv:1708.02002, section 4.1."""
BOX_WEIGHT = 2.0  # of a box beside its score
OVERLAP, LEAST_SCORE, CANDIDATES = 0.6, 0.01, 400


class Points(NamedTuple):
    """What points say: logits (N, A, K), boxes (N, A, 4) in pixels; where they are, x and y, (A, 2)."""

    logits: Tensor
    boxes: Tensor
    places: Tensor


class Head(nn.Module):
    """Maps (N, WIDTH, H, W) of one stride to logits (N, H * W, K) and distances to edges (N, H * W, 4), in pixels."""

    def __init__(self, stride: int, classes: int) -> None:
        super().__init__()
        self.stride = stride
        self.for_scores, self.for_boxes = _convolved(), _convolved()
        self.score = nn.Conv2d(WIDTH, classes, kernel_size=1)
        self.edges = nn.Conv2d(WIDTH, 4, kernel_size=1)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """See above."""
        logits = self.score(self.for_scores(maps)).float()
        distances = F.softplus(self.edges(self.for_boxes(maps)).float()) * (2 * self.stride)
        return _listed(logits), _listed(distances)

    def draw(self, classes: int) -> None:
        """Fresh scores for a number of classes."""
        replace_classifier(self, "score", classes)
        nn.init.constant_(self.score.bias, -math.log((1 - RARE) / RARE))  # type: ignore[arg-type]


def _convolved() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(WIDTH, WIDTH, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True)
    )


def _listed(maps: Tensor) -> Tensor:
    """(N, C, H, W) to (N, H * W, C)."""
    return maps.flatten(2).transpose(1, 2)


class QuickDetector(Detector):
    """The stages of a network, a sum on the way up, a step down, and a head at each of three strides."""

    classifier_name = "heads.0.score"
    auxiliary_classifiers = ("heads.1.score", "heads.2.score")
    begins_with = "quick_regnet26"

    def __init__(self, backbone: QuickRegNet, classes: int) -> None:
        super().__init__()
        self.backbone = without_head(backbone)
        _, _, third, fourth = backbone.features_info
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.whole = nn.Conv2d(fourth.channels, WIDTH, kernel_size=1)
        self.merge4, self.merge3 = Merge(fourth.channels), Merge(third.channels)
        self.down = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(inplace=True),
        )
        self.heads = nn.ModuleList(Head(stride, classes) for stride in STRIDES)
        for layer in (self.whole, self.merge4, self.merge3, self.down, self.heads):
            he_normal_(layer)
        for head in self.heads:
            assert isinstance(head, Head)  # noqa: S101 - our own invariant
            nn.init.normal_(head.edges.weight, std=0.01)  # boxes begin at about three strides
        self.reset_classifier(classes)
        self.features_info = tuple(
            Feature(f"backbone.{each.name}", each.channels, each.stride) for each in backbone.features_info
        )
        self.preprocess = Preprocess((384, 512), (384, 512), MEAN, STD, fit="stretch").for_channels(
            backbone.in_channels
        )

    def reset_classifier(self, classes: int) -> None:
        """Fresh scores for another number of classes. Raises StriateError for a number below 1."""
        self.require_classes(classes)
        for head in self.heads:
            assert isinstance(head, Head)  # noqa: S101 - our own invariant
            head.draw(classes)

    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill the stages from a state dict of quick_regnet26. Raises StriateError that names what differs."""
        fill_body(self.backbone, tensors, source=self.begins_with)

    def finest_px(self, size: tuple[int, int]) -> float:
        """See `Detector`."""
        return STRIDES[0]

    def points(self, images: Tensor) -> Points:
        """Images (N, C, H, W) to what every point of the three strides says."""
        x, maps = images, list[Tensor]()
        for layer in self.backbone:
            x = layer(x)
            maps.append(x)
        third, fourth = maps[-2:]  # N, 192, H / 8, W / 8; N, 384, H / 16, W / 16
        middle = self.merge4(fourth, self.whole(self.avgpool(fourth)))  # N, WIDTH, H / 16, W / 16
        levels = (self.merge3(third, middle), middle, self.down(middle))
        said = [head(level) for head, level in zip(self.heads, levels, strict=True)]
        places = torch.cat([_places(level, stride) for level, stride in zip(levels, STRIDES, strict=True)])
        logits, distances = (torch.cat(parts, 1) for parts in zip(*said, strict=True))
        near, far = places - distances[..., :2], places + distances[..., 2:]
        return Points(logits, torch.cat([near, far], 2), places)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to objects (N, MOST, 6). Raises StriateError for a shape that does not fit."""
        self.require_fit(images)
        logits, boxes, _ = self.points(images)
        return detections(
            as_shares(boxes, images),
            logits.sigmoid(),
            iou_threshold=OVERLAP,
            score_threshold=LEAST_SCORE,
            candidates=CANDIDATES,
            most=MOST,
        )

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        logits, boxes, _ = self.points(images)
        return [(1.0, torch.cat([logits, boxes], 2))]

    def losses(self, images: Tensor, truth: Truth) -> dict[str, Tensor]:
        """Cross-entropy of scores with how well points fit, and what the boxes of those that learn one lack.

        Both are sums over the points of a picture, divided by how much of them is foreground, and means over pictures.
        """
        self.require_fit(images)
        logits, boxes, places = self.points(images)
        asked = assigned(logits.detach().sigmoid(), boxes.detach(), places, padded(truth))
        foreground = asked.weights.sum(1).clamp_min(1)
        entropy = F.binary_cross_entropy_with_logits(logits, asked.scores, reduction="none").sum(2) * asked.judged
        lacking = (1 - box_giou(boxes, asked.boxes)) * asked.weights
        return {
            "class": (entropy.sum(1) / foreground).mean(),
            "box": BOX_WEIGHT * (lacking.sum(1) / foreground).mean(),
        }


def _places(maps: Tensor, stride: int) -> Tensor:
    """The middles of the cells of maps (N, C, H, W), x and y in pixels, (H * W, 2)."""
    y, x = (torch.arange(side, device=maps.device, dtype=torch.float32) + 0.5 for side in maps.shape[2:])
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([grid_x, grid_y], 2).flatten(0, 1) * stride


def quick_detector(classes: int = 3, in_channels: int = 3) -> QuickDetector:
    """On quick_regnet26, at strides 8, 16 and 32.

    >>> with torch.device("meta"):
    ...     quick_detector()(torch.empty(1, 3, 64, 96)).shape
    torch.Size([1, 100, 6])
    """
    return QuickDetector(quick_regnet26(1, in_channels), classes)
