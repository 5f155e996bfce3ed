"""What heads have in common that answer at every place of a map. N pictures, A anchors in all, K classes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from striate.models.detection.coder import PLAIN, Weights, encode
from striate.models.detection.detector import Truth


def by_anchor(maps: Tensor, numbers: int) -> Tensor:
    """Maps (N, a * numbers, H, W), of a anchors at a place, as rows in the order of anchors: (N, H * W * a, numbers).

    >>> by_anchor(torch.arange(4).reshape(1, 4, 1, 1), 2).tolist()
    [[[0, 1], [2, 3]]]
    """
    rows: Tensor = maps.unflatten(1, (-1, numbers)).permute(0, 3, 4, 1, 2).flatten(1, 3)  # type: ignore[no-untyped-call]
    return rows


def as_shares(boxes: Tensor, images: Tensor) -> Tensor:
    """Boxes (..., 4) in pixels of images (N, C, H, W) as shares of width and height, clipped to 0..1."""
    x, y = boxes[..., 0::2] / images.shape[3], boxes[..., 1::2] / images.shape[2]
    return torch.stack([x, y], -1).flatten(-2).clamp(0, 1)


def as_pixels(shares: Tensor, images: Tensor) -> Tensor:
    """The inverse: boxes (..., 4) in pixels of images (N, C, H, W).

    >>> as_pixels(torch.tensor([[0.0, 0.5, 0.5, 1.0]]), torch.zeros(1, 3, 20, 40)).tolist()
    [[0.0, 10.0, 20.0, 20.0]]
    """
    x, y = shares[..., 0::2] * images.shape[3], shares[..., 1::2] * images.shape[2]
    return torch.stack([x, y], -1).flatten(-2)


def one_hot(matches: Tensor, truth: Truth, classes: int) -> Tensor:
    """1 at the class of the box that an anchor is matched with, else 0: float32 (N, A, K) of matches (N, A)."""
    target = torch.zeros(*matches.shape, classes, device=matches.device)
    picture, anchor = (matches >= 0).nonzero(as_tuple=True)
    target[picture, anchor, truth.labels[matches[picture, anchor]]] = 1.0
    return target


def box_loss(
    codes: Tensor,
    anchors: Tensor,
    matches: Tensor,
    truth: Truth,
    distance: Callable[..., Tensor],
    weights: Weights = PLAIN,
) -> Tensor:
    """The mean over pictures of the mean over positives of how far codes (N, A, 4) are from the truth, a scalar.

    anchors: (A, 4). matches: int64 (N, A). distance: such as `F.smooth_l1_loss`. weights: of the coder. A picture
    without positives counts 0.
    """
    picture, anchor = (matches >= 0).nonzero(as_tuple=True)
    target = encode(truth.boxes[matches[picture, anchor]], anchors[anchor], weights)
    each = distance(codes[picture, anchor].float(), target, reduction="none").sum(1)
    positives = (matches >= 0).sum(1)
    return (each / positives[picture]).sum() / max(len(matches), 1)
