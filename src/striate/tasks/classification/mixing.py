"""CutMix: a rectangle of each picture comes from another one, and so does that share of its label."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def cut_mix(
    images: Tensor, labels: Tensor, classes: int, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Some pictures of a batch get a rectangle of another one, at the same place.

    images: float (N, C, H, W). labels: int64 (N,). share: of the pictures, 0 to 1. Returns images of the same shape and
    labels as probabilities, float (N, classes), whose parts are the pixels' parts. All randomness comes from
    `generator`, which lives on the CPU.
    Source: Yun et al., arXiv:1905.04899, section 3.1; each picture has a rectangle of its own here.

    >>> images, labels = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 1, 8, 8), torch.tensor([0, 1])
    >>> mixed, shares = cut_mix(images, labels, 2, 1.0, torch.Generator().manual_seed(3))
    >>> torch.equal(mixed.mean((1, 2, 3)), shares[:, 1])
    True
    """
    count, _, height, width = images.shape
    chosen = torch.rand(count, 1, generator=generator) < share
    half = torch.rand(count, 1, generator=generator).sqrt() / 2  # so that the area is uniform before the edges cut it
    middle_y, middle_x = torch.rand(2, count, 1, generator=generator)
    partner = torch.randperm(count, generator=generator).to(images.device)
    rows_NH = ((torch.arange(height) + 0.5) / height - middle_y).abs() < half
    columns_NW = ((torch.arange(width) + 0.5) / width - middle_x).abs() < half
    taken_N = (rows_NH.float().mean(1) * columns_NW.float().mean(1) * chosen[:, 0]).to(images.device)
    inside = ((rows_NH & chosen)[:, None, :, None] & columns_NW[:, None, None, :]).to(images.device)
    own = F.one_hot(labels, classes).float()
    return torch.where(inside, images[partner], images), torch.lerp(own, own[partner], taken_N[:, None])
