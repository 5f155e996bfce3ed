"""Where the places of a map are among its axes, and how maps may lie in memory."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

LEAST_WHOLE = 16
"""Channels of a block of oneDNN on processors with AVX-512; it is 8 without."""


def places_of(shape: Sequence[int], size: Sequence[int]) -> tuple[int, int]:
    """The axes of height and width in a layer's output (N, C, H, W), or (N, H, W, C) as Swin transformers have it.

    shape: of the output, four numbers. size: height and width of the picture, of whose shape that of the map is.

    >>> places_of((2, 64, 16, 16), (64, 64)), places_of((2, 8, 8, 192), (64, 64))
    ((2, 3), (1, 2))
    """
    (height, width), last = size, tuple(shape[1:])
    ahead = round(height / last[0]) == round(width / last[1])
    behind = round(height / last[1]) == round(width / last[2])
    return (1, 2) if ahead and not behind else (2, 3)


def overrun(network: nn.Module) -> str:
    """Path of a convolution whose gradient destroys memory where channels lie last; "" where there is none.

    It is of 1x1, has a stride and reads fewer channels than a block: oneDNN then writes past its workspace, and torch
    crashes sooner or later, as of 2.13. Such begin RepVGG, MobileOne and FastViT. Source: oneDNN issue 6035.

    >>> overrun(nn.Sequential(nn.Conv2d(3, 48, 1, stride=2))), overrun(nn.Sequential(nn.Conv2d(64, 48, 1, stride=2)))
    ('0', '')
    """
    for path, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and _overruns(module):
            return path or type(module).__name__
    return ""


def _overruns(conv: nn.Conv2d) -> bool:
    of_1x1 = conv.kernel_size == (1, 1) and conv.groups == 1 and max(conv.stride) > 1
    return of_1x1 and 1 < conv.in_channels < LEAST_WHOLE
