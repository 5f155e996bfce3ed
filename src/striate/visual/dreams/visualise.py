"""Pictures that layers, channels, units and classes of a network look for: feature visualisation.

Olah, Mordvintsev and Schubert, "Feature visualization", Distill (2017), doi:10.23915/distill.00007; first by Erhan,
Bengio, Courville and Vincent, "Visualizing higher-layer features of a deep network", Montreal (2009).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.models.network import Network
from striate.visual.attribution.score import CannotShow, in_evaluation, name_of
from striate.visual.dreams.objectives import Objective
from striate.visual.dreams.painting import Palette, Pixels, Spectrum, palette_of, usual_palette
from striate.visual.dreams.reading import Reader
from striate.visual.dreams.shaking import shaken

STEPS = 128
RATE, BETAS = 0.05, (0.9, 0.999)
"""Of Adam, the rate as Olah et al. have it."""

Size = tuple[int, int, int]
"""Channels, height and width of a picture."""
Tick = Callable[[int, int], None]


def visualise(
    network: nn.Module,
    objectives: Objective | Sequence[Objective],
    size: Size | None = None,
    *,
    steps: int = STEPS,
    shake: float = 1.0,
    seed: int = 0,
    palette: Palette | None = None,
) -> Pixels:
    """Pictures that a network makes up for objectives, one for each: uint8 (N, H, W, C), C 1 or 3.

    network: any `nn.Module` that takes pictures; it is left as it was. objectives: of
    `striate.visual.dreams.objectives`, a list of them where several pictures are wanted, which are made together.
    size: channels, height and width in pixels; those of the network's pictures if not given, which a module that is not
    ours does not say. steps: of Adam, upwards. shake: how far the picture is moved at every step, as a share of a
    sixteenth of its side, a tenth of its scale and 8 degrees. seed: of the noise that it begins as, and of how it is
    moved. palette: what black and white are to the network; of a module that is not ours -2 and 2 if not given.
    Raises StriateError for layers and channels that are not there, and where no gradient reaches the picture.

    >>> from striate.visual.dreams.objectives import channel, total_variation
    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3))
    >>> visualise(network, [channel("2", 5), channel("0", 1) - 0.1 * total_variation()], (3, 24, 32), steps=2).shape
    (2, 24, 32, 3)
    """
    several = [objectives] if isinstance(objectives, Objective) else list(objectives)
    if not several or steps < 1:
        raise StriateError(f"there must be at least one objective and one step, got {len(several)} and {steps}")
    size = size or own_size(network)
    palette = palette or own_palette(network, size[0])
    with in_evaluation(network, seed):
        return palette.shown(made_up(network, several, size, palette, steps=steps, shake=shake, seed=seed))


def own_size(network: nn.Module) -> Size:
    """Of the pictures that a network of this house takes. Raises StriateError for another."""
    if not isinstance(network, Network):
        raise StriateError(f"{name_of(network)} does not say how large its pictures are; give size, (C, H, W)")
    return network.preprocess.channels, *network.preprocess.size


def own_palette(network: nn.Module, channels: int) -> Palette:
    """Of a network of this house by its normalisation, of any other the usual one."""
    of_house = isinstance(network, Network) and network.preprocess.channels == channels
    return palette_of(network.preprocess) if of_house else usual_palette(channels)  # type: ignore[arg-type]


def made_up(
    network: nn.Module,
    objectives: Sequence[Objective],
    size: Size,
    palette: Palette,
    *,
    steps: int = STEPS,
    shake: float = 1.0,
    seed: int = 0,
    tick: Tick = lambda done, total: None,
) -> Tensor:
    """The same as images (N, C, H, W) as the network takes them, in the context of `in_evaluation`."""
    generator = torch.Generator().manual_seed(seed)
    device = next(network.parameters(), torch.empty(0)).device
    palette, spectrum = palette.to(device), Spectrum((len(objectives), *size), generator).to(device)
    read = Reader(network, layers_of(objectives), palette.pictures(spectrum.free()).detach())
    adam = _Adam(spectrum.numbers)
    for step in range(steps):
        tick(step, steps)
        images = shaken(palette.pictures(spectrum.free()), generator, shake)
        adam.step(gradient_of(read, objectives, images, spectrum.numbers))
    return palette.pictures(spectrum.free()).detach()


class _Adam:
    """Upwards along gradients of one tensor, by Kingma and Ba, arXiv:1412.6980, algorithm 1.

    torch's own first imports its compiler, which takes longer than a picture of a small network.
    """

    def __init__(self, numbers: Tensor) -> None:
        self.numbers, self.steps = numbers, 0
        self.mean, self.square = torch.zeros_like(numbers), torch.zeros_like(numbers)

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        self.steps += 1
        self.mean.lerp_(gradient, 1 - BETAS[0])
        self.square.lerp_(gradient.square(), 1 - BETAS[1])
        mean, square = (
            moment / (1 - beta**self.steps) for moment, beta in zip((self.mean, self.square), BETAS, strict=True)
        )
        self.numbers += RATE * mean / (square.sqrt() + 1e-8)


def layers_of(objectives: Sequence[Objective]) -> tuple[str, ...]:
    """What objectives read, each layer once."""
    return tuple(dict.fromkeys(layer for objective in objectives for layer in objective.layers))


def gradient_of(read: Reader, objectives: Sequence[Objective], images: Tensor, learned: Tensor) -> Tensor:
    """The gradient, of what is learned, of the sum of each image's objective. Raises CannotShow where there is none."""
    outputs = read(images)
    total = torch.stack([objective.value(images, outputs)[place] for place, objective in enumerate(objectives)]).sum()
    gradient = torch.autograd.grad(total, learned, allow_unused=True)[0] if total.requires_grad else None
    if gradient is None:
        raise CannotShow(
            f"{read.name} gives no gradients with respect to its pictures, as where forward runs under torch.no_grad, "
            "so nothing can be made up"
        )
    if not gradient.isfinite().all():
        raise CannotShow(f"{read.name} has gradients that are not finite, so nothing can be made up")
    return gradient
