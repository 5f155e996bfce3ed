"""Work space that oneDNN keeps between the passes of an LSTM, which nobody but oneDNN knows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import _disable_current_modes

aten = torch.ops.aten


def _lstm_layer(inputs: Tensor, *rest: Any) -> tuple[Tensor, ...] | None:
    """What a layer makes of tensors without numbers, which torch does with a work space of 0 bytes; None for others."""
    if type(inputs) is Tensor:
        return None
    made: tuple[Tensor, ...] = aten.mkldnn_rnn_layer.default(inputs, *rest)
    training = rest[-1]
    if not training:
        return made
    steps, batch, features = inputs.shape
    per_sequence = work_space_bytes(steps, features, made[1].shape[-1], inputs.dtype)
    return (*made[:3], torch.empty(batch * per_sequence, dtype=torch.uint8, device="cpu"))


@cache
def work_space_bytes(steps: int, features: int, hidden: int, dtype: torch.dtype) -> int:
    """Bytes for each sequence of a large batch, which oneDNN is asked by running 2 and 4 steps of it.

    In the number of steps it is linear; the bytes come in whole pages, so the batch is large where a layer is small.
    """
    batch = 16 + 4096 // hidden
    with _disable_current_modes(), torch.enable_grad():  # without, it keeps nothing
        two, four = (_measured(count, batch, features, hidden, dtype) for count in (2, 4))
    return max(two + (four - two) * (steps - 2) // 2, 0) // batch


def _measured(steps: int, batch: int, features: int, hidden: int, dtype: torch.dtype) -> int:
    weights = [torch.zeros(4 * hidden, width, dtype=dtype) for width in (features, hidden)]
    bias = torch.zeros(4 * hidden, dtype=dtype)
    state = torch.zeros(batch, hidden, dtype=dtype)
    inputs = torch.zeros(steps, batch, features, dtype=dtype)
    # not reversed, not packed, 2 for an LSTM, its size, one layer with biases, one direction, time first, training
    switches: tuple[Any, ...] = (False, [], 2, hidden, 1, True, False, False, True)
    made = aten.mkldnn_rnn_layer.default(inputs, *weights, bias, bias, state, state, *switches)
    return int(made[3].untyped_storage().nbytes())


# operator: what it makes of its arguments where they are tensors without numbers
WORK_SPACES: dict[OpOverload, Callable[..., Any]] = {aten.mkldnn_rnn_layer.default: _lstm_layer}
