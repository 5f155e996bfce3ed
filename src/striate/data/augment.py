"""The classic augmentations, each drawn for the whole batch at once: first the geometry, then the colours.

N pictures, C channels, h w pixels of the working size, H W pixels of the network's size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.core.bounds import SIDE_PX, require_within
from striate.core.records import Preprocess
from striate.data.geometry import Geometry, whole_pictures

# Principal components of the colours of ImageNet's training pictures on the 0..1 scale: eigenvectors in the columns
# (rows R, G, B) and their eigenvalues, for Krizhevsky et al. 2012, section 4.1.
LIGHTING_VECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
LIGHTING_VALUES = (0.2175, 0.0188, 0.0045)
GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R 601

BOUNDS: dict[str, tuple[float, float]] = {
    "crop_padding_px": (0, SIDE_PX[1]),
    "min_area": (0.01, 1),
    "max_aspect": (1, 4),
    "rotate_degrees": (0, 180),
    "lighting_std": (0, 10),
    "jitter": (0, 1),
    "erase": (0, 1),
}


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How pictures are varied while training; the defaults vary nothing.

    crop_padding_px: a random crop may reach this far over the edge (edge pixels repeat); where the working size is
    larger than the network's, the crop is random even with 0. min_area: a random resized crop takes between this share
    of the area and all of it. max_aspect: and is stretched by up to this factor. rotate_degrees: turned by up to this,
    either way. flip: mirrored half of the time. flip_alternately: a picture that is mirrored in one epoch is not in the
    next, so that two epochs show both. lighting_std: AlexNet's PCA colour noise (0.1 in the paper). jitter: brightness,
    contrast and saturation change by up to this share. erase: share of pictures of which a random rectangle is replaced
    by the mean colour.
    """

    crop_padding_px: int = 0
    min_area: float = 1.0
    max_aspect: float = 1.0
    rotate_degrees: float = 0.0
    flip: bool = False
    flip_alternately: bool = False
    lighting_std: float = 0.0
    jitter: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        for name, bounds in BOUNDS.items():
            require_within(name, getattr(self, name), bounds)

    @property
    def resamples(self) -> bool:
        """Whether the geometry needs interpolation."""
        return self.min_area < 1 or self.max_aspect > 1 or self.rotate_degrees > 0


def augment(
    batch: Tensor,
    augmentation: Augmentation,
    preprocess: Preprocess,
    generator: torch.Generator,
    mirrored: Tensor | None = None,
) -> Tensor:
    """Vary a batch and cut it to the network's size.

    batch: uint8 (N, C, h, w). mirrored: bool (N,), the pictures to mirror; None: drawn as `augmentation.flip` says.
    Returns (N, C, H, W) on the same 0..255 scale, uint8 or float32; pixels that are only moved do not become more, so
    of a smaller working size that is what is returned. All randomness comes from `generator`, which lives on the CPU.

    >>> batch = torch.arange(32, dtype=torch.uint8).view(2, 1, 4, 4)
    >>> record = Preprocess((2, 2), (4, 4)).for_channels(1)
    >>> augment(batch, Augmentation(), record, torch.Generator().manual_seed(0)).shape
    torch.Size([2, 1, 2, 2])
    """
    working = (batch.shape[2], batch.shape[3])
    geometry = draw_geometry(augmentation, len(batch), working, preprocess.size, generator, mirrored)
    return colours(geometry.pixels(batch), augmentation, preprocess, generator)


