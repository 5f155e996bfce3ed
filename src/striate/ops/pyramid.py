"""Pyramids of a picture: ever smaller ones, and what each has that the next smaller one lacks."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor

from striate.core.errors import StriateError

BLUR = (1.0, 4.0, 6.0, 4.0, 1.0)  # of 16, along each axis: a = 0.375 in the paper's equation 3
Size = tuple[int, int]


def most_levels(picture: Tensor) -> int:
    """How many levels a picture (C, H, W) has at the most: the last one's smaller side is 1 pixel.

    >>> import torch
    >>> most_levels(torch.ones(3, 5, 8)), most_levels(torch.ones(3, 1, 8))
    (4, 1)
    """
    return (min(picture.shape[1:]) - 1).bit_length() + 1


def gaussian_pyramid(picture: Tensor, levels: int) -> list[Tensor]:
    """The picture (C, H, W), floating, and `levels` - 1 smaller ones, each blurred and half as large, rounded up.

    Raises StriateError for fewer levels than 1, and where a side of 1 pixel would be halved.
    Source: Burt and Adelson, "The Laplacian pyramid as a compact image code", IEEE Trans. Communications 31, 1983.

    >>> import torch
    >>> [tuple(level.shape) for level in gaussian_pyramid(torch.ones(1, 5, 8), 3)]
    [(1, 5, 8), (1, 3, 4), (1, 2, 2)]
    """
    most = most_levels(picture)
    if not 1 <= levels <= most:
        raise StriateError(
            f"a picture of {picture.shape[1]}x{picture.shape[2]} pixels has 1 to {most} levels, got {levels}"
        )
    found = [picture]
    while len(found) < levels:
        found.append(_blurred(found[-1], 1.0)[:, ::2, ::2])
    return found


def laplacian_pyramid(picture: Tensor, levels: int) -> list[Tensor]:
    """Of every level of the Gaussian pyramid what the next, enlarged, lacks of it; last the smallest level itself."""
    levels_of = gaussian_pyramid(picture, levels)
    return [*(large - enlarged(small, _size(large)) for large, small in pairwise(levels_of)), levels_of[-1]]


def rebuilt(laplacian: list[Tensor]) -> Tensor:
    """The picture of a Laplacian pyramid, up to rounding.

    >>> import torch
    >>> picture = torch.rand(3, 17, 20)
    >>> bool((rebuilt(laplacian_pyramid(picture, 4)) - picture).abs().max() < 1e-6)
    True
    """
    picture = laplacian[-1]
    for detail in reversed(laplacian[:-1]):
        picture = detail + enlarged(picture, _size(detail))
    return picture


def enlarged(picture: Tensor, size: Size) -> Tensor:
    """(C, h, w) at height and width of a size whose halves, rounded up, are h and w: zeros between, then blurred."""
    spread = picture.new_zeros(len(picture), *size)
    spread[:, ::2, ::2] = picture
    share = picture.new_zeros(1, *size)
    share[:, ::2, ::2] = 1
    return _blurred(spread, 4.0) / _blurred(share, 4.0)  # at the border the kernel meets more or fewer zeros


def _blurred(picture: Tensor, factor: float) -> Tensor:
    taps = picture.new_tensor(BLUR) / 16
    kernel = (factor * taps[:, None] * taps)[None, None]
    return F.conv2d(F.pad(picture[:, None], (2, 2, 2, 2), "replicate"), kernel)[:, 0]


def _size(picture: Tensor) -> Size:
    return picture.shape[1], picture.shape[2]
