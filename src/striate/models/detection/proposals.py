"""Where objects may be: a small network that scores and moves anchors at every place of every level.

Ren, He, Girshick and Sun, "Faster R-CNN", arXiv:1506.01497, section 3.1; on a pyramid, Lin et al., arXiv:1612.03144,
section 4.1. N pictures, A anchors of all levels. Key names are torchvision's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.layers import normal_
from striate.models.detection.anchors import RATIOS, anchors_of_maps, cell_anchors
from striate.models.detection.coder import decode, encode
from striate.models.detection.dense import by_anchor
from striate.models.detection.detector import Truth
from striate.models.detection.matcher import match_low_quality, match_pictures, sample
from striate.ops.boxes import clipped
from striate.ops.suppression import distinct

RULE = partial(match_low_quality, low=0.3, high=0.7)
"""The IoU below which an anchor is background, and from which on it has a box. Section 3.1.2."""
SAMPLED, POSITIVE_SHARE = 256, 0.5
"""Anchors of a picture that are learned from. Section 3.1.3."""
SUPPRESSED = 0.7
"""The IoU of suppression among proposals of a level. Section 3.3."""
LEAST_PX = 1e-3
"""Sides below are no proposal."""
BETA = 1 / 9
"""Where smooth L1 becomes linear, of proposals, as in the paper's code; and of the boxes below, in torchvision's."""


class Proposed(NamedTuple):
    """Boxes in which objects may be. boxes: (N, P, 4), in pixels. there: which are boxes at all, bool (N, P)."""

    boxes: Tensor
    there: Tensor

    def best(self, most: int) -> Proposed:
        """The first of each picture."""
        return Proposed(self.boxes[:, :most], self.there[:, :most])


class Kept(NamedTuple):
    """How many proposals go on, the best: `best` of each level to suppression, and `left` of a picture behind it."""

    best: int
    left: int


class Scored(NamedTuple):
    """What the head says at each level: logits (N, a), codes of boxes (N, a, 4), and the anchors (a, 4), in pixels."""

    logits: list[Tensor]
    codes: list[Tensor]
    anchors: list[Tensor]


class Head(nn.Module):
    """A 3x3 convolution, and behind it 1x1 ones: whether there is an object, and its box, of each anchor of a place."""

    def __init__(self, channels: int, anchors: int) -> None:
        super().__init__()
        conv = nn.Sequential(nn.Conv2d(channels, channels, kernel_size=3, padding=1), nn.ReLU(inplace=True))
        self.conv = nn.Sequential(conv)
        self.cls_logits = nn.Conv2d(channels, anchors, kernel_size=1)
        self.bbox_pred = nn.Conv2d(channels, 4 * anchors, kernel_size=1)
        normal_(self, std=0.01)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(N, channels, H, W) to (N, anchors, H, W) and (N, 4 * anchors, H, W)."""
        x = self.conv(maps)
        return self.cls_logits(x), self.bbox_pred(x)


class RegionProposals(nn.Module):
    """Proposals from levels of one width, which share a head.

    sizes: of the anchors of each level, roots of their area in pixels. training, testing: how many proposals go on.
    """

    def __init__(self, channels: int, sizes: Sequence[Sequence[float]], training: Kept, testing: Kept) -> None:
        super().__init__()
        self.sizes, self.in_training, self.in_testing = sizes, training, testing
        self.head = Head(channels, len(sizes[0]) * len(RATIOS))

    def forward(self, images: Tensor, levels: Sequence[Tensor]) -> Scored:
        """Levels (N, channels, H, W) of images (N, C, H, W) to what is said of each anchor."""
        answers = [self.head(maps) for maps in levels]
        logits = [by_anchor(each, 1)[..., 0].float() for each, _ in answers]
        codes = [by_anchor(each, 4).float() for _, each in answers]
        return Scored(logits, codes, anchors_of_maps([cell_anchors(each) for each in self.sizes], levels, images))

    @torch.no_grad()
    def proposals(self, images: Tensor, scored: Scored) -> Proposed:
        """The best anchors as the head moves them, clipped, without those that lie on a better one of their level."""
        kept = self.in_training if self.training else self.in_testing
        boxes, logits, numbers = [], [], []
        for number, (scores, codes, anchors) in enumerate(zip(*scored, strict=True)):
            best, places = scores.topk(min(kept.best, scores.shape[1]), dim=1)
            boxes.append(decode(codes.gather(1, places[..., None].expand(-1, -1, 4)), anchors[places]))
            logits.append(best)
            numbers.append(torch.full_like(places, number))
        found = clipped(torch.cat(boxes, 1), (images.shape[2], images.shape[3]))
        large = (found[..., 2:] - found[..., :2] >= LEAST_PX).all(2)
        scores = torch.cat(logits, 1).sigmoid() * large
        rows = distinct(found, scores, torch.cat(numbers, 1), SUPPRESSED, kept.left)
        return Proposed(rows[..., :4], rows[..., 4] > 0)

    def losses(self, scored: Scored, truth: Truth) -> dict[str, Tensor]:
        """Of anchors that are drawn, whether there is an object, and its box; means over pictures.

        DEVIATES arXiv:1506.01497, section 3.1.3: anchors that cross the picture's edge are learned too, and the loss of
        boxes is divided by the anchors drawn, as torchvision has it.
        """
        logits, codes, anchors = torch.cat(scored.logits, 1), torch.cat(scored.codes, 1), torch.cat(scored.anchors)
        matches = match_pictures(truth, anchors.expand(*logits.shape, 4), RULE)
        positive, negative = sample(matches, SAMPLED, POSITIVE_SHARE)
        drawn = (positive | negative).sum(1).clamp_min(1)
        each = F.binary_cross_entropy_with_logits(logits, positive.float(), reduction="none")
        objectness = ((each * (positive | negative)).sum(1) / drawn).mean()
        picture, anchor = positive.nonzero(as_tuple=True)
        wanted = encode(truth.boxes[matches[picture, anchor]], anchors[anchor])
        off = F.smooth_l1_loss(codes[picture, anchor], wanted, beta=BETA, reduction="none").sum(1)
        return {"objectness": objectness, "rpn_box": (off / drawn[picture]).sum() / len(logits)}
