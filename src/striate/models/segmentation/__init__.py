"""Networks that answer for every pixel: one file per paper, and the literal that lists them."""

from __future__ import annotations

from collections.abc import Callable

from striate.models.segmentation.deconvnet import deconvnet
from striate.models.segmentation.dilated import dilated_context, dilated_context_large, dilated_frontend
from striate.models.segmentation.fcn import fcn8s, fcn16s, fcn32s
from striate.models.segmentation.fcn_resnet import (
    dilate,
    fcn_resnet18,
    fcn_resnet18_stride16,
    fcn_resnet50,
    fcn_resnet50_stride16,
    fcn_resnet101,
)
from striate.models.segmentation.multiscale import multiscale
from striate.models.segmentation.pixelwise import OnVGG, PixelwiseNetwork
from striate.models.segmentation.quick_fcn import QuickFCN, quick_fcn
from striate.models.segmentation.recurrent import recurrent_labelling
from striate.models.segmentation.segnet import segnet
from striate.models.segmentation.sliding_window import sliding_window, sliding_window_strided
from striate.models.segmentation.unet import unet, unet_bn, unet_paper

# fmt: off
NETWORKS: tuple[Callable[..., PixelwiseNetwork], ...] = (  # one block per paper
    sliding_window, sliding_window_strided,
    multiscale,
    recurrent_labelling,
    fcn32s, fcn16s, fcn8s,
    deconvnet,
    unet_paper, unet, unet_bn,
    segnet,
    dilated_frontend, dilated_context, dilated_context_large,
    fcn_resnet18, fcn_resnet50, fcn_resnet101, fcn_resnet18_stride16, fcn_resnet50_stride16,
    quick_fcn,
)
SEGMENTATION = {network.__name__: network for network in NETWORKS}
"""Every network for segmentation by its name, in the order of the papers."""
BEGINNING_WITH = {QuickFCN.begins_with: "quick_fcn"}
"""Those whose first layers take the weights of a network for whole pictures, by the name of that."""

__all__ = [  # noqa: RUF022 - in the order of the papers
    "BEGINNING_WITH", "SEGMENTATION", "OnVGG", "PixelwiseNetwork", "dilate",
    "sliding_window", "sliding_window_strided",
    "multiscale",
    "recurrent_labelling",
    "fcn32s", "fcn16s", "fcn8s",
    "deconvnet",
    "unet_paper", "unet", "unet_bn",
    "segnet",
    "dilated_frontend", "dilated_context", "dilated_context_large",
    "fcn_resnet18", "fcn_resnet50", "fcn_resnet101", "fcn_resnet18_stride16", "fcn_resnet50_stride16",
    "quick_fcn",
]
# fmt: on
