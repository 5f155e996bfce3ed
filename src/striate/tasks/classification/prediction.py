"""What a classifier answers, and what a person is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from striate.core.one_screen import OneScreen
from striate.core.records import Preprocess
from striate.runtime.inference import answered, network_input
from striate.runtime.runtime import Runtime

# Of the largest logit: some times what rounding to bf16 moves a difference of two by (benchmarks/evaluation.md).
NEAR_TIE = 1 / 32


@dataclass(frozen=True, repr=False)
class Prediction(OneScreen):
    """What a network says of one picture; label and probability are None where `problem` says why there are none.

    top: the most probable classes with their probabilities, best first.
    """

    path: str
    label: str | None
    probability: float | None
    top: tuple[tuple[str, float], ...]
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "top": [{"label": label, "probability": probability} for label, probability in self.top],
            **({"problem": self.problem} if self.problem else {}),
        }

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        if self.problem:
            return {"path": self.path, "problem": self.problem}
        return {"path": self.path, **{label: f"{probability:.1%}" for label, probability in self.top}}


def predict_logits(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Logits (N, classes), float32 on the CPU, of uint8 working-size pictures (N, C, h, w).

    With `preprocess.mirrored` they are the mean over the picture and its mirror image. In 16 bits, pictures whose two
    likeliest classes are nearly equal are computed again in fp32, so that the answers are fp32's.
    """
    images = network_input(pictures, preprocess, runtime)
    with runtime.autocast():
        logits = answered(network, images, preprocess.mirrored)
    if runtime.precision != "fp32" and len(close := _near_ties(logits)):
        logits[close] = answered(network, runtime.images(images[close]), preprocess.mirrored)
    return logits.cpu()


def _near_ties(logits: Tensor) -> Tensor:
    """Which rows have two largest logits so close that rounding in 16 bits could exchange them."""
    if logits.shape[1] == 1:
        return torch.empty(0, dtype=torch.long)
    first, second = logits.topk(2).values.unbind(1)
    return (first - second < NEAR_TIE * logits.abs().amax(1)).nonzero()[:, 0]


def read(logits: Tensor, names: tuple[str, ...], paths: Sequence[str], top: int) -> list[Prediction]:
    """The `top` most probable classes of every picture."""
    best = logits.softmax(1).topk(min(top, len(names)), dim=1)
    predictions = []
    for path, values, numbers in zip(paths, best.values.tolist(), best.indices.tolist(), strict=True):
        ranked = tuple((names[number], value) for number, value in zip(numbers, values, strict=True))
        predictions.append(Prediction(path, *ranked[0], top=ranked))
    return predictions
