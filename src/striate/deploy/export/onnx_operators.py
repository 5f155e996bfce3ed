"""Operators of detectors that torch's exporter does not know, by those that ONNX has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import striate.ops.suppression  # noqa: F401 - which defines the operator

FLOAT = 1  # TensorProto.FLOAT


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """By torch's operator, what writes it; as `torch.onnx.export` takes them."""
    return {
        torch.ops.aten.sort.stable: _sort,
        torch.ops.striate.kept_of_sorted.default: _kept_of_sorted,
    }


def _operators() -> Any:
    from onnxscript import opset18

    return opset18


def _sort(values: Any, stable: bool = True, dim: int = -1, descending: bool = False) -> Any:
    """TopK of all: "given two equivalent values, ... the lower index will appear first" (ONNX, TopK)."""
    op = _operators()
    length = op.Gather(op.Shape(values), op.Constant(value_ints=[dim]))
    return op.TopK(values, length, axis=dim, largest=int(descending), sorted=1)


def _kept_of_sorted(boxes: Any, there: Any, labels: Any, iou_threshold: float, most: int) -> Any:
    """NonMaxSuppression, which is classwise by a row of scores for each class, 0 for boxes of others.

    As scores it has how many boxes are not better, so that those of equal scores keep their order; corners may be told
    in any order of the axes.
    """
    op = _operators()
    zero, one, none = op.Constant(value_int=0), op.Constant(value_int=1), op.Constant(value_float=0.0)
    count, second = op.Squeeze(op.Shape(labels, start=1, end=2)), op.Constant(value_ints=[1])
    worth = op.Where(there, op.Cast(op.Range(count, zero, op.Neg(one)), to=FLOAT), none)
    classes = op.Range(zero, op.Add(op.ReduceMax(labels, keepdims=0), one), one)
    of_class = op.Equal(op.Unsqueeze(labels, second), op.Unsqueeze(classes, second))
    scores = op.Where(of_class, op.Unsqueeze(worth, second), none)
    chosen = op.NonMaxSuppression(
        boxes,
        scores,
        op.Constant(value_ints=[most]),
        op.Constant(value_floats=[iou_threshold]),
        op.Constant(value_floats=[0.0]),
    )  # picture, class and place of each
    places = op.Gather(chosen, op.Constant(value_ints=[0, 2]), axis=1)
    ones = op.Expand(op.Constant(value_float=1.0), op.Shape(chosen, start=0, end=1))
    return op.Greater(op.ScatterND(op.Expand(none, op.Shape(labels)), places, ones), none)
