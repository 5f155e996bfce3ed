"""Whether a map finds what the answer hangs on: by taking away, or giving, first what it calls important.

Petsiuk, Das and Saenko, "RISE", arXiv:1806.07421, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.visual.attribution.asked import Asked

STEPS = 12
"""Equal shares of the places that are taken away, or given, one after the other."""
BLUR, LEAST_BLUR_PX = 5 / 224, 2.0
"""Spread of the blur that insertion begins with, as a share of the picture's side: the authors' 5 px of 224. The least
is ours; below it small pictures would hardly be blurred.
"""


class Areas(NamedTuple):
    """Areas under the probability of the class over the share of places, 0 to 1, the mean over the pictures.

    deletion: the most important places become the mean colour first; the lower, the better. insertion: they become
    sharp first, in a blurred picture; the higher, the better.
    """

    deletion: float
    insertion: float


def areas(asked: Asked, maps: Tensor, steps: int = STEPS) -> Areas:
    """Of maps (N, H, W). In the context of `in_evaluation`. Equally important places go from the top left on."""
    order = maps.flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(
        1, order, torch.arange(order.shape[1], device=order.device).expand_as(order)
    )
    images, blank = asked.images, torch.zeros_like(asked.images)
    blurred_images = blurred(images)
    deleted, inserted = [], []
    for step in range(steps + 1):
        chosen = (rank < round(step * order.shape[1] / steps)).view(len(maps), 1, *asked.size)
        deleted.append(asked.score.probability(torch.where(chosen, blank, images)))
        inserted.append(asked.score.probability(torch.where(chosen, images, blurred_images)))
    return Areas(_under(deleted), _under(inserted))


def blurred(images: Tensor) -> Tensor:
    """By a Gaussian of `BLUR`, what lies outside being as the border.

    >>> blurred(torch.ones(1, 1, 8, 8)).allclose(torch.ones(1, 1, 8, 8))
    True
    """
    for axis in (2, 3):
        spread = max(LEAST_BLUR_PX, BLUR * images.shape[axis])
        reach = max(1, round(3 * spread))
        places = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
        kernel = torch.softmax(-0.5 * (places / spread) ** 2, 0)
        sides = (reach, reach, 0, 0) if axis == 3 else (0, 0, reach, reach)
        shape = (1, 1, 1, -1) if axis == 3 else (1, 1, -1, 1)
        padded = F.pad(images.flatten(0, 1)[:, None], sides, mode="replicate")
        images = F.conv2d(padded, kernel.view(shape)).view_as(images)
    return images


def of_chance(asked: Asked, measure: Callable[[Asked, Tensor], Areas] = areas) -> Areas:
    """The areas of maps of noise, which know nothing."""
    generator = torch.Generator().manual_seed(asked.seed)
    noise = torch.rand((len(asked.images), *asked.size), generator=generator)
    return measure(asked, noise.to(asked.images.device))


def _under(probabilities: list[Tensor]) -> float:
    return float(torch.trapezoid(torch.stack(probabilities).float(), dx=1 / (len(probabilities) - 1), dim=0).mean())
