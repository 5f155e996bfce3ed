"""Fast R-CNN: one pass of a network over the picture, and of every proposal the part of its maps that it lies on.

Girshick, "Fast R-CNN", arXiv:1504.08083. Proposals are given; without any, windows are slid over the picture, which the
paper compares in section 5.4 ("dense" sets of boxes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.models.detection.detector import Detector, Given, Truth
from striate.models.detection.matcher import BETWEEN, NEGATIVE
from striate.models.detection.one_map import OneMap, PoolOneMap, of_vgg, up_to
from striate.models.detection.proposals import Proposed
from striate.models.detection.pyramid import PyramidBackbone
from striate.models.detection.regions import (
    Drawn,
    Learning,
    Predictor,
    Regions,
    TwoDense,
    all_regions,
    drawn_regions,
    objects,
    padded_boxes,
    region_losses,
    with_truth,
)
from striate.models.quick_regnet import quick_regnet26
from striate.models.resnet import resnet18
from striate.models.vgg import vgg16
from striate.models.weights import fill
from striate.ops.sliding_windows import sliding_windows

SIDE = 7
"""Cells of a region, along either axis, that its class and box are told from. Section 2.1."""
WINDOWS_PX = (256, 128, 64, 32)
"""Sides of the windows that are slid, by half their side; each in three shapes of one area."""
VGG_UNITS = 4096
VGG_DENSE = {"fc6": "classifier.0", "fc7": "classifier.3"}
"""The dense layers of VGG-16 that those of its detectors begin with."""

Pool = Callable[[Sequence[Tensor], Regions, int], Tensor]
"""Levels, the regions, and the side of a region in cells, to their features (R, C, side, side)."""


def above_a_tenth(iou: Tensor) -> Tensor:
    """The box that each proposal overlaps most, if by 0.5; none from 0.1 on; less is not learned from. Section 2.3.

    >>> above_a_tenth(torch.tensor([[0.6, 0.3, 0.05]])).tolist()
    [0, -1, -2]
    """
    most, box = iou.max(0)
    return box.where(most >= 0.5, NEGATIVE).where(most >= 0.1, BETWEEN)


class FastRCNN(Detector):
    """Levels, regions of them, dense layers, classes and boxes. Its losses: class and box.

    backbone: images to levels. pool: reads regions from levels. box_head: features of regions (R, C, SIDE, SIDE) to
    (R, units).
    """

    takes_proposals: ClassVar[bool] = True
    classifier_name = "roi_heads.box_predictor.cls_score"
    auxiliary_classifiers: ClassVar[tuple[str, ...]] = ("roi_heads.box_predictor.bbox_pred",)
    learning: ClassVar[Learning] = Learning(above_a_tenth, 64, 1.0)
    """Section 2.3, of two pictures at once, and equation 3."""
    most_proposals: ClassVar[int] = 2000
    """Of a picture, where they are given. Section 2.3."""
    dense_from: Mapping[str, str] = {}
    """Layers of the box head that begin with those of the network below, and how they are called there."""

    def __init__(
        self, backbone: PyramidBackbone | OneMap, pool: Pool, box_head: nn.Module, units: int, classes: int
    ) -> None:
        super().__init__()
        self.backbone, self.pool = backbone, pool
        self.roi_heads = nn.ModuleDict({"box_head": box_head, "box_predictor": Predictor(units, classes)})
        self.features_info = backbone.features_within("backbone")

    @staticmethod
    def classes_of(rows: int) -> int:
        """Classes of so many rows of the last layer, of which the first is of no object."""
        return rows - 1

    def reset_classifier(self, classes: int) -> None:
        """Fresh last layers for another number of classes. Raises StriateError for a number below 1."""
        self.require_classes(classes)
        weight = self.get_classifier().weight
        assert isinstance(weight, Tensor)  # noqa: S101 - our own invariant
        self.roi_heads["box_predictor"] = Predictor(weight.shape[1], classes).to(weight)

    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill what is of the network below from its state dict. Raises StriateError that names what differs."""
        source = f"the {self.begins_with} given"
        self.backbone.begin_with(tensors, source)
        if self.dense_from:
            leaves = [(here, there, leaf) for here, there in self.dense_from.items() for leaf in ("weight", "bias")]
            dense = {f"{h}.{leaf}": tensors[f"{t}.{leaf}"] for h, t, leaf in leaves if f"{t}.{leaf}" in tensors}
            fill(self.roi_heads["box_head"], dense, source)

    def losses(self, images: Tensor, truth: Truth, proposed: Proposed | None = None) -> dict[str, Tensor]:
        """Losses of classes and boxes, means over pictures. proposed: by default as `proposed_in` has them."""
        self.require_fit(images)
        proposed = proposed_in(truth, images, self.most_proposals) if proposed is None else proposed
        return self.region_losses(self.backbone(images), self.draw(proposed, truth), truth)

    def forward(self, images: Tensor, proposed: Proposed | None = None) -> Tensor:
        """Images (N, C, H, W) to objects (N, MOST, 6), as `Detector` has them. proposed: as of `losses`."""
        self.require_fit(images)
        proposed = windows(images) if proposed is None else proposed.best(self.most_proposals)
        return self.objects(self.backbone(images), proposed, images)

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        logits, codes = self.said_of(self.backbone(images), all_regions(windows(images)))
        return [(1.0, torch.cat([logits[:, :, None], codes], 2))]

    def finest_px(self, size: tuple[int, int]) -> float:
        """See `Detector`."""
        return WINDOWS_PX[-1]

    def draw(self, proposed: Proposed, truth: Truth) -> Drawn:
        """The regions that are learned from: of the proposals, and the boxes of the truth."""
        return drawn_regions(with_truth(proposed, truth), truth, self.learning)

    def region_losses(self, levels: Sequence[Tensor], drawn: Drawn, truth: Truth) -> dict[str, Tensor]:
        """The losses of regions of levels."""
        return region_losses(*self.said_of(levels, drawn.regions), drawn, truth, self.learning.beta)

    def objects(self, levels: Sequence[Tensor], proposed: Proposed, images: Tensor) -> Tensor:
        """What is in the proposals, (N, MOST, 6)."""
        return objects(*self.said_of(levels, all_regions(proposed)), proposed, images)

    def said_of(self, levels: Sequence[Tensor], regions: Regions) -> tuple[Tensor, Tensor]:
        """Logits (R, K + 1) and codes of boxes (R, K + 1, 4)."""
        features = self.roi_heads["box_head"](self.pool(levels, regions, SIDE))
        return self.roi_heads["box_predictor"](features)  # type: ignore[no-any-return]


