"""A question to a method, and the record of a method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from striate.visual.attribution.score import CannotShow, Score, name_of

STEPS = 50
"""Of the ways from nothing to the picture, and pictures with noise, whose gradients are averaged."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Why a network in evaluation mode answers a class of each image.

    images: (N, C, H, W), normalised. layer: path of the module whose maps are read, where a method reads any. steps: of
    the methods that average. seed: of what they draw.
    """

    network: nn.Module
    images: Tensor
    score: Score
    layer: str = ""
    steps: int = STEPS
    seed: int = 0

    @property
    def name(self) -> str:
        """How messages call the network."""
        return name_of(self.network)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.images.shape[2], self.images.shape[3]

    @property
    def classes(self) -> Tensor:
        """Of which class each image is asked, int64 (N,)."""
        return self.score.classes


@dataclass(frozen=True)
class Method:
    """A way to say where the reasons lie.

    name: as it is asked for. title: as a page has it. source: who described it. maps: float (N, H, W) of a question;
    raises `CannotShow` for a network that it cannot be used on. needs: of the network, in words. of_layer: whether it
    reads a layer's maps. signed: whether what is below 0 speaks against the class.
    """

    name: str
    title: str
    source: str
    maps: Callable[[Asked], Tensor]
    needs: str = "gradients"
    of_layer: bool = False
    signed: bool = False


def gradient_at(asked: Asked, images: Tensor) -> Tensor:
    """The gradient of the score with respect to images, (N, C, H, W). Raises CannotShow where there is none."""
    images = images.detach().clone().requires_grad_()
    score = asked.score(images)
    require_gradients(asked, score)
    (gradient,) = torch.autograd.grad(score.sum(), images, allow_unused=True)
    if gradient is None:
        raise _without_gradients(asked)
    return gradient.detach()


def require_gradients(asked: Asked, score: Tensor) -> None:
    """Raise CannotShow unless a score depends on something by gradients."""
    if score.grad_fn is None:
        raise _without_gradients(asked)


def _without_gradients(asked: Asked) -> CannotShow:
    return CannotShow(
        f"{asked.name} gives no gradients with respect to its pictures, as where forward runs under torch.no_grad or "
        "takes the largest; occlusion needs none"
    )
