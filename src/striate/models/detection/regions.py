"""What is in each proposal: which are learned from, the two losses, and the objects that are answered.

Girshick, "Fast R-CNN", arXiv:1504.08083, sections 2.1 to 2.3. N pictures with P proposals each, of which R are looked
at, K classes; the network has one more output, the first, for none of them. Key names are torchvision's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.layers import normal_
from striate.models.detection.coder import Weights, decode, encode
from striate.models.detection.dense import as_shares
from striate.models.detection.detector import MOST, Truth
from striate.models.detection.matcher import BETWEEN, Rule, match_pictures, sample
from striate.models.detection.proposals import Proposed
from striate.ops.boxes import clipped
from striate.ops.suppression import detections

WEIGHTS: Weights = (10.0, 10.0, 5.0, 5.0)
"""Of the coder: codes of proposals near their box become of size 1. One over the deviations of the paper's code."""
CANDIDATES, LEAST_SCORE, SUPPRESSED = 1000, 0.05, 0.5
"""The best so many, above a score, go to suppression, and its IoU."""
LEAST_PX = 1e-2
"""Sides below are no object."""


class Regions(NamedTuple):
    """Parts of pictures that are looked at. boxes: (R, 4), in pixels. picture: the number of each one's, int64 (R,)."""

    boxes: Tensor
    picture: Tensor


