"""Networks that find objects and their shapes, and the literal that lists them."""

from __future__ import annotations

from collections.abc import Callable

from striate.models.instances.instances import Instances, MaskTruth
from striate.models.instances.mask_rcnn import (
    MaskRCNN,
    mask_rcnn_quick_regnet26_fpn,
    mask_rcnn_resnet18_fpn,
    mask_rcnn_resnet50_fpn,
)

# fmt: off
NETWORKS: tuple[Callable[..., MaskRCNN], ...] = (
    mask_rcnn_resnet50_fpn, mask_rcnn_resnet18_fpn, mask_rcnn_quick_regnet26_fpn,
)
# fmt: on
INSTANCES = {network.__name__: network for network in NETWORKS}
"""Every network for instances by its name."""
BEGINNING_WITH = {"quick_regnet26": "mask_rcnn_quick_regnet26_fpn"}
"""Those whose first layers take the weights of a network for whole pictures, by the name of that."""

__all__ = [
    "BEGINNING_WITH",
    "INSTANCES",
    "Instances",
    "MaskRCNN",
    "MaskTruth",
    "mask_rcnn_quick_regnet26_fpn",
    "mask_rcnn_resnet18_fpn",
    "mask_rcnn_resnet50_fpn",
]
