"""RetinaNet: a feature pyramid, and at every place of every level nine anchors that two small networks class and move.

Lin, Goyal, Girshick, He and Dollár, "Focal loss for dense object detection", arXiv:1708.02002, section 4. Key names are
torchvision's, whose files load; class numbers of its files are COCO's ids, of which 0 is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.layers import he_normal_, normal_
from striate.models.detection.anchors import RATIOS, anchors_of_maps, cell_anchors, sizes_of_octave
from striate.models.detection.coder import decode
from striate.models.detection.dense import as_shares, box_loss, by_anchor, one_hot
from striate.models.detection.detector import MOST, Detector, Truth
from striate.models.detection.held_norms import held_resnet50
from striate.models.detection.matcher import BETWEEN, match_low_quality, match_pictures
from striate.models.detection.pyramid import WIDTH, PyramidBackbone, TwoBeyond
from striate.models.network import replace_classifier
from striate.models.quick_regnet import quick_regnet26
from striate.models.resnet import resnet18
from striate.ops.focal_loss import sigmoid_focal_loss
from striate.ops.suppression import distinct, highest

ANCHORS = len(RATIOS) * len(sizes_of_octave(1))
RULE = partial(match_low_quality, low=0.4, high=0.5)
"""The IoU below which an anchor is background, and from which on it has a box. Section 4, "Anchors"."""
PRIOR = 0.01
"""The probability that is answered of every class before anything is learned. Section 3.3."""
CANDIDATES, LEAST_SCORE, SUPPRESSED = 1000, 0.05, 0.5
"""Of each level the best so many, above a score, go on; and the IoU of suppression. Section 4, "Inference"."""
# torchvision's first files, the published one among them, have no group around a convolution
_SUBNETS = [f"{part}_head.conv" for part in ("classification", "regression")]
_BLOCKS = [f"fpn.{part}_blocks" for part in ("inner", "layer")]
NAMES_OF_OLD_FILES: Mapping[str, str] = {
    **{f"{path}.{2 * number}": f"{path}.{number}.0" for path in _SUBNETS for number in range(4)},
    **{f"{path}.{number}": f"{path}.{number}.0" for path in _BLOCKS for number in range(3)},
}


class Subnet(nn.Module):
    """3x3 convolutions with ReLU, and one that gives `numbers` for each of the anchors. Figure 3, (c) or (d)."""

    def __init__(self, width: int, depth: int, last: str, numbers: int) -> None:
        super().__init__()
        rows = [nn.Conv2d(width, width, kernel_size=3, padding=1) for _ in range(depth)]
        self.conv = nn.Sequential(*(nn.Sequential(conv, nn.ReLU(inplace=True)) for conv in rows))
        self.add_module(last, nn.Conv2d(width, ANCHORS * numbers, kernel_size=3, padding=1))
        self.last = last
        normal_(self, std=0.01)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, width, H, W) to (N, ANCHORS * numbers, H, W)."""
        return self.get_submodule(self.last)(self.conv(maps))  # type: ignore[no-any-return]


