"""A learner as a page shows it at one step: losses, weights, a picture of every neuron, the line; in few bytes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch

from striate.playground.learner import Learner
from striate.playground.plane import grid, level_lines

SIDE, NEURON_SIDE = 48, 24  # cells of the output's picture, and of a neuron's, along a side
LEVELS = 127  # of a byte, either way from 0
LINE_UNITS = 256  # in a cell, of the ends of lines
MARGIN = (-1.0, 0.0, 1.0)  # of a support vector machine: the line, and where the hinge begins on either side


def frame(learner: Learner) -> bytes:
    """A line of JSON, and then bytes.

    The JSON has `step`, `loss` and `accuracy` of training and test (null of no points), `weights` and `biases` of every
    layer, `scales` of the pictures of features and hidden neurons, layer by layer, and how many pieces `lines` have at
    each of `levels`. The bytes are the output's picture, 48 x 48 of -127 to 127 for -1 to 1, row by row from the
    largest x2; those of the features and neurons, 24 x 24, for -scale to scale; then the pieces of the lines, each
    column and row of both ends in 16 bits, in 1/256 of the output's cells from the middle of the first.
    """
    with torch.no_grad():
        maps = [layer.T.reshape(-1, SIDE, SIDE).numpy() for layer in learner.network.maps(grid(SIDE))]
    (output,) = maps[-1]
    neurons = np.concatenate(maps[:-1])[:, ::2, ::2]
    scales = np.maximum(np.abs(neurons).max((1, 2)), 1e-9)
    levels = MARGIN if learner.settings.learner == "svm" else (0.0,)
    lines = [level_lines(output, level) for level in levels]
    head = _facts(learner) | {
        "scales": _rounded(scales),
        "levels": levels,
        "lines": [len(pieces) for pieces in lines],
    }
    # What a network says is a probability: tanh(score / 2) is 2 p - 1.
    shown = np.tanh(output / 2) if learner.settings.learner == "network" else output
    contents = [
        _in_bytes(shown),
        _in_bytes(neurons / scales[:, None, None]),
        (np.concatenate(lines) * LINE_UNITS).round().astype("<u2").tobytes(),
    ]
    return b"".join([json.dumps(head, separators=(",", ":")).encode("ascii"), b"\n", *contents])


def _facts(learner: Learner) -> dict[str, Any]:
    train, test = learner.score()
    return {
        "step": learner.step,
        "loss": [_number(train.loss), _number(test.loss)],
        "accuracy": [_number(train.accuracy), _number(test.accuracy)],
        "weights": [_rounded(layer.weight.detach().numpy()) for layer in learner.network.linears],
        "biases": [_rounded(layer.bias.detach().numpy()) for layer in learner.network.linears],
    }


def _number(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None


def _rounded(values: np.ndarray) -> Any:
    """To four digits after the point; what has left all bounds is shown as 0, as in the pictures."""
    return np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0).round(4).tolist()


def _in_bytes(values: np.ndarray) -> bytes:
    return bytes((np.nan_to_num(values).clip(-1, 1) * LEVELS).round().astype(np.int8))
