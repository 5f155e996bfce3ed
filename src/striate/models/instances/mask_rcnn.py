"""Mask R-CNN: Faster R-CNN, and of every object that it finds a mask.

He, Gkioxari, Dollár and Girshick, "Mask R-CNN", arXiv:1703.06870, section 3 and figure 4, right. Key names are
torchvision's, whose file loads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.answers.instances import INSTANCES
from striate.core.records import Preprocess
from striate.layers import he_normal_
from striate.models.detection.dense import as_pixels
from striate.models.detection.detector import MOST, Truth
from striate.models.detection.fast_rcnn import SIDE, Pool
from striate.models.detection.faster_rcnn import (
    NAMES_OF_OLD_FILES,
    FasterRCNN,
    on_pyramid,
    proposals_at,
    small_proposals,
)
from striate.models.detection.held_norms import held_resnet50
from striate.models.detection.proposals import Proposed, RegionProposals
from striate.models.detection.pyramid import WIDTH, PyramidBackbone
from striate.models.detection.regions import Drawn, Regions, TwoDense
from striate.models.instances.instances import MASK_SIDE, Instances, MaskTruth
from striate.models.network import Network, replace_classifier
from striate.models.quick_regnet import quick_regnet26
from striate.models.resnet import resnet18
from striate.ops.roi import roi_align

READ_SIDE = MASK_SIDE // 2
"""Cells of a region, along either axis, that its mask is told from."""


class MaskPredictor(nn.Sequential):
    """Twice as many cells by a 2x2 convolution, transposed, and of every class a mask."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv5_mask = nn.ConvTranspose2d(channels, channels, kernel_size=2, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.mask_fcn_logits = nn.Conv2d(channels, classes + 1, kernel_size=1)


def mask_head(channels: int, depth: int) -> nn.Sequential:
    """3x3 convolutions with ReLU. (R, channels, READ_SIDE, READ_SIDE) to the same."""
    rows = [nn.Conv2d(channels, channels, kernel_size=3, padding=1) for _ in range(depth)]
    return nn.Sequential(*(nn.Sequential(conv, nn.ReLU(inplace=True)) for conv in rows))


class MaskRCNN(FasterRCNN):
    """What Faster R-CNN finds, with masks. Losses: objectness, rpn_box, class, box and mask.

    depth: convolutions of the mask head before it enlarges.
    """

    task = INSTANCES
    auxiliary_classifiers = (*FasterRCNN.auxiliary_classifiers, "roi_heads.mask_predictor.mask_fcn_logits")
    names_elsewhere: ClassVar = {
        **NAMES_OF_OLD_FILES,
        **{f"mask_head.mask_fcn{number + 1}": f"mask_head.{number}.0" for number in range(4)},
    }

    def __init__(
        self, backbone: PyramidBackbone, pool: Pool, rpn: RegionProposals, units: int, depth: int, classes: int
    ) -> None:
        width = backbone.fpn.width
        super().__init__(backbone, pool, rpn, TwoDense(width * SIDE**2, units), units, classes)
        self.roi_heads["mask_head"] = mask_head(width, depth)
        self.roi_heads["mask_predictor"] = MaskPredictor(width, classes)
        he_normal_(self.roi_heads["mask_head"])
        he_normal_(self.roi_heads["mask_predictor"])

    def reset_classifier(self, classes: int) -> None:
        """Fresh last layers for another number of classes. Raises StriateError for a number below 1."""
        super().reset_classifier(classes)
        replace_classifier(self, "roi_heads.mask_predictor.mask_fcn_logits", classes + 1)

    def losses(self, images: Tensor, truth: Truth, proposed: Proposed | None = None) -> dict[str, Tensor]:
        """The five losses, means over pictures. truth: a `MaskTruth`. proposed: as Faster R-CNN has it."""
        return super().losses(images, truth, proposed)

    def region_losses(self, levels: Sequence[Tensor], drawn: Drawn, truth: Truth) -> dict[str, Tensor]:
        """The losses of regions of levels: those of classes and boxes, and of the masks of positives."""
        positive = (drawn.matches >= 0).nonzero()[:, 0]
        match = drawn.matches[positive]
        regions = Regions(drawn.regions.boxes[positive], drawn.regions.picture[positive])
        logits = self.mask_logits(levels, regions, truth.labels[match])
        wanted = mask_targets(cast("MaskTruth", truth).masks, regions.boxes, match)
        each = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean((1, 2))
        share = 1 / (torch.bincount(regions.picture, minlength=truth.pictures) * max(truth.pictures, 1))
        return {**super().region_losses(levels, drawn, truth), "mask": (each * share[regions.picture]).sum()}

    def mask_logits(self, levels: Sequence[Tensor], regions: Regions, labels: Tensor) -> Tensor:
        """(R, MASK_SIDE, MASK_SIDE), each of the class that its region has. labels: int64 (R,)."""
        x = self.roi_heads["mask_head"](self.pool(levels, regions, READ_SIDE))  # R, width, 14, 14
        logits: Tensor = self.roi_heads["mask_predictor"](x).float()  # R, K + 1, 28, 28
        own = (labels + 1)[:, None, None, None].expand(-1, 1, MASK_SIDE, MASK_SIDE)
        return logits.gather(1, own)[:, 0]

    def forward(self, images: Tensor, proposed: Proposed | None = None) -> Tensor:
        """Images (N, C, H, W) to rows that `Instances.of` reads. proposed: as Faster R-CNN has it."""
        self.require_fit(images)
        levels = self.backbone(images)
        own = self.rpn.proposals(images, self.rpn(images, levels)) if proposed is None else proposed
        found = self.objects(levels, own, images)
        boxes = as_pixels(found[..., :4], images).flatten(0, 1)
        picture = torch.arange(images.shape[0], device=boxes.device).repeat_interleave(MOST)
        masks = self.mask_logits(levels, Regions(boxes, picture), found[..., 5].long().flatten()).sigmoid()
        masks = masks.unflatten(0, (-1, MOST)) * (found[..., 4] > 0)[..., None, None]  # type: ignore[no-untyped-call]
        return Instances(found, masks).rows