class Head(nn.Module):
    """Both subnets, which all levels share."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.classification_head = Subnet(width, depth, "cls_logits", 1)
        self.regression_head = Subnet(width, depth, "bbox_reg", 4)


class RetinaNet(Detector):
    """Subnets on a pyramid over the stages of a network. Its losses: focal, and box, the L1 distance of codes.

    first_px: the side of the smallest anchors at the finest level, doubled from level to level. depth: convolutions of
    a subnet before its last.
    """

    classifier_name = "head.classification_head.cls_logits"
    names_elsewhere = NAMES_OF_OLD_FILES

    def __init__(self, backbone: PyramidBackbone, begins_with: str, first_px: int, depth: int, classes: int) -> None:
        super().__init__()
        self.backbone, self.begins_with, self.first_px = backbone, begins_with, first_px
        self.head = Head(backbone.fpn.width, depth)
        self._draw_last(classes)
        self.features_info = backbone.features_within("backbone")

    @staticmethod
    def classes_of(rows: int) -> int:
        """Classes of so many rows of the last layer."""
        return rows // ANCHORS

    def reset_classifier(self, classes: int) -> None:
        """A fresh last layer for another number of classes. Raises StriateError for a number below 1."""
        self.require_classes(classes)
        self._draw_last(classes)

    def _draw_last(self, classes: int) -> None:
        replace_classifier(self, self.classifier_name, ANCHORS * classes)
        for bias in (each for name, each in self.get_classifier().named_parameters() if name == "bias"):
            nn.init.constant_(bias, -math.log((1 - PRIOR) / PRIOR))

    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill the stages from a state dict of the network below. Raises StriateError that names what differs."""
        self.backbone.begin_with(tensors, f"the {self.begins_with} given")

    def finest_px(self, size: tuple[int, int]) -> float:
        """See `Detector`."""
        return self.first_px

    def levels(self, images: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Of each level logits (N, a, K), codes of boxes (N, a, 4) and anchors (a, 4) in pixels, a of them."""
        maps = self.backbone(images)
        logits = [by_anchor(self.head.classification_head(each), self.classes) for each in maps]
        codes = [by_anchor(self.head.regression_head(each), 4) for each in maps]
        cells = [cell_anchors(sizes_of_octave(self.first_px * 2**level)) for level in range(len(maps))]
        return logits, codes, anchors_of_maps(cells, maps, images)

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        logits, codes, _ = self.levels(images)
        return [(1.0, torch.cat([torch.cat(logits, 1), torch.cat(codes, 1)], 2))]

    def losses(self, images: Tensor, truth: Truth) -> dict[str, Tensor]:
        """Focal loss of the classes and L1 of the codes, each over the positives of a picture; means over pictures.

        DEVIATES arXiv:1708.02002: L1, not smooth L1, as torchvision's files were trained.
        """
        self.require_fit(images)
        logits, codes, anchors = (torch.cat(each, -2) for each in self.levels(images))
        matches = match_pictures(truth, anchors.expand(len(images), -1, -1), RULE)
        each = sigmoid_focal_loss(logits, one_hot(matches, truth, self.classes)).sum(2)
        focal = (each * (matches != BETWEEN)).sum(1) / (matches >= 0).sum(1).clamp_min(1)
        return {"focal": focal.mean(), "box": box_loss(codes, anchors, matches, truth, F.l1_loss)}

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to objects (N, MOST, 6), as `Detector` has them."""
        self.require_fit(images)
        boxes, scores, labels = [], [], []
        for logits, codes, anchors in zip(*self.levels(images), strict=True):
            best, place = highest(logits.sigmoid().flatten(1), CANDIDATES, LEAST_SCORE)
            anchor = place // logits.shape[2]
            chosen = codes.gather(1, anchor[..., None].expand(-1, -1, 4)).float()
            boxes.append(as_shares(decode(chosen, anchors[anchor]), images))
            scores.append(best)
            labels.append(place % logits.shape[2])
        return distinct(torch.cat(boxes, 1), torch.cat(scores, 1), torch.cat(labels, 1), SUPPRESSED, MOST)


def _small(backbone: PyramidBackbone, begins_with: str, classes: int) -> RetinaNet:
    """Two convolutions in a subnet, drawn to keep the size of signals, and anchors from 20 px on."""
    network = RetinaNet(backbone, begins_with, 20, 2, classes)
    for subnet in network.head.children():
        he_normal_(subnet.get_submodule("conv"))
    return network


def retinanet_resnet50_fpn(classes: int = 91, in_channels: int = 3) -> RetinaNet:
    """On ResNet-50 with held norms, strides 8 to 32, 800 px: the paper's, and torchvision's, whose files load.

    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in retinanet_resnet50_fpn().parameters())
    34014999
    """
    resnet, held = held_resnet50(in_channels)
    backbone = PyramidBackbone(resnet, resnet.features_info[1:], WIDTH, TwoBeyond(WIDTH))
    network = RetinaNet(backbone, "resnet50", 32, 4, classes)
    network.eval_only = held
    network.hold_frozen()
    network.preprocess = Preprocess((800, 800), (800, 800), fit="stretch").for_channels(in_channels)
    return network


def retinanet_resnet18_fpn(classes: int = 91, in_channels: int = 3) -> RetinaNet:
    """On ResNet-18, for pictures of 320 px and two cores: levels of 96 maps, and subnets half as deep."""
    resnet = resnet18(1, in_channels)
    network = _small(PyramidBackbone(resnet, resnet.features_info[1:], 96, TwoBeyond(96)), "resnet18", classes)
    network.preprocess = Preprocess((320, 320), (320, 320), fit="stretch").for_channels(in_channels)
    return network


def retinanet_quick_regnet26_fpn(classes: int = 91, in_channels: int = 3) -> RetinaNet:
    """The same on the packaged network, whose last stages have strides 8 and 16."""
    regnet = quick_regnet26(1, in_channels)
    network = _small(PyramidBackbone(regnet, regnet.features_info[2:], 96, TwoBeyond(96)), "quick_regnet26", classes)
    network.preprocess = replace(regnet.preprocess, size=(320, 320), resize=(320, 320), fit="stretch")
    return network
