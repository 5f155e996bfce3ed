"""SSD: default boxes at every place of six maps, of which each is classed, background among the classes, and moved.

Liu, Anguelov, Erhan, Szegedy, Reed, Fu and Berg, "SSD: Single shot multibox detector", arXiv:1512.02325. Key names are
torchvision's, whose files load; class numbers here are one less than there, where 0 is the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.layers import xavier_uniform_
from striate.models.detection.anchors import default_boxes, default_shapes
from striate.models.detection.coder import Weights, decode
from striate.models.detection.dense import as_shares, box_loss, by_anchor
from striate.models.detection.detector import MOST, Detector, Truth
from striate.models.detection.matcher import hardest_negatives, match_best_per_box, match_pictures
from striate.ops.suppression import distinct, highest

RULE = partial(match_best_per_box, threshold=0.5)
"""Section 2.2, "Matching strategy"."""
CODER: Weights = (10.0, 10.0, 5.0, 5.0)
"""The variances 0.1 and 0.2 of the authors' code."""
# Section 3.1: 0.07 of the picture at the first map, which is 0.1 for the small objects of COCO; then to 0.9 in steps
SCALES = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05)
RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
CANDIDATES, LEAST_SCORE, SUPPRESSED = 400, 0.01, 0.45
"""Of each class the best so many, above a score, go on; and the IoU of suppression. Section 3, "Inference time"."""


class Said(NamedTuple):
    """Of A default boxes: logits (N, A, K + 1), background first; codes (N, A, 4); the boxes (A, 4), in pixels."""

    logits: Tensor
    codes: Tensor
    boxes: Tensor


class OfMaps(nn.Module):
    """For each of several maps a 3x3 convolution that gives `numbers` for each of its default boxes."""

    def __init__(self, channels: Sequence[int], numbers: int) -> None:
        super().__init__()
        self.module_list = nn.ModuleList(
            nn.Conv2d(read, _boxes_at(number) * numbers, kernel_size=3, padding=1)
            for number, read in enumerate(channels)
        )
        xavier_uniform_(self)

    def forward(self, maps: Sequence[Tensor], numbers: int) -> Tensor:
        """Maps (N, channels, H, W) to (N, A, numbers)."""
        return torch.cat(
            [by_anchor(layer(each), numbers) for layer, each in zip(self.module_list, maps, strict=True)], 1
        )


class Head(nn.Module):
    """What is said of the default boxes of all maps."""

    def __init__(self, channels: Sequence[int], classes: int) -> None:
        super().__init__()
        self.classification_head = OfMaps(channels, classes + 1)
        self.regression_head = OfMaps(channels, 4)


class SSD(Detector):
    """A head on six maps of a backbone. Its losses: confidence, and localisation.

    backbone: images (N, C, H, W) to six maps, of `channels`. size: of the pictures, height and width in pixels; there
    are no others. steps: pixels from one place to the next at each of the maps.
    """

    classifier_name = "head.classification_head.module_list.0"
    auxiliary_classifiers = tuple(f"head.classification_head.module_list.{number}" for number in range(1, len(RATIOS)))
    of_positives = "localisation"

    def __init__(
        self, backbone: nn.Module, channels: Sequence[int], size: tuple[int, int], steps: Sequence[float], classes: int
    ) -> None:
        super().__init__()
        self.backbone, self.channels, self.only_size, self.steps = backbone, channels, size, steps
        self.head = Head(channels, classes)

    def finest_px(self, size: tuple[int, int]) -> float:
        """See `Detector`."""
        return SCALES[0] * min(size)

    @staticmethod
    def classes_of(rows: int) -> int:
        """Classes of so many rows of the first layer, which has the background too."""
        return rows // _boxes_at(0) - 1

    def reset_classifier(self, classes: int) -> None:
        """Fresh layers for another number of classes. Raises StriateError for a number below 1."""
        self.require_classes(classes)
        weight = next(self.head.parameters())
        self.head.classification_head = OfMaps(self.channels, classes + 1).to(weight.device, weight.dtype)

    def said(self, images: Tensor) -> Said:
        """Images (N, C, H, W) to what is said of every default box."""
        maps = self.backbone(images)
        shapes = [default_shapes(*each) for each in zip(SCALES[:-1], SCALES[1:], RATIOS, strict=True)]
        return Said(
            self.head.classification_head(maps, self.classes + 1),
            self.head.regression_head(maps, 4),
            torch.cat(default_boxes(shapes, maps, images, self.steps)),
        )

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        logits, codes, _ = self.said(images)
        return [(1.0, torch.cat([logits, codes], 2))]

    def losses(self, images: Tensor, truth: Truth) -> dict[str, Tensor]:
        """Cross-entropy of positives and of the hardest negatives, and smooth L1 of codes: equations 1 to 3.

        DEVIATES arXiv:1512.02325: each is divided by the positives of its picture, not of the batch, so that a batch
        in parts has the losses of a whole one.
        """
        self.require_fit(images)
        logits, codes, boxes = self.said(images)
        matches = match_pictures(truth, boxes.expand(len(images), -1, -1), RULE)
        positive = matches >= 0
        target = torch.zeros_like(matches)
        target[positive] = truth.labels[matches[positive]] + 1
        entropy = F.cross_entropy(logits.float().transpose(1, 2), target, reduction="none")
        counted = positive | hardest_negatives(entropy, matches)
        confidence = (entropy * counted).sum(1) / positive.sum(1).clamp_min(1)
        return {
            "confidence": confidence.mean(),
            "localisation": box_loss(codes, boxes, matches, truth, F.smooth_l1_loss, CODER),
        }

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to objects (N, MOST, 6), as `Detector` has them."""
        self.require_fit(images)
        logits, codes, anchors = self.said(images)
        boxes = as_shares(decode(codes.float(), anchors, CODER), images)
        scores = logits.float().softmax(2)[..., 1:].transpose(1, 2)  # N, K, A
        classes = scores.shape[1]
        of_each = highest(scores.flatten(0, 1), CANDIDATES, LEAST_SCORE)  # N * K, CANDIDATES
        best, places = (each.unflatten(0, (-1, classes)).flatten(1) for each in of_each)  # type: ignore[no-untyped-call]
        chosen = boxes.gather(1, places[..., None].expand(-1, -1, 4))
        labels = torch.arange(classes, device=images.device).repeat_interleave(CANDIDATES).expand_as(places)
        return distinct(chosen, best, labels, SUPPRESSED, MOST)


def _boxes_at(number: int) -> int:
    """Default boxes of a place of a map."""
    return 2 + 2 * len(RATIOS[number])