def proposed_in(truth: Truth, images: Tensor, most: int) -> Proposed:
    """The likeliest proposals that come with the truth of a batch; windows that are slid, where none do."""
    given: Given | None = getattr(truth, "proposals", None)
    return windows(images) if given is None else padded_boxes(given.boxes, given.picture, truth.pictures, most)


def windows(images: Tensor) -> Proposed:
    """Windows that are slid, the same in all of the images (N, C, H, W).

    >>> windows(torch.zeros(2, 3, 64, 96)).boxes.shape
    torch.Size([2, 52, 4])
    """
    size = images.shape[2], images.shape[3]
    found = torch.from_numpy(sliding_windows(size, [side / min(size) for side in WINDOWS_PX])).to(images.device)
    boxes = found.expand(images.shape[0], -1, -1)
    return Proposed(boxes, torch.ones(boxes.shape[:2], dtype=torch.bool, device=images.device))


def fast_rcnn_vgg16(classes: int = 20, in_channels: int = 3) -> FastRCNN:
    """The paper's: RoI pooling at stride 16, and VGG-16's own dense layers; 600 px."""
    vgg = vgg16(1, in_channels)
    network = FastRCNN(of_vgg(vgg), PoolOneMap(16), TwoDense(512 * SIDE**2, VGG_UNITS, 0.5), VGG_UNITS, classes)
    network.begins_with, network.dense_from = "vgg16", VGG_DENSE
    network.preprocess = Preprocess((600, 800), (600, 800), fit="stretch").for_channels(in_channels)
    return network


def fast_rcnn_resnet18(classes: int = 20, in_channels: int = 3) -> FastRCNN:
    """On ResNet-18 up to stride 16, for pictures of 320 px and two cores; dense layers of 256 units."""
    resnet = resnet18(1, in_channels)
    head = TwoDense(resnet.features_info[2].channels * SIDE**2, 256)
    network = FastRCNN(up_to(resnet, 2), PoolOneMap(16), head, 256, classes)
    network.begins_with = "resnet18"
    network.preprocess = Preprocess((320, 320), (320, 320), fit="stretch").for_channels(in_channels)
    return network


def fast_rcnn_quick_regnet26(classes: int = 20, in_channels: int = 3) -> FastRCNN:
    """The same on the packaged network, up to stride 8."""
    regnet = quick_regnet26(1, in_channels)
    head = TwoDense(regnet.features_info[2].channels * SIDE**2, 256)
    network = FastRCNN(up_to(regnet, 2), PoolOneMap(8), head, 256, classes)
    network.begins_with = "quick_regnet26"
    network.preprocess = replace(regnet.preprocess, size=(320, 320), resize=(320, 320), fit="stretch")
    return network
