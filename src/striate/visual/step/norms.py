"""Layers that normalise: batch, instance, layer, group and RMS norm, local response normalisation, softmax."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from striate.visual.step.calls import Call
from striate.visual.step.worked import Place, Terms, Worked, grid, numbers_at, single, terms

Affine = tuple[Any, Any]
"""Weight and bias, tensors or None."""
STANDARD = "(x − mean) / √(variance + ε)"


def batch_norm(call: Call, place: Place) -> Worked:
    """By the mean and variance that training kept; by those of the maps where none were kept."""
    given = call.bound("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    eps = 1e-5 if given["eps"] is None else given["eps"]
    affine = given["weight"], given["bias"]
    x, channel = given["input"], place[1]
    if given["training"] or given["running_mean"] is None:
        spans = [torch.arange(size) for size in x.shape]
        spans[1] = torch.tensor([channel])
        return _by_its_own(call, place, grid(*spans), affine, (channel,), eps)
    mean, variance = given["running_mean"], given["running_var"]
    m, v, value = float(mean[channel]), float(variance[channel]), float(x[place])
    deviation = math.sqrt(v + eps)
    standard = (value - m) / deviation
    scale, shift, found = _affine(call, affine, (channel,), standard)
    read = single(call.number(x), place, value, scale / deviation)
    steps = (("kept mean", m), ("kept variance", v), ("ε", eps), (STANDARD, standard))
    return Worked(scale * standard + shift, _written(affine), (read, *found), steps)


def instance_norm(call: Call, place: Place) -> Worked:
    """By the mean and variance of one map."""
    names = ("input", "running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps")
    given = call.bound(*names)
    if given["use_input_stats"] is False:
        return batch_norm(call, place)  # whose arguments stand in the same order
    spans = [torch.arange(size) for size in given["input"].shape]
    spans[:2] = torch.tensor([place[0]]), torch.tensor([place[1]])
    eps = 1e-5 if given["eps"] is None else given["eps"]
    return _by_its_own(call, place, grid(*spans), (given["weight"], given["bias"]), (place[1],), eps)


def group_norm(call: Call, place: Place) -> Worked:
    """By the mean and variance of a group of channels."""
    given = call.bound("input", "num_groups", "weight", "bias", "eps")
    x = given["input"]
    size = x.shape[1] // given["num_groups"]
    first = place[1] // size * size
    spans = [torch.arange(side) for side in x.shape]
    spans[:2] = torch.tensor([place[0]]), torch.arange(first, first + size)
    eps = 1e-5 if given["eps"] is None else given["eps"]
    return _by_its_own(call, place, grid(*spans), (given["weight"], given["bias"]), (place[1],), eps)


def layer_norm(call: Call, place: Place) -> Worked:
    """By the mean and variance over the last axes."""
    given = call.bound("input", "normalized_shape", "weight", "bias", "eps")
    x = given["input"]
    shape = given["normalized_shape"]
    over = 1 if isinstance(shape, int) else len(shape)
    kept = [torch.tensor([index]) for index in place[: x.dim() - over]]
    places = grid(*kept, *(torch.arange(size) for size in x.shape[x.dim() - over :]))
    eps = 1e-5 if given["eps"] is None else given["eps"]
    return _by_its_own(call, place, places, (given["weight"], given["bias"]), place[x.dim() - over :], eps)


def _by_its_own(call: Call, place: Place, places: Tensor, affine: Affine, at: Place, eps: float) -> Worked:
    """By the mean and variance of what stands at places. at: of weight and bias."""
    x = call.tensors[0]
    values = numbers_at(x, places)
    mean = float(values.mean())
    variance = float((values - mean).square().mean())
    deviation = math.sqrt(variance + eps)
    standards = (values - mean) / deviation
    own = (places == torch.tensor(place)).all(1)
    standard = float(standards[own])
    scale, shift, found = _affine(call, affine, at, standard)
    derivatives = scale / deviation * (own.to(x) - (1 + standards * standard) / len(values))
    steps = (("mean", mean), ("variance", variance), ("ε", eps), (STANDARD, standard))
    read = terms(0, places, values, derivatives)
    return Worked(scale * standard + shift, _written(affine), (read, *found), steps)


def _affine(call: Call, affine: Affine, at: Place, standard: float) -> tuple[float, float, list[Terms]]:
    weight, bias = affine
    found = []
    scale, shift = 1.0, 0.0
    if weight is not None:
        scale = float(weight[at])
        found.append(single(call.number(weight), at, scale, standard))
    if bias is not None:
        shift = float(bias[at])
        found.append(single(call.number(bias), at, shift, 1.0))
    return scale, shift, found


def _written(affine: Affine) -> str:
    weight, bias = affine
    return f"{STANDARD}{'' if weight is None else ' · w'}{'' if bias is None else ' + b'}"


def local_response_norm(call: Call, place: Place) -> Worked:
    """By the squares of the neighbouring channels at the same place. Krizhevsky et al. 2012, section 3.3."""
    given = call.bound("input", "size", "alpha", "beta", "k")
    x, size = given["input"], given["size"]
    usual = {"alpha": 1e-4, "beta": 0.75, "k": 1.0}
    alpha, beta, k = (usual[name] if given[name] is None else float(given[name]) for name in usual)
    first = max(0, place[1] - size // 2)
    channels = torch.arange(first, min(x.shape[1], place[1] + (size - 1) // 2 + 1))
    places = grid(torch.tensor([place[0]]), channels, *(torch.tensor([index]) for index in place[2:]))
    values = numbers_at(x, places)
    squares = float(values.square().sum())
    base = k + alpha / size * squares
    own = channels == place[1]
    value = float(values[own])
    derivatives = own.to(x) * base**-beta - 2 * alpha / size * beta * value * values * base ** (-beta - 1)
    steps = (("sum of squares", squares), (f"{k:g} + {alpha / size:g} · sum of squares", base), ("x", value))
    formula = f"x / ({k:g} + {alpha / size:g} · sum of squares) to the power {beta:g}"
    return Worked(value * base**-beta, formula, (terms(0, places, values, derivatives),), steps)


def softmax(call: Call, place: Place) -> Worked:
    """The exponential, over the sum of all along the axis."""
    return _softmax(call, place, logarithm=False)


def log_softmax(call: Call, place: Place) -> Worked:
    """Its logarithm."""
    return _softmax(call, place, logarithm=True)


def _softmax(call: Call, place: Place, *, logarithm: bool) -> Worked:
    given = call.bound("input", "dim")
    x, axis = given["input"], given["dim"]
    axis = axis % x.dim() if axis is not None else 1
    spans = [torch.tensor([index]) for index in place]
    spans[axis] = torch.arange(x.shape[axis])
    places = grid(*spans)
    values = numbers_at(x, places)
    exponentials = (values - values.max()).exp()
    total = float(exponentials.sum())
    shares, own = exponentials / total, places[:, axis] == place[axis]
    share, mine = float(shares[own]), float(values[own])
    derivatives = own.to(x) - shares if logarithm else share * (own.to(x) - shares)
    largest = float(values.max())
    steps = (("x", mine), ("largest x", largest), ("sum of exp(x − largest)", total))
    value = mine - largest - math.log(total) if logarithm else share
    formula = "exp(x − largest) / sum of exp(x − largest)"
    return Worked(
        value, f"logarithm of {formula}" if logarithm else formula, (terms(0, places, values, derivatives),), steps
    )
