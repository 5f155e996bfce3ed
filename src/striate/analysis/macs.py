"""How many multiply-accumulates an operator does.

Counted are convolutions and matrix products: weights x positions. Biases, normalisation, pooling, activations and
everything element by element are not; a summary lists them by name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from striate.meta.shapes import Shape


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


def _tokens_first(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    """Query (N, L, heads, E), key and value (N, S, heads, E)."""
    query, key, value = ((shape[0], *shape[2:-1], shape[1], shape[-1]) for shape in shapes[:3])
    return attention_macs(query, key, value)


def _time_first(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    """conv_tbc: images (T, N, C), weights (K, C, D), output (T', N, D)."""
    return prod(output[:2]) * prod(shapes[1])


def _direct(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    return convolution_macs(shapes[0], shapes[1], output, transposed=False)


def _direct_transposed(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    return convolution_macs(shapes[0], shapes[1], output, transposed=True)


def _packed(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    """A quantised convolution, whose weights are packed into an object of torch's."""
    weight = shapes[1] if len(shapes) > 1 else tuple(arguments[1].unpack()[0].shape)
    return convolution_macs(shapes[0], weight, output, transposed=False)


def _bilinear(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    """Weights (D, A, B) between features A and B: each once per position."""
    return prod(shapes[1][-3:]) * prod(output[:-1])


def _lstm_layer(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    """Images (T, N, C) with the weights of what comes in and of the state."""
    return prod(shapes[0][:2]) * (prod(shapes[1]) + prod(shapes[2]))


def _attention_layer(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    """Query (N, L, E), key and value (N, S, E): their projections, the attention, the last projection."""
    (batch, queries, width), keys = shapes[0], shapes[1][1]
    return batch * width * (2 * queries * width + 2 * keys * width + 2 * queries * keys)


def _encoder_layer(shapes: list[Shape], output: Shape, arguments: tuple[Any, ...]) -> int:
    """Attention to itself, then two dense layers; weights and biases of four norms stand between."""
    batch, tokens, _ = shapes[0]
    return _attention_layer([shapes[0]] * 3, output, ()) + batch * tokens * (prod(shapes[9]) + prod(shapes[11]))


Rule = Callable[[list[Shape], Shape, tuple[Any, ...]], int]
"""Shapes of the tensors that go in, shape of the first that comes out, arguments: multiply-accumulates."""

# convolutions by one way of computing, which `convolution` calls and a trace sees where they are called by name
DIRECT = (
    *("_slow_conv2d_forward", "slow_conv3d_forward", "slow_conv_dilated2d", "slow_conv_dilated3d"),
    *("_conv_depthwise2d", "conv_depthwise3d", "mkldnn_convolution", "_nnpack_spatial_convolution"),
    *("cudnn_convolution", "cudnn_convolution_relu", "cudnn_convolution_add_relu", "_mps_convolution"),
    *("miopen_convolution", "miopen_convolution_relu", "miopen_convolution_add_relu", "miopen_depthwise_convolution"),
)
DIRECT_TRANSPOSED = (
    *("slow_conv_transpose2d", "slow_conv_transpose3d", "cudnn_convolution_transpose"),
    *("miopen_convolution_transpose", "_mps_convolution_transpose"),
)

# operator: its rule; everything that is not here has no multiply-accumulates that we count
RULES: dict[str, Rule] = {
    **dict.fromkeys(("convolution", "_convolution", "convolution_overrideable"), _convolution),
    "conv_tbc": _time_first,
    **dict.fromkeys(DIRECT, _direct),
    **dict.fromkeys(DIRECT_TRANSPOSED, _direct_transposed),
    **dict.fromkeys([f"conv{axes}d{relu}" for axes in (1, 2, 3) for relu in ("", "_relu")], _packed),  # quantised
    "_trilinear": _bilinear,
    "mkldnn_rnn_layer": _lstm_layer,
    "_native_multi_head_attention": _attention_layer,
    "_transformer_encoder_layer_fwd": _encoder_layer,
    "mm": _first_two,
    "bmm": _first_two,
    "mv": _first_two,
    "dot": _first_two,
    "vdot": _first_two,
    **dict.fromkeys(("_int_mm", "_scaled_mm", "_scaled_mm_v2"), _first_two),
    "addmm": _after_a_bias,
    "_addmm_activation": _after_a_bias,
    "baddbmm": _after_a_bias,
    "addbmm": _after_a_bias,
    "addmv": _after_a_bias,
    **dict.fromkeys(("linear", "linear_relu", "linear_dynamic", "linear_relu_dynamic", "mkldnn_linear"), _linear),
    **dict.fromkeys(("_weight_int8pack_mm", "_weight_int4pack_mm", "_weight_int4pack_mm_for_cpu"), _linear),
    **dict.fromkeys(("_weight_int4pack_mm_with_scales_and_zeros", "_dyn_quant_matmul_4bit"), _linear),
    **dict.fromkeys(("_grouped_mm", "_scaled_grouped_mm", "_scaled_grouped_mm_v2"), _linear),
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    **dict.fromkeys(("_flash_attention_forward", "_efficient_attention_forward"), _tokens_first),
    "_scaled_dot_product_cudnn_attention": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
}