def draw_geometry(
    augmentation: Augmentation,
    count: int,
    working: tuple[int, int],
    size: tuple[int, int],
    generator: torch.Generator,
    mirrored: Tensor | None = None,
) -> Geometry:
    """Which part of each of `count` pictures is taken, for all of a batch at once, before its `colours` are drawn.

    working: height and width of the pictures. size: those asked for, of which the result has no more than the pictures
    have where pixels are only moved. mirrored: as of `augment`.

    >>> drawn = draw_geometry(Augmentation(), 2, (4, 4), (2, 2), torch.Generator().manual_seed(0))
    >>> drawn.size, drawn.extents.tolist()
    ((2, 2), [[2.0, 2.0], [2.0, 2.0]])
    """
    if augmentation.resamples:
        offsets, extents, radians = _drawn_parts(augmentation, count, working, generator)
    else:
        size, radians = (min(size[0], working[0]), min(size[1], working[1])), None
        if size == working and not augmentation.crop_padding_px and not augmentation.flip and mirrored is None:
            return whole_pictures(count, working)
        offsets, extents = _drawn_crops(augmentation.crop_padding_px, count, working, size, generator)
    if mirrored is None:
        mirrored = torch.rand(count, generator=generator) < (0.5 if augmentation.flip else 0.0)
    return Geometry(working, size, offsets, extents, mirrored, radians)


def colours(batch: Tensor, augmentation: Augmentation, preprocess: Preprocess, generator: torch.Generator) -> Tensor:
    """Vary the pixels of a batch (N, C, H, W) where they are: lighting, jitter and erasing."""
    if augmentation.lighting_std and batch.shape[1] == 3:
        batch = _lit(batch, augmentation.lighting_std, generator)
    if augmentation.jitter:
        batch = _jittered(batch, augmentation.jitter, generator)
    if augmentation.erase:
        batch = _erased(batch, augmentation.erase, preprocess, generator)
    return batch


def alternating_flips(indices: npt.NDArray[np.int64], seed: int, epoch: int) -> Tensor:
    """Which pictures to mirror in an epoch, bool (N,): every one in every second epoch, half of them in each.

    indices: of the pictures in the dataset. Whether a picture begins mirrored is a hash of its number and the seed.
    Source: Jordan, arXiv:2404.00498, section 3.6.

    >>> indices = np.arange(1000)
    >>> first, second = (alternating_flips(indices, 0, epoch) for epoch in (0, 1))
    >>> bool((first ^ second).all()), 450 < int(first.sum()) < 550
    (True, True)
    """
    mixed = indices.astype(np.uint64) * np.uint64(2) + np.uint64(1)
    for factor in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9 ^ (2 * seed), 0x94D049BB133111EB):  # SplitMix64's constants
        mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(factor & (2**64 - 1))
    return torch.from_numpy((mixed >> np.uint64(63)).astype(bool)) ^ bool(epoch % 2)


