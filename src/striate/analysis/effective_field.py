"""The effective receptive field: which pixels really matter to the unit in the middle of a map.

Luo, Li, Urtasun and Zemel, "Understanding the effective receptive field in deep convolutional neural networks",
arXiv:1701.04128: far fewer than the theoretical field, and like a Gaussian around the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from striate.analysis.calls import evaluating
from striate.analysis.inputs import picture_size
from striate.core.errors import StriateError, unknown_name
from striate.core.one_screen import OneScreen
from striate.models import Network

FAINT = 1 - 0.9545  # arXiv:1701.04128, section 4: two standard deviations of a Gaussian


@dataclass(frozen=True, repr=False)
class EffectiveField(OneScreen):
    """How much each pixel contributes to the middle unit of a layer.

    layer: module path. contributions: (H, W), non-negative, summing to 1. diameter_px: side of the square with as many
    pixels as contribute more than 4.55 % of what the strongest one does.
    """

    layer: str
    contributions: Tensor
    diameter_px: float

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        height, width = self.contributions.shape
        return {"layer": self.layer, "diameter_px": f"{self.diameter_px:.1f}", "contributions": f"{height}x{width}"}


def effective_field(
    model: nn.Module,
    size: tuple[int, ...] | None = None,
    layer: str | None = None,
    pictures: int = 16,
    seed: int = 0,
) -> EffectiveField:
    """Mean absolute gradient of a layer's middle unit, all its maps added, with respect to random pictures.

    size: as in `summarize`. layer: module path of a layer that makes maps; a network of the zoo has its last features
    for it. pictures: random ones, N(0, 1), to average over. The model must have weights; it is left as it was.
    Raises StriateError for a layer that is missing, unknown, makes no maps or does not depend on the picture.

    >>> field = effective_field(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), size=(3, 9, 9), layer="0")
    >>> field.contributions.shape, int((field.contributions > 0).sum())
    (torch.Size([9, 9]), 9)
    """
    shape, layer = picture_size(model, size), _layer_of(model, layer)
    generator = torch.Generator().manual_seed(seed)
    batch = torch.randn(pictures, *shape, generator=generator).requires_grad_()
    with evaluating(model), _output_of(model.get_submodule(layer)) as outputs, torch.enable_grad():
        model(batch)
        if not outputs or not isinstance(outputs[0], Tensor) or outputs[0].dim() != 4:
            raise StriateError(
                f"layer {layer!r} makes no maps (N, C, H, W); choose a convolution or a pooling before it"
            )
        _, _, height, width = outputs[0].shape
        middle = outputs[0][:, :, height // 2, width // 2].sum()
        (gradient,) = torch.autograd.grad(middle, batch)
    contributions = gradient.abs().sum(1).mean(0)
    if not contributions.sum() > 0:
        raise StriateError(f"nothing of the picture reaches the middle of layer {layer!r}: all its gradients are 0")
    strong = int((contributions > FAINT * contributions.max()).sum())
    return EffectiveField(layer, contributions / contributions.sum(), sqrt(strong))


def _layer_of(model: nn.Module, layer: str | None) -> str:
    if layer is None and isinstance(model, Network) and model.features_info:
        return model.features_info[-1].name
    paths = dict(model.named_modules())
    if layer is None:
        raise StriateError(
            f"{type(model).__name__}: layer is missing; name the module whose middle unit is asked about"
        )
    if layer not in paths:
        raise unknown_name("layer", layer, paths, "`striate summary --depth all`")
    return layer


@contextmanager
def _output_of(module: nn.Module) -> Iterator[list[Any]]:
    """A list that the module's outputs are appended to; copies, as what follows may work in place."""
    outputs: list[Any] = []

    def keep(module: nn.Module, inputs: Any, output: Any) -> Any:
        outputs.append(output)
        return output.clone() if isinstance(output, Tensor) else output

    hook = module.register_forward_hook(keep)
    try:
        yield outputs
    finally:
        hook.remove()
