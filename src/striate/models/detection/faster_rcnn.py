"""Faster R-CNN: Fast R-CNN whose proposals come from the same maps.

Ren, He, Girshick and Sun, "Faster R-CNN", arXiv:1506.01497; on a pyramid, Lin et al., arXiv:1612.03144, section 4. Both
parts are learned in one step (approximate joint training, section 3.2). Key names are torchvision's, whose file loads:
its class n is n - 1 here, where nothing is an output of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.models.detection.detector import Truth
from striate.models.detection.fast_rcnn import SIDE, VGG_DENSE, VGG_UNITS, FastRCNN, Pool
from striate.models.detection.held_norms import held_resnet50
from striate.models.detection.matcher import match
from striate.models.detection.one_map import OneMap, PoolOneMap, of_vgg
from striate.models.detection.proposals import BETA, Kept, Proposed, RegionProposals
from striate.models.detection.pyramid import WIDTH, PyramidBackbone, Subsampled
from striate.models.detection.regions import Learning, Regions, TwoDense
from striate.models.network import Network
from striate.models.quick_regnet import quick_regnet26
from striate.models.resnet import resnet18
from striate.models.vgg import vgg16
from striate.ops.roi import pyramid_level, pyramid_roi_align

# torchvision's first files, the published one among them, have no group around a convolution
NAMES_OF_OLD_FILES: Mapping[str, str] = {
    "rpn.head.conv": "rpn.head.conv.0.0",
    **{f"fpn.{part}_blocks.{n}": f"fpn.{part}_blocks.{n}.0" for part in ("inner", "layer") for n in range(4)},
}


@dataclass(frozen=True)
class AlignPyramid:
    """RoIAlign of the level that a region belongs to by its size. strides: of the levels that are read, in pixels."""

    strides: tuple[int, ...]

    def __call__(self, levels: Sequence[Tensor], regions: Regions, side: int) -> Tensor:
        """(R, C, side, side) of R regions."""
        lowest = self.strides[0].bit_length() - 1
        level = pyramid_level(regions.boxes, lowest, lowest + len(self.strides) - 1) - lowest
        scales = [1 / stride for stride in self.strides]
        read = levels[: len(self.strides)]
        return pyramid_roi_align(read, regions.boxes, regions.picture, level, (side, side), scales)


class FasterRCNN(FastRCNN):
    """Levels, proposals from them, and what Fast R-CNN says of these. Losses: objectness, rpn_box, class and box."""

    takes_proposals = False
    names_elsewhere = NAMES_OF_OLD_FILES
    of_positives = "rpn_box"
    held: tuple[str, ...] = ()
    """Paths of batch norms that keep their statistics, whatever is frozen."""
    learning = Learning(partial(match, low=0.5, high=0.5), 512, BETA)

    def __init__(
        self,
        backbone: PyramidBackbone | OneMap,
        pool: Pool,
        rpn: RegionProposals,
        box_head: nn.Module,
        units: int,
        classes: int,
    ) -> None:
        super().__init__(backbone, pool, box_head, units, classes)
        self.rpn = rpn

    def finest_px(self, size: tuple[int, int]) -> float:
        """See `Detector`."""
        return min(min(level) for level in self.rpn.sizes)

    def hold(self, norms: tuple[str, ...]) -> None:
        """Keep the statistics of these batch norms, by their paths."""
        self.held = norms
        self.hold_frozen()

    def hold_frozen(self) -> None:
        """Put what is frozen or held into evaluation mode."""
        super().hold_frozen()
        for path in self.held:
            self.get_submodule(path).training = False

    def losses(self, images: Tensor, truth: Truth, proposed: Proposed | None = None) -> dict[str, Tensor]:
        """The four losses, means over pictures. proposed: to learn from, in the place of the network's own."""
        self.require_fit(images)
        levels = self.backbone(images)
        scored = self.rpn(images, levels)
        own = self.rpn.proposals(images, scored) if proposed is None else proposed
        return {**self.rpn.losses(scored, truth), **self.region_losses(levels, self.draw(own, truth), truth)}

    def forward(self, images: Tensor, proposed: Proposed | None = None) -> Tensor:
        """Images (N, C, H, W) to objects (N, MOST, 6), as `Detector` has them. proposed: as of `losses`."""
        self.require_fit(images)
        levels = self.backbone(images)
        own = self.rpn.proposals(images, self.rpn(images, levels)) if proposed is None else proposed
        return self.objects(levels, own, images)

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        scored = self.rpn(images, self.backbone(images))
        return [(1.0, torch.cat([torch.cat(scored.logits, 1)[..., None], torch.cat(scored.codes, 1)], 2))]


