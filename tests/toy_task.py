"""A second task, of a few lines: how a picture is coloured on average, learned in two phases of one optimiser each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.runtime.inference import answered, network_input
from striate.runtime.runtime import Runtime
from striate.tasks.task import Figure, StepLosses, Task


def losses(network: nn.Module, phase: str, images: Tensor, targets: Any, recipe: Any) -> StepLosses:
    """Half as many squares count in the first phase, so that the phases differ in more than what they train."""
    error = F.mse_loss(network(images).float(), mean_colour(images))
    return StepLosses({phase: error if phase == "fc" else error / 2}, {})


def predict(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """(N, 6): the mean colour as the network says it and as it is, both of normalised pictures."""
    images = network_input(pictures, preprocess, runtime)
    with runtime.autocast():
        answer = answered(network, images, preprocess.mirrored)
    return torch.cat([answer, mean_colour(images)], 1).cpu()


def mean_colour(images: Tensor) -> Tensor:
    return images.float().mean((2, 3))


@dataclass(frozen=True)
class Colour:
    path: str
    colour: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"path": self.path, "colour": list(self.colour)}


@dataclass(frozen=True)
class Found:
    total: int
    loss: float
    error: float
    interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        return {"pictures": self.total, **asdict(self), "interval": list(self.interval)}


class ColourMetric:
    def __init__(self, names: tuple[str, ...]) -> None:
        self.off: list[Tensor] = []

    def add(self, output: Tensor, targets: Any) -> None:
        self.off.append((output[:, :3] - output[:, 3:]).double())

    def merge(self, other: ColourMetric) -> None:
        self.off += other.off

    def figures(self) -> dict[str, float]:
        off = torch.cat(self.off)
        return {"loss": float(off.square().mean()), "error": float(off.abs().mean())}

    def result(self) -> Found:
        squares = torch.cat(self.off).square().mean(1)
        spread = 1.96 * float(squares.std()) / len(squares) ** 0.5
        mean = float(squares.mean())
        off = float(torch.cat(self.off).abs().mean())
        return Found(len(squares), mean, off, (mean - spread, mean + spread))


def read(output: np.ndarray, names: tuple[str, ...], paths: Sequence[str], top: int) -> list[Colour]:
    return [Colour(path, tuple(row[:3])) for path, row in zip(paths, output.tolist(), strict=True)]


MEAN_COLOUR = Task(
    name="mean_colour",
    figures=(
        Figure("loss", "squared error", "loss", higher_is_better=False),
        Figure("error", "error", "error", higher_is_better=False),
    ),
    outputs=lambda names: 3,
    losses=losses,
    predict=predict,
    metric=ColourMetric,
    read=read,
    captions=lambda targets, names: ["coloured"] * len(targets),
    examples=lambda found, dataset, numbers, white: [],
    phases=("layer3", "fc"),
)
