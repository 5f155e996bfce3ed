"""Boxes of made-up pictures, as a batch of a data set has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class MadeUp:
    boxes: Tensor
    labels: Tensor
    picture: Tensor
    ignored: Tensor
    pictures: int


def truth_of(*pictures: Sequence[tuple[float, float, float, float, int]], ignored: Sequence[int] = ()) -> MadeUp:
    """Left, top, right, bottom and class of each box of each picture; which of all boxes are ignored."""
    rows = torch.tensor([row for rows in pictures for row in rows], dtype=torch.float32).reshape(-1, 5)
    picture = torch.tensor([number for number, rows in enumerate(pictures) for _ in rows], dtype=torch.int64)
    mask = torch.zeros(len(rows), dtype=torch.bool)
    mask[list(ignored)] = True
    return MadeUp(rows[:, :4], rows[:, 4].long(), picture, mask, len(pictures))


def learned(network: nn.Module, images: Tensor, truth: MadeUp) -> list[dict[str, Tensor]]:
    """The losses of three steps, of which the last has the lower sum, and after which every parameter has a slope."""
    optimizer, steps = torch.optim.SGD(network.parameters(), lr=1e-3), []
    for _ in range(3):
        losses = network.train().losses(images, truth)
        optimizer.zero_grad()
        sum(losses.values(), torch.zeros(())).backward()
        optimizer.step()
        steps.append({name: loss.detach() for name, loss in losses.items()})
    slopes = {path: each.grad for path, each in network.named_parameters()}
    assert [path for path, slope in slopes.items() if slope is None or not slope.isfinite().all()] == []
    assert sum(steps[-1].values()) < sum(steps[0].values())
    return steps