class Predictor(nn.Module):
    """Two dense layers: which class, and the box as each class has it."""

    def __init__(self, units: int, classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(units, classes + 1)
        self.bbox_pred = nn.Linear(units, 4 * (classes + 1))
        normal_(self.cls_score, std=0.01)  # section 2.3, "SGD hyper-parameters"
        normal_(self.bbox_pred, std=0.001)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(R, units) to logits (R, K + 1) and codes of boxes (R, K + 1, 4)."""
        return self.cls_score(features).float(), self.bbox_pred(features).float().unflatten(1, (-1, 4))


class TwoDense(nn.Module):
    """Features of regions through two dense layers. dropout: between and behind them; 0 where there is a pyramid."""

    def __init__(self, inputs: int, units: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.fc6, self.fc7 = nn.Linear(inputs, units), nn.Linear(units, units)
        self.relu, self.dropout = nn.ReLU(inplace=True), nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """(R, C, h, w) to (R, units)."""
        x = self.dropout(self.relu(self.fc6(features.flatten(1))))
        return self.dropout(self.relu(self.fc7(x)))  # type: ignore[no-any-return]


def all_regions(proposed: Proposed) -> Regions:
    """Every proposal, those that are none too: R is N * P."""
    count, each = proposed.there.shape
    return Regions(
        proposed.boxes.flatten(0, 1),
        torch.arange(count, device=proposed.boxes.device).repeat_interleave(each, output_size=count * each),
    )


@torch.no_grad()
def with_truth(proposed: Proposed, truth: Truth) -> Proposed:
    """The proposals, and the boxes that are to be found as further ones, so that there is something to learn of."""
    counted = ~truth.ignored
    further = padded_boxes(truth.boxes[counted], truth.picture[counted], truth.pictures)
    return Proposed(*(torch.cat(each, 1) for each in zip(proposed, further, strict=True)))


def padded_boxes(boxes: Tensor, picture: Tensor, pictures: int, most: int | None = None) -> Proposed:
    """Boxes (M, 4) of pictures (M,), ascending, as proposals of each; most: of a picture, its first.

    >>> padded_boxes(torch.eye(4)[:3], torch.tensor([0, 0, 2]), 3).there.tolist()
    [[True, True], [False, False], [True, False]]
    """
    places = torch.arange(len(boxes), device=boxes.device) - torch.searchsorted(picture, picture)
    if most is not None:
        boxes, picture, places = (each[places < most] for each in (boxes, picture, places))
    width = int(places.max()) + 1 if len(places) else 0
    further = boxes.new_zeros(pictures, width, 4)
    there = torch.zeros(pictures, width, dtype=torch.bool, device=boxes.device)
    further[picture, places], there[picture, places] = boxes, True
    return Proposed(further, there)


@dataclass(frozen=True)
class Learning:
    """How regions are learned from. rule: which box each proposal has. size: of a picture, how many are drawn.

    beta: where smooth L1 becomes linear.
    """

    rule: Rule
    size: int
    beta: float


class Drawn(NamedTuple):
    """The regions that are learned from, and the box of the truth that each is matched with, or -1, int64 (R,)."""

    regions: Regions
    matches: Tensor


@torch.no_grad()
def drawn_places(proposed: Proposed, truth: Truth, learning: Learning) -> tuple[Tensor, Tensor, Tensor]:
    """Some proposals of each picture, a quarter of them positives where there are so many. Section 2.3.

    The number of each one's picture, that among its proposals, and its match, int64 (R,) all.
    """
    matches = match_pictures(truth, proposed.boxes, learning.rule).masked_fill(~proposed.there, BETWEEN)
    positive, negative = sample(matches, learning.size, positive_share=0.25)
    picture, place = (positive | negative).nonzero(as_tuple=True)
    return picture, place, matches[picture, place]


def drawn_regions(proposed: Proposed, truth: Truth, learning: Learning) -> Drawn:
    """The same as regions."""
    picture, place, matches = drawn_places(proposed, truth, learning)
    return Drawn(Regions(proposed.boxes[picture, place], picture), matches)


def labels_of(drawn: Drawn, truth: Truth) -> Tensor:
    """The number of each region among K + 1 outputs, of which the first is of no object, int64 (R,)."""
    label, positive = torch.zeros_like(drawn.matches), drawn.matches >= 0
    label[positive] = truth.labels[drawn.matches[positive]] + 1
    return label


def shares_of(drawn: Drawn, truth: Truth) -> Tensor:
    """What each region counts in a mean over the regions of a picture, and then over pictures, (R,)."""
    picture = drawn.regions.picture
    return 1 / (torch.bincount(picture, minlength=truth.pictures)[picture] * max(truth.pictures, 1))


def class_loss(logits: Tensor, drawn: Drawn, truth: Truth) -> Tensor:
    """Cross-entropy of regions of logits (R, K + 1), per picture over its regions, then the mean."""
    each = F.cross_entropy(logits, labels_of(drawn, truth), reduction="none")
    return (each * shares_of(drawn, truth)).sum()


def region_losses(logits: Tensor, codes: Tensor, drawn: Drawn, truth: Truth, beta: float) -> dict[str, Tensor]:
    """Cross-entropy of the classes, and smooth L1 of the boxes of positives; per picture over its regions, then means.

    logits: (R, K + 1). codes: (R, K + 1, 4). beta: where smooth L1 becomes linear. Equation 1 of the paper.
    """
    (boxes, _), matches = drawn
    positive = (matches >= 0).nonzero()[:, 0]
    label = labels_of(drawn, truth)[positive]
    wanted = encode(truth.boxes[matches[positive]], boxes[positive], WEIGHTS)
    off = F.smooth_l1_loss(codes[positive, label], wanted, beta=beta, reduction="none").sum(1)
    return {"class": class_loss(logits, drawn, truth), "box": (off * shares_of(drawn, truth)[positive]).sum()}


def objects(logits: Tensor, codes: Tensor, proposed: Proposed, images: Tensor) -> Tensor:
    """Objects (N, MOST, 6), as `Detector` has them, of what is said of every proposal: R is N * P."""
    return objects_of(logits.softmax(1)[:, 1:], codes[:, 1:], proposed, images)


def objects_of(
    scores: Tensor,
    codes: Tensor,
    proposed: Proposed,
    images: Tensor,
    weights: Weights = WEIGHTS,
    suppressed: float = SUPPRESSED,
) -> Tensor:
    """The same of scores (R, K), 0 to 1, and codes (R, K, 4). weights: of the coder. suppressed: the IoU from which."""
    height, width = images.shape[2:]
    shape = (*proposed.there.shape, -1)
    boxes = decode(codes.reshape(*shape, 4), proposed.boxes[:, :, None], weights)
    boxes = clipped(boxes, (height, width))
    large = (boxes[..., 2:] - boxes[..., :2] >= LEAST_PX).all(3)
    scores = scores.reshape(shape) * (large & proposed.there[..., None])
    rows = detections(
        boxes, scores, iou_threshold=suppressed, score_threshold=LEAST_SCORE, candidates=CANDIDATES, most=MOST
    )
    return torch.cat([as_shares(rows[..., :4], images), rows[..., 4:]], 2)
