"""What is done to each number by itself, and sums, products and quotients of maps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from striate.core.errors import StriateError
from striate.visual.step.calls import Call
from striate.visual.step.windows import mean_of
from striate.visual.step.worked import Place, Worked, grid, single

Curve = Callable[[float, list[Any]], tuple[float, float]]
"""Of x and the further arguments: value and derivative, as torch has it at kinks."""


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _gelu(x: float, more: list[Any]) -> tuple[float, float]:
    if more[0] == "tanh":
        inner, slope = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3), math.sqrt(2 / math.pi) * (1 + 0.134145 * x * x)
        bent = math.tanh(inner)
        return 0.5 * x * (1 + bent), 0.5 * (1 + bent) + 0.5 * x * (1 - bent**2) * slope
    share = 0.5 * (1 + math.erf(x / math.sqrt(2)))
    return x * share, share + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _exponential(x: float, alpha: float, scale: float = 1.0, spread: float = 1.0) -> tuple[float, float]:
    if x > 0:
        return scale * x, scale
    return scale * alpha * math.expm1(x / spread), scale * alpha / spread * math.exp(x / spread)


def _between(x: float, low: float, high: float, *, ends: bool = False) -> tuple[float, float]:
    return min(max(x, low), high), float(low <= x <= high if ends else low < x < high)


def _softplus(x: float, beta: float, threshold: float) -> tuple[float, float]:
    return (x, 1.0) if x * beta > threshold else (math.log1p(math.exp(beta * x)) / beta, _sigmoid(beta * x))


def _hardswish(x: float) -> tuple[float, float]:
    return (0.0, 0.0) if x <= -3 else (x, 1.0) if x >= 3 else (x * (x + 3) / 6, x / 3 + 0.5)


# fmt: off
CURVES: dict[str, tuple[str, tuple[tuple[str, Any], ...], Curve]] = {
    "relu": ("x above 0, else 0", (), lambda x, _: (max(x, 0.0), float(x > 0))),
    "relu6": ("x between 0 and 6", (), lambda x, _: _between(x, 0, 6)),
    "hardtanh": ("x between two ends", (("min_val", -1.0), ("max_val", 1.0)), lambda x, m: _between(x, m[0], m[1])),
    "clamp": ("x between two ends", (("min", -math.inf), ("max", math.inf)),
              lambda x, m: _between(x, m[0], m[1], ends=True)),
    "leaky_relu": ("x above 0, else x times the slope", (("negative_slope", 0.01),),
                   lambda x, m: (x, 1.0) if x > 0 else (m[0] * x, float(m[0]))),
    "elu": ("x above 0, else α · (exp(x) − 1)", (("alpha", 1.0),), lambda x, m: _exponential(x, m[0])),
    "celu": ("x above 0, else α · (exp(x / α) − 1)", (("alpha", 1.0),), lambda x, m: _exponential(x, m[0], 1.0, m[0])),
    "selu": ("1.0507 · (x above 0, else 1.6733 · (exp(x) − 1))", (),
             lambda x, _: _exponential(x, 1.6732632423543772848, 1.0507009873554804934)),
    "gelu": ("x times the normal distribution's share below x", (("approximate", "none"),), _gelu),
    "silu": ("x / (1 + exp(−x))", (), lambda x, _: (x * (s := _sigmoid(x)), s * (1 + x * (1 - s)))),
    "sigmoid": ("1 / (1 + exp(−x))", (), lambda x, _: (s := _sigmoid(x), s * (1 - s))),
    "tanh": ("tanh(x)", (), lambda x, _: (t := math.tanh(x), 1 - t * t)),
    "softplus": ("log(1 + exp(β · x)) / β", (("beta", 1.0), ("threshold", 20.0)), lambda x, m: _softplus(x, *m)),
    "hardsigmoid": ("(x + 3) / 6 between 0 and 1", (), lambda x, _: (min(max(x / 6 + 0.5, 0), 1), (-3 < x < 3) / 6)),
    "hardswish": ("x · ((x + 3) / 6 between 0 and 1)", (), lambda x, _: _hardswish(x)),
    "square": ("x · x", (), lambda x, _: (x * x, 2 * x)),
    "neg": ("−x", (), lambda x, _: (-x, -1.0)),
    "abs": ("|x|", (), lambda x, _: (abs(x), float(x > 0) - float(x < 0))),
    "exp": ("exp(x)", (), lambda x, _: (math.exp(x), math.exp(x))),
    "log": ("log(x)", (), lambda x, _: (math.log(x), 1 / x)),
    "sqrt": ("√x", (), lambda x, _: (math.sqrt(x), 0.5 / math.sqrt(x))),
    "rsqrt": ("1 / √x", (), lambda x, _: (x**-0.5, -0.5 * x**-1.5)),
    "pow": ("x to a power", (("exponent", 1.0),), lambda x, m: (x ** m[0], m[0] * x ** (m[0] - 1) if m[0] else 0.0)),
}
# fmt: on


def pointwise(call: Call, place: Place) -> Worked:
    """A function of one number."""
    formula, arguments, curve = CURVES[call.name]
    given = call.bound("input", *(name for name, _ in arguments))
    more = [usual if given[name] is None else given[name] for name, usual in arguments]
    if any(isinstance(each, Tensor) for each in more):
        raise StriateError(f"{call.name} with a tensor as its argument is not worked out; with a number it is")
    x = float(call.tensors[0][place])
    value, derivative = curve(x, more)
    steps = [("x", x), *((name, each) for (name, _), each in zip(arguments, more, strict=True) if each != "none")]
    numbers = tuple((name, float(each)) for name, each in steps if isinstance(each, int | float))
    return Worked(value, formula, (single(0, place, x, derivative),), numbers)


def prelu(call: Call, place: Place) -> Worked:
    """x above 0, else x times a trained slope, one for all channels or one each."""
    x, weight = call.tensors
    number, at = float(x[place]), (place[1] if len(weight) > 1 else 0,)
    slope = float(weight[at])
    below = number <= 0
    read = single(0, place, number, slope if below else 1.0)
    by = single(1, at, slope, number if below else 0.0)
    value = slope * number if below else number
    return Worked(value, "x above 0, else x · w", (read, by), (("x", number), ("w", slope)))


def dropout(call: Call, place: Place) -> Worked:
    """Nothing is dropped in use."""
    if call.bound("input", "p", "training")["training"] is not False and call.name != "alpha_dropout":
        raise StriateError("dropout that drops is not worked out; in evaluation mode it changes nothing")
    x = float(call.tensors[0][place])
    return Worked(x, "x, as nothing is dropped in use", (single(0, place, x, 1.0),))


def combined(call: Call, place: Place) -> Worked:
    """a + b, a − b, a · b or a / b, of maps, of parameters or of a number."""
    first, second = call.args[0], call.args[1] if len(call.args) > 1 else call.kwargs.get("other")
    name = call.name.removeprefix("i") if call.name in ("iadd", "isub", "imul", "itruediv") else call.name
    if name.startswith("r"):
        name, first, second = name[1:], second, first
    factor = float(call.kwargs.get("alpha", 1))
    a, b = (float(each[_at(each, place)]) if isinstance(each, Tensor) else float(each) for each in (first, second))
    operation = {"truediv": "div", "multiply": "mul", "subtract": "sub", "true_divide": "div"}.get(name, name)
    if operation == "mul":
        value, by_a, by_b, formula = a * b, b, a, "a · b"
    elif operation == "div":
        value, by_a, by_b, formula = a / b, 1 / b, -a / b**2, "a / b"
    else:
        sign = -factor if operation == "sub" else factor
        value, by_a, by_b = a + sign * b, 1.0, sign
        formula = f"a {'−' if sign < 0 else '+'} {'' if abs(sign) == 1 else f'{abs(sign):g} · '}b"
    pairs = ((0, first, a, by_a), (1, second, b, by_b))
    numbers = {order: number for number, order in enumerate(_tensor_order(call, first, second))}
    found = [single(numbers[order], _at(each, place), x, d) for order, each, x, d in pairs if order in numbers]
    return Worked(value, formula, tuple(found), (("a", a), ("b", b)))


def _tensor_order(call: Call, first: Any, second: Any) -> list[int]:
    """Which of (first, second) each of the call's tensors is."""
    return [0 if each is first else 1 for each in call.tensors if each is first or each is second]


def _at(tensor: Tensor, place: Place) -> Place:
    """Where a tensor that is spread to a shape stands at a place of it."""
    kept = place[len(place) - tensor.dim() :] if tensor.dim() else ()
    return tuple(0 if size == 1 else index for index, size in zip(kept, tensor.shape, strict=True))


def total(call: Call, place: Place) -> Worked:
    """The sum or the mean over axes."""
    given = call.bound("input", "dim", "keepdim")
    x, asked = given["input"], given["dim"]
    over = range(x.dim()) if asked is None else (asked,) if isinstance(asked, int) else asked
    axes = {axis % x.dim() for axis in over}
    kept = iter([index for axis, index in enumerate(place) if axis not in axes] if given["keepdim"] else place)
    spans = [torch.arange(size) if axis in axes else torch.tensor([next(kept)]) for axis, size in enumerate(x.shape)]
    places = grid(*spans)
    return mean_of(call, x, places, len(places) if call.name == "mean" else 1)