def _drawn_crops(
    padding: int, count: int, working: tuple[int, int], size: tuple[int, int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Offsets and extents of crops, which lie anywhere in the pictures and up to `padding` over their edges."""
    top, left = (
        torch.randint(-padding, length - side + padding + 1, (count, 1), generator=generator)
        for length, side in zip(working, size, strict=True)
    )
    (height, width), extents = size, torch.tensor(size[::-1], dtype=torch.float64).expand(count, 2)
    margins = torch.tensor([working[1] - width, working[0] - height], dtype=torch.float64)
    return torch.cat([left, top], 1) - margins / 2, extents


def _drawn_parts(
    augmentation: Augmentation, count: int, working: tuple[int, int], generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Offsets, extents and turns of random resized crops; upright ones are whole pixels.

    The random resized crop is Szegedy et al., arXiv:1409.4842, section 6: area uniform, log aspect uniform, position
    uniform among those that fit.
    """
    (height, width), padding = working, augmentation.crop_padding_px
    area = _uniform(count, augmentation.min_area, 1, generator)
    stretch = math.log(augmentation.max_aspect)
    aspect = _uniform(count, -stretch, stretch, generator).exp()
    scale_x = (area * aspect).sqrt().clamp(max=1)  # half-widths where the picture is -1..1
    scale_y = (area / aspect).sqrt().clamp(max=1)
    shift_x = _uniform(count, -1, 1, generator) * (1 - scale_x + 2 * padding / width)
    shift_y = _uniform(count, -1, 1, generator) * (1 - scale_y + 2 * padding / height)
    angle = _uniform(count, -1, 1, generator) * math.radians(augmentation.rotate_degrees)
    if not augmentation.rotate_degrees:
        offset_x, extent_x = _whole_pixels(shift_x, scale_x, width, padding)
        offset_y, extent_y = _whole_pixels(shift_y, scale_y, height, padding)
        return torch.stack([offset_x, offset_y], 1).double(), torch.stack([extent_x, extent_y], 1).double(), None
    # Exact: a float32 times a side has room in a float64, so that `Geometry` finds the very numbers again.
    sides = torch.tensor([width, height], dtype=torch.float64)
    return torch.stack([shift_x, shift_y], 1) * sides / 2, torch.stack([scale_x, scale_y], 1) * sides, angle


def _whole_pixels(middle: Tensor, half: Tensor, length: int, padding: int) -> tuple[Tensor, Tensor]:
    """Offset and length of parts of a line, rounded to whole pixels, padded on both sides; given on a scale -1..1."""
    taken = (half * length).round().clamp_(min=1)
    first = ((middle + 1) / 2 * length - taken / 2 + padding).round()
    first = torch.minimum(first.clamp_(min=0), length + 2 * padding - taken)
    return first - padding + (taken - length) / 2, taken


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.empty(count).uniform_(low, high, generator=generator)


def _lit(batch: Tensor, std: float, generator: torch.Generator) -> Tensor:
    """Add, to every pixel of a picture, a random mixture of the principal colours."""
    strength = torch.randn(batch.shape[0], 3, generator=generator) * std * torch.tensor(LIGHTING_VALUES) * 255
    colour = strength @ torch.tensor(LIGHTING_VECTORS).T
    return (batch + colour.to(batch.device)[:, :, None, None]).clamp_(0, 255)


def _jittered(batch: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Brightness, then contrast about the mean grey, then (RGB only) saturation about each pixel's grey."""
    count, channels = batch.shape[:2]

    def factor() -> Tensor:
        return _uniform(count, 1 - strength, 1 + strength, generator).to(batch.device)[:, None, None, None]

    def grey(pictures: Tensor) -> Tensor:
        if channels != 3:
            return pictures.mean(1, keepdim=True)
        weights = torch.tensor(GREY_WEIGHTS, device=pictures.device).view(1, 3, 1, 1)
        return (pictures * weights).sum(1, keepdim=True)

    batch = (batch * factor()).clamp_(0, 255)
    batch = torch.lerp(grey(batch).mean((2, 3), keepdim=True), batch, factor()).clamp_(0, 255)
    if channels == 3:
        batch = torch.lerp(grey(batch).expand_as(batch), batch, factor()).clamp_(0, 255)
    return batch


def _erased(batch: Tensor, share: float, preprocess: Preprocess, generator: torch.Generator) -> Tensor:
    """Replace a rectangle of 2 to 33 % of the area by the mean colour.

    Source: Zhong et al., "Random erasing data augmentation", arXiv:1708.04896, section 3.2.
    """
    count, _, height, width = batch.shape
    area = torch.empty(count, 1).uniform_(0.02, 1 / 3, generator=generator)
    aspect = torch.empty(count, 1).uniform_(math.log(0.3), math.log(1 / 0.3), generator=generator).exp()
    half_y, half_x = (area / aspect).sqrt().clamp(max=1) / 2, (area * aspect).sqrt().clamp(max=1) / 2
    middle_y = torch.rand(count, 1, generator=generator) * (1 - 2 * half_y) + half_y
    middle_x = torch.rand(count, 1, generator=generator) * (1 - 2 * half_x) + half_x
    chosen = torch.rand(count, 1, generator=generator) < share
    rows_NH = ((torch.arange(height) + 0.5) / height - middle_y).abs() <= half_y
    columns_NW = ((torch.arange(width) + 0.5) / width - middle_x).abs() <= half_x
    inside = ((rows_NH & chosen)[:, None, :, None] & columns_NW[:, None, None, :]).to(batch.device)
    mean = torch.tensor(preprocess.mean_colour).to(batch.device, batch.dtype).view(1, -1, 1, 1)
    return torch.where(inside, mean, batch)
