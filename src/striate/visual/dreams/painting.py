"""How a picture is written down while it is made up: its frequencies, in colours that do not go together.

Both let a step move all scales and colours alike (Olah et al. 2017, "Preconditioning and parameterization").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.core.records import Preprocess

NATURAL = ((1.0, 0.884, 0.753), (0.884, 1.0, 0.906), (0.753, 0.906, 1.0))
"""How red, green and blue go together over 2,000 training pictures of Tiny ImageNet: coefficients of correlation."""
START = 0.1
"""Of the noise that a picture begins as, the standard deviation of each frequency."""
USUAL_RANGE = 2.0
"""Of numbers of which nobody knows how they were normalised: black and white lie so far from 0."""

Pixels = npt.NDArray[np.uint8]


class Palette(NamedTuple):
    """The colours of a network's pictures. black, white: its smallest and largest numbers, (C,). mix: (C, C)."""

    black: Tensor
    white: Tensor
    mix: Tensor

    def to(self, device: torch.device) -> Palette:
        """The same on a device."""
        return Palette(*(each.to(device) for each in self))

    def pictures(self, free: Tensor) -> Tensor:
        """Any numbers (N, C, H, W) as pictures that a network takes, each of a colour between black and white."""
        shares = torch.einsum("dc,nchw->ndhw", self.mix, free).sigmoid()
        images: Tensor = _places(self.black) + _places(self.white - self.black) * shares
        return images

    def shares(self, images: Tensor) -> Tensor:
        """Images as a network takes them as 0 (black) to 1 (white)."""
        span = (self.white - self.black).clamp(min=1e-12)
        return ((images - _places(self.black)) / _places(span)).clamp(0, 1)

    def shown(self, images: Tensor) -> Pixels:
        """Images as pictures to look at, uint8 (N, H, W, C); other than 1 or 3 channels are averaged to grey."""
        shares = self.shares(images.detach().float())
        shares = shares if shares.shape[1] in (1, 3) else shares.mean(1, keepdim=True)
        pixels: Pixels = (255 * shares).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        return pixels


def palette_of(preprocess: Preprocess) -> Palette:
    """Of pictures that are normalised so."""
    mean, std = torch.tensor(preprocess.mean), torch.tensor(preprocess.std)
    return Palette(-mean / std, (1 - mean) / std, mixed(_correlations(len(mean))))


def palette_of_images(images: Tensor) -> Palette:
    """Of images (N, C, H, W) that are normalised in a way that nobody knows, from their numbers."""
    images = images.detach().float().cpu()
    black, white = images.amin((0, 2, 3)), images.amax((0, 2, 3))
    pixels = images.transpose(0, 1).flatten(1)
    correlations = torch.corrcoef(pixels).reshape(len(pixels), -1) if pixels.shape[1] > 1 else torch.eye(len(pixels))
    return Palette(black, torch.maximum(white, black + 1e-6), mixed(correlations.nan_to_num(0.0)))


def usual_palette(channels: int) -> Palette:
    """Of a network of which nothing is known but the number of channels."""
    white = torch.full((channels,), USUAL_RANGE)
    return Palette(-white, white, mixed(_correlations(channels)))


def mixed(correlations: Tensor) -> Tensor:
    """How independent numbers become channels that correlate so, (C, C): the root of the matrix, each row at most 1.

    >>> mixed(torch.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    values, vectors = torch.linalg.eigh(correlations.double())
    root: Tensor = vectors @ torch.diag(values.clamp(min=1e-6).sqrt()) @ vectors.T
    scaled: Tensor = root / root.norm(dim=1).max()
    return scaled.float()


def _correlations(channels: int) -> Tensor:
    return torch.tensor(NATURAL) if channels == len(NATURAL) else torch.eye(channels)


class Spectrum:
    """Pictures (N, C, H, W) by their frequencies.

    numbers: what is learned, (N, C, H, W // 2 + 1, 2). A step of one size moves coarse and fine patterns as natural
    pictures have them: the amplitude falls with the frequency (Field 1987).
    """

    def __init__(self, shape: Sequence[int], generator: torch.Generator) -> None:
        count, channels, self.height, self.width = shape
        high, wide = torch.fft.fftfreq(self.height), torch.fft.rfftfreq(self.width)
        frequency = (high[:, None].square() + wide[None].square()).sqrt()
        fall = 1 / frequency.clamp(min=1 / max(self.height, self.width))
        self.fall = fall / fall.square().mean().sqrt()
        self.numbers = START * torch.randn(count, channels, *fall.shape, 2, generator=generator)

    def to(self, device: torch.device) -> Spectrum:
        """On a device, with gradients."""
        self.fall, self.numbers = self.fall.to(device), self.numbers.to(device).requires_grad_()
        return self

    def free(self) -> Tensor:
        """The numbers of the pixels, (N, C, H, W), of any size."""
        coefficients = torch.view_as_complex(self.numbers) * self.fall
        free: Tensor = torch.fft.irfft2(coefficients, s=(self.height, self.width), norm="ortho")
        return free


def _places(of_channels: Tensor) -> Tensor:
    """As wide as any picture."""
    return of_channels[:, None, None]
