"""What stands in for a network's tensors while it is asked what it costs.

`META` has shapes and no numbers, which is enough for most networks and takes no memory. Two others are for the rest:
`PROCESSOR` has shapes and no numbers either, but runs whatever kernel the processor would run (torch's fake tensors,
whose first use takes seconds); `REAL` are copies with numbers, for networks whose path depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from striate.meta.shapes import META as META_DEVICE
from striate.meta.shapes import Shape


class StandIn(NamedTuple):
    """A kind of tensors to run a network on.

    name: as a summary says it. of: what takes the place of a tensor. blank: a new one of a shape and a number type.
    within: what must be entered before either is used.
    """

    name: str
    of: Callable[[Tensor], Tensor]
    blank: Callable[[Shape, torch.dtype], Tensor]
    within: Callable[[], AbstractContextManager[Any]]


def twin(tensor: Tensor) -> Tensor:
    """A tensor on the meta device with the shape, type and gradient flag of another; it takes no memory.

    >>> twin(torch.zeros(2, 3)).device, twin(torch.zeros(2, 3)).shape
    (device(type='meta'), torch.Size([2, 3]))
    """
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=META_DEVICE, requires_grad=tensor.requires_grad)


def _fake(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu", requires_grad=tensor.requires_grad)


def _fake_mode() -> AbstractContextManager[Any]:
    from torch._subclasses.fake_tensor import FakeTensorMode  # imports torch's compiler

    return FakeTensorMode(allow_non_fake_inputs=True)


def _copy(tensor: Tensor) -> Tensor:
    """On the processor; a weight that has no numbers is 0."""
    if tensor.is_meta:
        return torch.zeros(tensor.shape, dtype=tensor.dtype, requires_grad=tensor.requires_grad)
    return tensor.detach().to("cpu", copy=True).requires_grad_(tensor.requires_grad)


def _drawn(shape: Shape, dtype: torch.dtype) -> Tensor:
    """The same numbers whenever it is asked, N(0, 1)."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)


@contextmanager
def _layer_by_layer() -> Iterator[None]:
    """Transformer layers run their parts one by one, not as one operator."""
    was_on = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_on)


META = StandIn("meta", twin, lambda shape, dtype: torch.empty(shape, dtype=dtype, device=META_DEVICE), nullcontext)
PROCESSOR = StandIn("processor", _fake, lambda shape, dtype: torch.empty(shape, dtype=dtype, device="cpu"), _fake_mode)
REAL = StandIn("real", _copy, _drawn, _layer_by_layer)
