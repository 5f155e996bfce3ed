"""A fully convolutional head on a ResNet whose last stages are dilated instead of strided.

Dilation instead of stride: Yu, Koltun and Funkhouser, "Dilated residual networks", arXiv:1705.09914, section 2, whose
way of it torchvision follows in `fcn_resnet50`; key names are torchvision's, so its files load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.records import Feature, Preprocess
from striate.layers import ZeroPadShortcut
from striate.models.network import replace_classifier
from striate.models.resnet import ResNet, resnet18, resnet50, resnet101
from striate.models.segmentation.pixelwise import PixelwiseNetwork
from striate.models.stages import without_head
from striate.models.upward import enlarged
from striate.models.weights import fill

AUXILIARY_WEIGHT = 0.4
"""Of the loss behind layer3. Zhao et al., "Pyramid scene parsing network", arXiv:1612.01105, section 5.2."""
STRIDES = (8, 16, 32)


def dilate(network: ResNet, stride: int) -> None:
    """Dilate the last stages of a ResNet instead of striding, until its maps have this stride.

    Its weights stay, and every number that it gave before it still gives, at every second (or fourth) place.
    Raises StriateError for a stride other than 8, 16 and 32.

    >>> network = resnet18()
    >>> dilate(network, 8)
    >>> [feature.stride for feature in network.features_info]
    [4, 8, 8, 8]
    """
    if stride not in STRIDES:
        raise StriateError(
            f"the stride of a dilated ResNet must be one of {', '.join(map(str, STRIDES))}, got {stride}"
        )
    dilation = 1
    for feature in network.features_info:
        if feature.stride > stride:
            for block in network.get_submodule(feature.name).children():
                dilation = _dilate_block(block, dilation)
    network.features_info = tuple(
        replace(feature, stride=min(feature.stride, stride)) for feature in network.features_info
    )


def _dilate_block(block: nn.Module, dilation: int) -> int:
    """Dilate a block whose maps come `dilation` times as dense as they were; returns how dense its own become."""
    for path, layer in block.named_modules():
        if isinstance(layer, ZeroPadShortcut):
            layer.stride = 1
        elif isinstance(layer, nn.Conv2d):
            if layer.kernel_size[0] > 1:
                layer.dilation = layer.padding = (dilation, dilation)
            if not path.startswith("downsample"):  # its stride is that of the block, counted once
                dilation *= layer.stride[0]
            layer.stride = (1, 1)
    return dilation


def head(channels: int, classes: int) -> nn.Sequential:
    """A 3x3 convolution to a quarter of the channels, then scores. (N, channels, H, W) to (N, classes, H, W)."""
    return nn.Sequential(
        nn.Conv2d(channels, channels // 4, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(channels // 4),
        nn.ReLU(inplace=True),
        nn.Dropout(0.1),
        nn.Conv2d(channels // 4, classes, kernel_size=1),
    )


class FCNResNet(PixelwiseNetwork):
    """The stages of a ResNet, at stride 8 or 16; scores behind the last, in training behind the one before it too."""

    classifier_name = "classifier.4"
    auxiliary_classifiers = ("aux_classifier.4",)

    def __init__(self, resnet: ResNet, classes: int, begins_with: str, stride: int = 8) -> None:
        super().__init__()
        self.begins_with = begins_with
        dilate(resnet, stride)
        stages = resnet.features_info
        self.backbone = without_head(resnet)
        self.classifier = head(stages[3].channels, classes)
        self.aux_classifier = head(stages[2].channels, classes)
        self.features_info = tuple(Feature(f"backbone.{each.name}", each.channels, each.stride) for each in stages)
        self.preprocess = Preprocess((520, 520), (520, 520), fit="stretch").for_channels(resnet.in_channels)

    def draw_head(self, classes: int) -> None:
        """The last layers of both heads, 1x1 convolutions."""
        for path in (self.classifier_name, *self.auxiliary_classifiers):
            replace_classifier(self, path, classes)

    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill the stages from a state dict of the ResNet. Raises StriateError that names what differs."""
        stages = {name: tensor for name, tensor in tensors.items() if not name.startswith("fc.")}
        fill(self.backbone, stages, source="the ResNet given")

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, classes, H, W)."""
        return enlarged(self.classifier(self.backbone(images)), images)

    def weighted_logits(self, images: Tensor) -> list[tuple[float, Tensor]]:
        """The main logits, and those of the head behind layer3."""
        below = self.backbone[:-1](images)  # N, 256e, H / 8, W / 8     e = 4 with bottlenecks, else 1
        scores = self.classifier(self.backbone[-1](below))  # N, classes, H / 8, W / 8
        auxiliary = self.aux_classifier(below)
        return [(1.0, enlarged(scores, images)), (AUXILIARY_WEIGHT, enlarged(auxiliary, images))]


def fcn_resnet18(classes: int = 21, in_channels: int = 3) -> FCNResNet:
    """On ResNet-18 at stride 8."""
    return FCNResNet(resnet18(1, in_channels), classes, "resnet18")


def fcn_resnet18_stride16(classes: int = 21, in_channels: int = 3) -> FCNResNet:
    """On ResNet-18 at stride 16: only the last stage is dilated, for about a third of the arithmetic."""
    return FCNResNet(resnet18(1, in_channels), classes, "resnet18", stride=16)


def fcn_resnet50(classes: int = 21, in_channels: int = 3) -> FCNResNet:
    """On ResNet-50 at stride 8: torchvision's, whose files load.

    >>> import torch
    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in fcn_resnet50().parameters())
    35322218
    """
    return FCNResNet(resnet50(1, in_channels), classes, "resnet50")


def fcn_resnet50_stride16(classes: int = 21, in_channels: int = 3) -> FCNResNet:
    """On ResNet-50 at stride 16: the keys are those of `fcn_resnet50`, so its files load."""
    return FCNResNet(resnet50(1, in_channels), classes, "resnet50", stride=16)


def fcn_resnet101(classes: int = 21, in_channels: int = 3) -> FCNResNet:
    """On ResNet-101 at stride 8: torchvision's, whose files load."""
    return FCNResNet(resnet101(1, in_channels), classes, "resnet101")
