"""Multiply-accumulates: every operator of torch that multiplies matrices or convolves is counted or named here."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry

from striate.analysis.macs import RULES
from striate.analysis.summary import summarize

MULTIPLIES = re.compile(
    r"conv|mm|matmul|linear|attention|encoder_layer|dot|(^|_)mv|addmv|lstm|gru|rnn|addr|cdist|hspmm"
)
PREPARES = re.compile(
    r"backward|comm|prelu|gamma|nested_get|convert|flatten|prepack|pack_(gemm|quant)|upsample|reorder|quantize_weight"
    r"|cummax|cummin|hamming|linear_combination|search|_linear1d"
)
# Not counted, by intention: a summary lists them by name as operators without multiply-accumulates.
NOT_COUNTED = {
    "sparse, where the shape does not tell the work": {
        "_cslt_sparse_mm", "_sparse_addmm", "_sparse_mm_reduce_impl", "_sparse_semi_structured_addmm",
        "_sparse_semi_structured_linear", "_sparse_semi_structured_mm", "_sparse_sparse_matmul", "hspmm",
        "sparse_sampled_addmm", "sspaddmm",
    },
    "of devices on which nothing is traced": {
        "_cudnn_attention_forward", "_cudnn_rnn", "_flash_attention_forward_no_dropout_inplace", "_lstm_mps",
        "miopen_rnn", "_mixed_dtypes_linear", "_scaled_dot_product_attention_math_for_mps", "_thnn_fused_gru_cell",
        "_thnn_fused_lstm_cell", "_triton_multi_head_attention", "_triton_scaled_dot_attention",
    },
    "products inside them are made by operators that are counted": {"_foreach_mm", "quantized_gru", "quantized_lstm"},
    "no weights: outer products and distances": {"addr", "addr_", "_cdist_forward"},
}  # fmt: skip


def is_composite(schema: torch._C.FunctionSchema) -> bool:
    """Whether torch takes it apart before a trace sees it."""
    name = f"{schema.name}.{schema.overload_name}" if schema.overload_name else schema.name
    return torch._C._dispatch_has_kernel_for_dispatch_key(name, "CompositeImplicitAutograd")


def test_every_operator_that_multiplies_is_counted_or_named() -> None:
    native = torch.ops.aten
    schemas = [schema for schema in torch._C._jit_get_all_schemas() if schema.name.startswith("aten::")]
    names = {
        schema.name.removeprefix("aten::")
        for schema in schemas
        if hasattr(native, schema.name.removeprefix("aten::"))
        and MULTIPLIES.search(schema.name.removeprefix("aten::"))
        and not PREPARES.search(schema.name)
        and torch._C._dispatch_has_kernel(schema.name + ("." + schema.overload_name) * bool(schema.overload_name))
        and not is_composite(schema)
    }
    unknown = {name for name in names if name not in RULES and name.rstrip("_") not in RULES}
    assert {"mm", "convolution", "conv_tbc", "_addmm_activation", "addmm_"} <= names
    assert unknown - set().union(*NOT_COUNTED.values()) == set()


def test_what_torch_counts_is_counted() -> None:
    names = {str(operator).split(".")[-1] for operator in flop_registry}
    forward = {name for name in names if "backward" not in name}
    assert forward - set(RULES) == {"flex_attention"}  # a higher operator, which torch takes apart for the processor


class Function(nn.Module):
    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.function(*tensors)


CASES: list[tuple[str, Callable[..., Tensor], list[tuple[int, ...]], int]] = [
    ("conv_tbc", torch.conv_tbc, [(9, 2, 4), (3, 4, 5), (5,)], 7 * 2 * 3 * 4 * 5),
    ("activation", lambda b, x, w: torch._addmm_activation(b, x, w), [(5,), (3, 4), (4, 5)], 3 * 4 * 5),
    ("in place", lambda y, x, w: y.clone().addmm_(x, w), [(3, 5), (3, 4), (4, 5)], 3 * 4 * 5),
    ("batches in place", lambda y, x, w: y.clone().baddbmm_(x, w), [(2, 3, 5), (2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
    ("bilinear", F.bilinear, [(2, 4), (2, 5), (6, 4, 5)], 2 * 4 * 5 * 6),
    ("transposed", F.conv_transpose2d, [(1, 3, 4, 4), (3, 5, 2, 2)], 3 * 5 * 2 * 2 * 16),
    ("einsum", lambda x, y: torch.einsum("nld,nsd->nls", x, y), [(2, 3, 4), (2, 5, 4)], 2 * 3 * 4 * 5),
]


@pytest.mark.parametrize(("function", "shapes", "macs"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_by_hand(function: Callable[..., Tensor], shapes: list[tuple[int, ...]], macs: int) -> None:
    assert summarize(Function(function), inputs=shapes).macs == macs


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.LSTM(5, 7, 2, batch_first=True), (2, 6, 5)),
        (nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), (2, 6, 16)),
    ],
    ids=["LSTM", "TransformerEncoderLayer"],
)
def test_as_one_operator_of_the_processor(layer: nn.Module, shape: tuple[int, ...]) -> None:
    """Timing runs the processor's fused operators, and counts the same."""

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            made = self.layer(x)
            return made[0] if isinstance(made, tuple) else made

    from striate.analysis.timing import time_layers

    timed = time_layers(Whole(), shape[1:], batch=shape[0], repeats=1)
    assert sum(row.macs for row in timed.rows) == summarize(Whole(), inputs=shape).macs
