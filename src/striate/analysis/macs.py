"""How many multiply-accumulates an operator does.

Counted are convolutions and matrix products: weights x positions. Biases, normalisation, pooling, activations and
everything element by element are not; a summary lists them by name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

Shape = tuple[int, ...]


def convolution_macs(image: Shape, weight: Shape, output: Shape, *, transposed: bool) -> int:
    """Every weight is used once per position: of the output, or of the input where the convolution is transposed.

    image (N, C, ...), weight as torch keeps it (its groups make it smaller), output (N, D, ...).

    >>> convolution_macs((1, 3, 224, 224), (64, 3, 7, 7), (1, 64, 112, 112), transposed=False) == 64*3*7*7 * 112*112
    True
    >>> convolution_macs((1, 8, 4, 4), (8, 5, 2, 2), (1, 5, 8, 8), transposed=True) == 8*5*2*2 * 4*4
    True
    """
    batch, _, *positions = image if transposed else output
    return batch * prod(positions) * prod(weight)


def product_macs(left: Shape, right: Shape) -> int:
    """Matrix product (..., m, k) x (k, n) or (..., m, k) x (..., k, n), or a product with a vector (k,).

    >>> product_macs((10, 4, 8), (10, 8, 5)) == 10 * 4 * 8 * 5
    True
    """
    return prod(left) * (right[-1] if len(right) > 1 else 1)


def attention_macs(query: Shape, key: Shape, value: Shape) -> int:
    """Scores, query (..., L, E) x key (..., S, E), then their product with value (..., S, D).

    >>> attention_macs((1, 8, 100, 64), (1, 8, 50, 64), (1, 8, 50, 32)) == 8 * 100 * 50 * (64 + 32)
    True
    """
    return prod(query) * key[-2] + prod(query[:-1]) * prod(value[-2:])


def _convolution(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    return convolution_macs(shapes[0], shapes[1], output, transposed=bool(arguments[6]))


def _first_two(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    return product_macs(shapes[0], shapes[1])


def _after_a_bias(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    return product_macs(shapes[1], shapes[2])


def _linear(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    return prod(shapes[0]) * output[-1]


def _attention(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    return attention_macs(shapes[0], shapes[1], shapes[2])


Rule = Callable[[list[Shape], Shape, tuple[Any, ...]], int]
"""Shapes of the tensors that go in, shape of the first that comes out, arguments: multiply-accumulates."""

# operator: its rule; everything that is not here has no multiply-accumulates that we count
RULES: dict[str, Rule] = {
    "convolution": _convolution,
    "mm": _first_two,
    "bmm": _first_two,
    "mv": _first_two,
    "dot": _first_two,
    "vdot": _first_two,
    "addmm": _after_a_bias,
    "baddbmm": _after_a_bias,
    "addbmm": _after_a_bias,
    "addmv": _after_a_bias,
    "linear": _linear,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_cudnn_attention": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
}
