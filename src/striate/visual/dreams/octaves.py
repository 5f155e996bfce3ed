"""What a network sees in a picture: it is changed so that a layer finds more of what it finds in it already.

Mordvintsev, Olah and Tyka, "Inceptionism: going deeper into neural networks", Google research blog (2015).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.visual.dreams.objectives import Objective, caricature
from striate.visual.dreams.painting import Palette
from striate.visual.dreams.reading import Reader
from striate.visual.dreams.visualise import Tick, gradient_of, made_up

OCTAVES = 4
OCTAVE = 1.4
"""How much larger the picture is from one octave to the next."""
STEPS = 10
"""In each octave."""
STRIDE = 0.012
"""How far a step goes in the mean over the pixels, of what lies between black and white."""
LEAST_PX = 32
"""Sides of a picture that is not made smaller."""
CARICATURE_STEPS = 96
CALMER = 0.25
"""How far a caricature is moved while it is drawn: what it is to be like lies at its place."""


def dreamt(
    network: nn.Module,
    objective: Objective,
    images: Tensor,
    palette: Palette,
    *,
    steps: int = STEPS,
    seed: int = 0,
    tick: Tick = lambda done, total: None,
) -> Tensor:
    """Images (N, C, H, W) with more of an objective in them, coarse patterns first, in the context of `in_evaluation`.

    At each size, from the smallest, the picture is moved along the gradient, scaled to a mean of 1; what that has
    changed goes on to the next size. Of a network that takes one size only, all octaves are at that. Raises as
    `visualise`.
    """
    palette = palette.to(images.device)
    generator = torch.Generator().manual_seed(seed)
    sizes = _sizes(network, objective, images)
    changed = torch.zeros_like(images[:, :, :1, :1])
    for octave, size in enumerate(sizes):
        plain = _resized(images, size)
        changed = _resized(changed, size) if octave else changed.expand_as(plain)
        read = Reader(network, objective.layers, plain)
        for step in range(steps):
            tick(octave * steps + step, len(sizes) * steps)
            changed = _stepped(read, objective, plain + changed, palette, generator) - plain
    return images + changed


def exaggerated(
    network: nn.Module,
    layer: str,
    images: Tensor,
    palette: Palette,
    *,
    steps: int = CARICATURE_STEPS,
    seed: int = 0,
    tick: Tick = lambda done, total: None,
) -> Tensor:
    """Caricatures of images (N, C, H, W) by a layer: from noise, what it finds in each and more. As `dreamt`."""
    with torch.no_grad():
        found = Reader(network, (layer,), images)(images)[layer]
    objectives = [caricature(layer, of_one) for of_one in found]
    _, channels, height, width = images.shape
    size = (channels, height, width)
    return made_up(network, objectives, size, palette, steps=steps, shake=CALMER, seed=seed, tick=tick)


def _stepped(
    read: Reader, objective: Objective, images: Tensor, palette: Palette, generator: torch.Generator
) -> Tensor:
    """One step up, of images that are moved round first, so that no place is always at an edge."""
    height, width = images.shape[2:]
    down, right = (int(torch.randint(0, side, (), generator=generator)) for side in (height, width))
    moved = images.roll((down, right), (2, 3)).detach().requires_grad_()
    uphill = gradient_of(read, [objective] * len(images), moved, moved)
    span = (palette.white - palette.black)[:, None, None]
    uphill = uphill / uphill.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-12)
    stepped = (moved + STRIDE * span * uphill).detach()
    stepped = torch.minimum(torch.maximum(stepped, palette.black[:, None, None]), palette.white[:, None, None])
    return stepped.roll((-down, -right), (2, 3))


def _sizes(network: nn.Module, objective: Objective, images: Tensor) -> list[tuple[int, int]]:
    """Heights and widths of the octaves, smallest first, the last that of the images."""
    height, width = images.shape[2:]
    scales = [OCTAVE**-down for down in reversed(range(OCTAVES))]
    sizes = [(round(height * scale), round(width * scale)) for scale in scales]
    sizes = [size for size in sizes if min(size) >= LEAST_PX] or [(height, width)]
    return sizes if takes_size(network, objective, images, sizes[0]) else [(height, width)] * len(sizes)


def takes_size(network: nn.Module, objective: Objective, images: Tensor, size: tuple[int, int]) -> bool:
    """Whether what an objective reads can be computed of pictures of another size."""
    try:
        Reader(network, objective.layers, _resized(images[:1], size))
    except Exception:  # whatever a person's code raises on pictures of a size that it is not for
        return False
    return True


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)