def mask_targets(masks: Tensor, boxes: Tensor, match: Tensor) -> Tensor:
    """What of each cell of a box (P, 4) its mask covers, 0 to 1: (P, MASK_SIDE, MASK_SIDE). Section 3.1.

    masks: (M, H, W). match: number of each one's mask, int64 (P,).
    """
    size = (MASK_SIDE, MASK_SIDE)
    return roi_align(masks[:, None].to(boxes.dtype), boxes, match, size, 1.0, aligned=True)[:, 0]


def mask_rcnn_resnet50_fpn(classes: int = 90, in_channels: int = 3) -> MaskRCNN:
    """On ResNet-50 with held norms, 800 px: torchvision's, whose file loads.

    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in mask_rcnn_resnet50_fpn().parameters())
    44401393
    """
    resnet, held = held_resnet50(in_channels)
    backbone, pool = on_pyramid(resnet, 4, WIDTH)
    network = MaskRCNN(backbone, pool, proposals_at(WIDTH), 1024, 4, classes)
    network.hold(held)
    network.begins_with = "resnet50"
    network.preprocess = Preprocess((800, 1088), (800, 1088), fit="stretch").for_channels(in_channels)
    return network


def small(network: Network, stages: int, width: int, classes: int) -> MaskRCNN:
    """For pictures of 320 px and two cores: half the depth of the mask head, and what Faster R-CNN has less there."""
    backbone, pool = on_pyramid(network, stages, width)
    return MaskRCNN(backbone, pool, small_proposals(width, stages), 256, 2, classes)


def mask_rcnn_resnet18_fpn(classes: int = 90, in_channels: int = 3) -> MaskRCNN:
    """On ResNet-18, strides 4 to 32, for pictures of 320 px and two cores: levels of 96 maps, 200 proposals."""
    network = small(resnet18(1, in_channels), 4, 96, classes)
    network.begins_with = "resnet18"
    network.preprocess = Preprocess((320, 320), (320, 320), fit="stretch").for_channels(in_channels)
    return network


def mask_rcnn_quick_regnet26_fpn(classes: int = 90, in_channels: int = 3) -> MaskRCNN:
    """The same on the packaged network, whose last three stages have strides 4 to 16."""
    regnet = quick_regnet26(1, in_channels)
    network = small(regnet, 3, 96, classes)
    network.begins_with = "quick_regnet26"
    network.preprocess = replace(regnet.preprocess, size=(320, 320), resize=(320, 320), fit="stretch")
    return network
