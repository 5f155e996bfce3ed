"""Whether a layer's maps move with the picture: exactly, where padding is circular, and inside, where it is zeros."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from striate.core.errors import StriateError

Maps = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) to maps (N, channels, h, w)."""


@torch.inference_mode()
def equivariance_error(maps: Maps, images: Tensor, shift_px: int, margin: int = 0) -> float:
    """The largest difference between maps of rolled images and rolled maps of images, as a share of the largest number.

    shift_px: down and right, round the edges; a multiple of the stride, which is the side of the images over that of
    the maps. margin: places along each edge that are left out; `reach` says how many see beyond it. 0 where the network
    pads in a circle, since then no place is at an edge.
    Raises StriateError for another shift, for a stride that is no whole number, and a margin that leaves nothing.

    >>> conv = torch.nn.Conv2d(1, 2, 3, stride=2, padding=1, padding_mode="circular")
    >>> equivariance_error(conv, torch.rand(1, 1, 8, 8), shift_px=4) < 1e-6
    True
    """
    before = maps(images)
    strides = [_stride(picture, found) for picture, found in zip(images.shape[2:], before.shape[2:], strict=True)]
    for stride in strides:
        if shift_px % stride:
            raise StriateError(f"a shift of {shift_px} px is no multiple of the stride, {stride} px; maps lie between")
    after = maps(images.roll((shift_px, shift_px), (2, 3)))
    moved = before.roll((shift_px // strides[0], shift_px // strides[1]), (2, 3))
    height, width = before.shape[2:]
    rows, columns = (
        _inside(side, shift_px // stride, margin) for side, stride in zip((height, width), strides, strict=True)
    )
    if not rows or not columns:
        raise StriateError(f"maps of {height}x{width} have no place within a margin of {margin}; give larger pictures")
    largest = float(before.abs().max()) or 1.0
    return float((after - moved)[:, :, rows][:, :, :, columns].abs().max()) / largest


def _inside(side: int, moved: int, margin: int) -> list[int]:
    """Places that are far enough from the edges of the maps, and from where the picture's own edges have been moved."""
    return [
        place
        for place in range(side)
        if margin <= place < side - margin and margin <= (place - moved) % side < side - margin
    ]


def _stride(picture_px: int, places: int) -> int:
    if picture_px % places:
        raise StriateError(
            f"maps of {places} places of {picture_px} pixels have no whole stride; give pictures whose side divides"
        )
    return picture_px // places


def reach(field_px: int, stride: int) -> int:
    """How many places along an edge may see beyond it. field_px: the side of what a place sees, in pixels.

    >>> reach(field_px=7, stride=2)
    2
    """
    return -(-(field_px // 2) // stride)
