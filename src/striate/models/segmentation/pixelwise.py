"""What every network that answers for each pixel can do besides its arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.answers.masks import SEGMENTATION
from striate.core.errors import StriateError
from striate.models.network import Network

VGG16_LAYERS = (
    *(f"features.{place}" for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)),
    *("classifier.0", "classifier.3"),
)
"""The layers of VGG-16 in order, without the last: thirteen convolutions and two dense layers."""


def pad_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """Zeros at the lower and right border, up to the next multiple in height and width. (N, C, H, W).

    >>> pad_to_multiple(torch.ones(1, 3, 5, 8), 4).shape
    torch.Size([1, 3, 8, 8])
    """
    height, width = images.shape[2:]
    return F.pad(images, (0, -width % multiple, 0, -height % multiple))


class PixelwiseNetwork(Network):
    """A network of images (N, C, H, W) to logits (N, classes, H, W), of any height and width.

    A subclass writes `logits` for sizes that are multiples of `multiple_px`, and `draw_head` for the layers whose
    weights depend on the classes. Others are padded, and the logits of the padding are cut off. There is no
    `forward_features`: what such a head reads often lies at several scales.
    """

    task = SEGMENTATION
    multiple_px: int = 1
    """Heights and widths, in pixels, that the arithmetic allows: multiples of it."""

    def logits(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W), H and W multiples of `multiple_px`, to logits (N, classes, H, W)."""
        raise NotImplementedError

    def weighted_logits(self, images: Tensor) -> list[tuple[float, Tensor]]:
        """What the loss is taken of, for sizes as `logits` has them: (weight, logits), the main ones first."""
        return [(1.0, self.logits(images))]

    def draw_head(self, classes: int) -> None:
        """Put fresh layers where weights depend on the number of classes."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, classes, H, W). Raises StriateError for a shape that does not fit."""
        self.require_fit(images)
        height, width = images.shape[2:]
        return self.logits(pad_to_multiple(images, self.multiple_px))[:, :, :height, :width]

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        height, width = images.shape[2:]
        padded = pad_to_multiple(images, self.multiple_px)
        return [(weight, maps[:, :, :height, :width]) for weight, maps in self.weighted_logits(padded)]

    def turned_back(self, answer: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of mirror images, as of the pictures."""
        return answer.flip(3)

    def reset_classifier(self, classes: int) -> None:
        """Fresh layers for another number of classes. Raises StriateError for a number below 1."""
        self.require_classes(classes)
        weight = self.get_classifier().weight
        assert isinstance(weight, Tensor)  # noqa: S101 - our own invariant
        self.draw_head(classes)
        self.to(weight.device, weight.dtype)


class OnVGG(PixelwiseNetwork):
    """A network whose first layers are VGG-16's."""

    begins_with = "vgg16"
    vgg_layers: tuple[str, ...]
    """Module paths of VGG-16's layers, in its order; the dense ones are convolutions here, or left out."""

    @torch.no_grad()
    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill the first layers from a state dict of `vgg16`, dense layers as convolutions over 7x7 and 1x1.

        Raises StriateError where a tensor is missing or has other numbers of channels.
        """
        for path, name in zip(self.vgg_layers, VGG16_LAYERS, strict=False):
            for leaf, own in self.get_submodule(path).named_parameters():
                found = tensors.get(f"{name}.{leaf}")
                if found is None or found.shape[:1] != own.shape[:1] or found.numel() != own.numel():
                    what = "missing" if found is None else f"{tuple(found.shape)}"
                    raise StriateError(
                        f"{self.label}: {path}.{leaf} {tuple(own.shape)} is to come from VGG-16's {name}.{leaf}, "
                        f"which is {what}; give the state dict of a vgg16"
                    )
                own.copy_(found.reshape(own.shape))


def convolutions(channels: int, width: int, depth: int, *, batch_norm: bool, dilation: int = 1) -> nn.Sequential:
    """`depth` 3x3 convolutions that keep the size, each with ReLU; `batch_norm` puts one between.

    (N, channels, H, W) to (N, width, H, W).
    """
    rows: list[nn.Module] = []
    for place in range(depth):
        read = width if place else channels
        rows.append(nn.Conv2d(read, width, kernel_size=3, padding=dilation, dilation=dilation))
        rows += [nn.BatchNorm2d(width)] if batch_norm else []
        rows.append(nn.ReLU(inplace=True))
    return nn.Sequential(*rows)


def conv_paths(network: nn.Module, *stages: str) -> tuple[str, ...]:
    """Paths of the convolutions inside these children, in order."""
    return tuple(
        f"{stage}.{path}" if path else stage
        for stage in stages
        for path, layer in network.get_submodule(stage).named_modules()
        if isinstance(layer, nn.Conv2d)
    )
