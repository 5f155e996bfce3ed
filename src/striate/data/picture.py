"""From decoded pixels to the network's input: the geometry and the numbers that a `Preprocess` record stands for."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from striate.core.records import Preprocess
from striate.data.decode import Pixels


def to_working_size(pixels: Pixels, preprocess: Preprocess) -> Pixels:
    """Scale until the working size is covered, then cut to it about the centre.

    pixels: uint8 (H, W, channels). Returns uint8 (height, width, channels) of `preprocess.resize`. The filter is
    Pillow's bilinear one, which averages over the source when it shrinks.

    >>> to_working_size(np.zeros((30, 40, 3), np.uint8), Preprocess((16, 16), (20, 20))).shape
    (20, 20, 3)
    """
    height, width = preprocess.resize
    came_height, came_width, channels = pixels.shape
    scale = max(height / came_height, width / came_width)
    scaled = max(height, round(came_height * scale)), max(width, round(came_width * scale))
    if scaled != (came_height, came_width):
        picture = Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])
        resized = picture.resize((scaled[1], scaled[0]), Image.Resampling.BILINEAR)
        pixels = np.asarray(resized).reshape(*scaled, channels)
    top, left = (scaled[0] - height) // 2, (scaled[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def to_batch(pictures: np.ndarray) -> Tensor:
    """Pictures uint8 (N, H, W, channels) as the tensor (N, channels, H, W), channels last in memory, no copy."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)


def to_network_size(batch: Tensor, preprocess: Preprocess) -> Tensor:
    """Cut a batch (N, C, H, W) of the working size to the network's size about the centre, a view, or enlarge it.

    >>> to_network_size(torch.zeros(1, 3, 256, 256), Preprocess((224, 224))).shape
    torch.Size([1, 3, 224, 224])
    >>> to_network_size(torch.zeros(1, 3, 64, 64), Preprocess((80, 80), (64, 64))).shape
    torch.Size([1, 3, 80, 80])
    """
    if preprocess.enlarges:
        return scaled(batch, preprocess.size)
    height, width = preprocess.size
    top, left = (batch.shape[2] - height) // 2, (batch.shape[3] - width) // 2
    return batch[:, :, top : top + height, left : left + width]


def scaled(batch: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale a batch (N, C, H, W) of pixels 0..255 to a height and width: float32, bicubic, no pixel skipped.

    >>> scaled(torch.zeros(1, 3, 64, 64), (32, 32)).shape
    torch.Size([1, 3, 32, 32])
    """
    if batch.shape[2:] == size:
        return batch
    return F.interpolate(batch.float(), size, mode="bicubic", antialias=True).clamp_(0, 255)


def normalise(batch: Tensor, preprocess: Preprocess) -> Tensor:
    """uint8 (N, C, H, W) to float32: scaled to 0..1, mean taken off, divided by std.

    >>> white = torch.full((1, 1, 1, 1), 255, dtype=torch.uint8)
    >>> normalise(white, Preprocess((1, 1)).for_channels(1)).item()
    1.0
    """
    mean = torch.tensor(preprocess.mean, device=batch.device).view(1, -1, 1, 1) * 255
    scale = 1 / (torch.tensor(preprocess.std, device=batch.device).view(1, -1, 1, 1) * 255)
    return batch.float().sub_(mean).mul_(scale)