def on_pyramid(network: Network, stages: int, width: int) -> tuple[PyramidBackbone, AlignPyramid]:
    """A pyramid on the last stages of a network, one level beyond them, and what reads regions from all but that."""
    read = network.features_info[-stages:]
    return PyramidBackbone(network, read, width, Subsampled()), AlignPyramid(tuple(each.stride for each in read))


def proposals_at(width: int) -> RegionProposals:
    """From five levels, with an anchor of 32 px at the finest, of twice the side at each next."""
    return RegionProposals(width, [(32 * 2**level,) for level in range(5)], Kept(2000, 2000), Kept(1000, 1000))


def faster_rcnn_resnet50_fpn(classes: int = 90, in_channels: int = 3) -> FasterRCNN:
    """On ResNet-50 with held norms, 800 px: torchvision's, whose file loads.

    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in faster_rcnn_resnet50_fpn().parameters())
    41755286
    """
    resnet, held = held_resnet50(in_channels)
    backbone, pool = on_pyramid(resnet, 4, WIDTH)
    network = FasterRCNN(backbone, pool, proposals_at(WIDTH), TwoDense(WIDTH * SIDE**2, 1024), 1024, classes)
    network.hold(held)
    network.begins_with = "resnet50"
    network.preprocess = Preprocess((800, 1088), (800, 1088), fit="stretch").for_channels(in_channels)
    return network


def faster_rcnn_vgg16(classes: int = 20, in_channels: int = 3) -> FasterRCNN:
    """The paper's: one map of stride 16, anchors of three sizes, RoI pooling, VGG-16's own dense layers; 600 px."""
    vgg = vgg16(1, in_channels)
    rpn = RegionProposals(512, [(128, 256, 512)], Kept(12000, 2000), Kept(6000, 300))
    head = TwoDense(512 * SIDE**2, VGG_UNITS, 0.5)
    network = FasterRCNN(of_vgg(vgg), PoolOneMap(16), rpn, head, VGG_UNITS, classes)
    network.begins_with, network.dense_from = "vgg16", VGG_DENSE
    network.preprocess = Preprocess((600, 800), (600, 800), fit="stretch").for_channels(in_channels)
    return network


def small_proposals(width: int, stages: int) -> RegionProposals:
    """From one level more than stages, with an anchor of 24 px at the finest."""
    sizes = [(24 * 2**level,) for level in range(stages + 1)]
    return RegionProposals(width, sizes, Kept(500, 300), Kept(300, 200))


def small(network: Network, stages: int, width: int, classes: int) -> FasterRCNN:
    """For pictures of 320 px and two cores: a narrow pyramid, anchors from 24 px on, and fewer proposals."""
    backbone, pool = on_pyramid(network, stages, width)
    rpn = small_proposals(width, stages)
    return FasterRCNN(backbone, pool, rpn, TwoDense(width * SIDE**2, 256), 256, classes)


def faster_rcnn_resnet18_fpn(classes: int = 90, in_channels: int = 3) -> FasterRCNN:
    """On ResNet-18, strides 4 to 32, for pictures of 320 px and two cores: levels of 96 maps, 200 proposals."""
    network = small(resnet18(1, in_channels), 4, 96, classes)
    network.begins_with = "resnet18"
    network.preprocess = Preprocess((320, 320), (320, 320), fit="stretch").for_channels(in_channels)
    return network


def faster_rcnn_quick_regnet26_fpn(classes: int = 90, in_channels: int = 3) -> FasterRCNN:
    """The same on the packaged network, whose last three stages have strides 4 to 16."""
    regnet = quick_regnet26(1, in_channels)
    network = small(regnet, 3, 96, classes)
    network.begins_with = "quick_regnet26"
    network.preprocess = replace(regnet.preprocess, size=(320, 320), resize=(320, 320), fit="stretch")
    return network
