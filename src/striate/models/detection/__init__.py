"""Networks that find objects: one file per paper, the pieces that they share, and the literal that lists them."""

from __future__ import annotations

from collections.abc import Callable

from striate.models.detection.detector import Detector
from striate.models.detection.fast_rcnn import fast_rcnn_quick_regnet26, fast_rcnn_resnet18, fast_rcnn_vgg16
from striate.models.detection.faster_rcnn import (
    faster_rcnn_quick_regnet26_fpn,
    faster_rcnn_resnet18_fpn,
    faster_rcnn_resnet50_fpn,
    faster_rcnn_vgg16,
)
from striate.models.detection.quick_detector import QuickDetector, quick_detector
from striate.models.detection.rcnn import rcnn_alexnet, rcnn_quick_regnet26
from striate.models.detection.retinanet import (
    retinanet_quick_regnet26_fpn,
    retinanet_resnet18_fpn,
    retinanet_resnet50_fpn,
)
from striate.models.detection.sliding_window import sliding_window_overfeat, sliding_window_quick
from striate.models.detection.ssd_backbones import ssd300_vgg16, ssd320_quick_regnet26
from striate.models.detection.yolo import yolo_v1, yolo_v1_quick_regnet26

# fmt: off
NETWORKS: tuple[Callable[..., Detector], ...] = (  # one block per paper
    sliding_window_overfeat, sliding_window_quick,
    rcnn_alexnet, rcnn_quick_regnet26,
    fast_rcnn_vgg16, fast_rcnn_resnet18, fast_rcnn_quick_regnet26,
    faster_rcnn_vgg16, faster_rcnn_resnet50_fpn, faster_rcnn_resnet18_fpn, faster_rcnn_quick_regnet26_fpn,
    yolo_v1, yolo_v1_quick_regnet26,
    ssd300_vgg16, ssd320_quick_regnet26,
    retinanet_resnet50_fpn, retinanet_resnet18_fpn, retinanet_quick_regnet26_fpn,
    quick_detector,
)
DETECTORS = {network.__name__: network for network in NETWORKS}
"""Every network for detection by its name, in the order of the papers."""
BEGINNING_WITH = {QuickDetector.begins_with: "quick_detector"}
"""Those whose first layers take the weights of a network for whole pictures, by the name of that."""

__all__ = [  # noqa: RUF022 - in the order of the papers
    "BEGINNING_WITH", "DETECTORS", "Detector",
    "sliding_window_overfeat", "sliding_window_quick",
    "rcnn_alexnet", "rcnn_quick_regnet26",
    "fast_rcnn_vgg16", "fast_rcnn_resnet18", "fast_rcnn_quick_regnet26",
    "faster_rcnn_vgg16", "faster_rcnn_resnet50_fpn", "faster_rcnn_resnet18_fpn", "faster_rcnn_quick_regnet26_fpn",
    "yolo_v1", "yolo_v1_quick_regnet26",
    "ssd300_vgg16", "ssd320_quick_regnet26",
    "retinanet_resnet50_fpn", "retinanet_resnet18_fpn", "retinanet_quick_regnet26_fpn",
    "quick_detector",
]
# fmt: on
