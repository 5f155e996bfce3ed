"""Bytes that training keeps for the backward pass, and bytes that inference needs at its worst moment.

Both are of activations only: weights, their gradients and the optimizer's state come on top, whatever the picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.autograd.graph import saved_tensors_hooks

from striate.analysis.calls import set_mode
from striate.analysis.failures import failure
from striate.analysis.inputs import Inputs, batch_of, picture
from striate.analysis.trace import Trace, number_type
from striate.core.errors import StriateError
from striate.meta.shapes import Shape
from striate.meta.stand_ins import META, PROCESSOR, REAL, StandIn
from striate.meta.weightless import UNLIKE_THE_PROCESSOR, MetaMode, is_fused, weightless
from striate.models import Network

PRIME = 8191  # as a batch size it divides the bytes of a tensor exactly when the tensor grows with the batch


@dataclass(frozen=True)
class Kept:
    """What autograd keeps between the forward and the backward pass, besides the weights.

    per_picture_bytes: for each picture of a batch. fixed_bytes: once, such as the statistics of batch norm.
    """

    per_picture_bytes: int
    fixed_bytes: int

    def at(self, batch: int) -> int:
        """Bytes for a batch of this many pictures."""
        return batch * self.per_picture_bytes + self.fixed_bytes


def kept_for_training(model: nn.Module, shape: Shape) -> Kept:
    """Ask autograd itself, in training mode and without memory, which tensors it saves; each storage counts once.

    shape: (C, H, W) of one picture. The picture counts, as its first layer's gradient needs it; parameters and buffers
    do not, as they are there anyway. Auxiliary heads of a network of the zoo take part. Counted is what the processor's
    kernels keep: of attention, the fused one's. The model is left as it was.
    Raises StriateError, naming the module, when the network cannot be run in training mode.
    """
    inputs = picture(shape)
    with weightless(model) as parameters:
        fused = any(is_fused(module) for module in model.modules())
        kept = None if fused else kept_weightless(model, parameters, inputs)
    return kept or kept_on(model, inputs, PROCESSOR)


def kept_on(model: nn.Module, inputs: Inputs, stand_in: StandIn) -> Kept:
    """The same of any inputs, on a kind of tensors that does as the processor does."""
    with weightless(model, stand_in) as parameters:
        if stand_in is not REAL or not inputs.are_picture:
            kept = kept_weightless(model, parameters, inputs, stand_in)
            assert kept is not None  # noqa: S101 - our own invariant: only meta tensors differ from the processor
            return kept
        two, three = (_saved(model, parameters, batch_of(inputs, batch), REAL)[0] for batch in (2, 3))
    growing = sum(three.values()) - sum(two.values())
    return Kept(growing, sum(two.values()) - 2 * growing)


def kept_weightless(
    model: nn.Module, parameters: Mapping[str, Tensor], inputs: Inputs, stand_in: StandIn = META
) -> Kept | None:
    """The same for a model whose weights are already replaced by `parameters`, of the same kind.

    None where the processor is seen to keep something else than what runs on meta tensors does; layers that it runs
    as a whole (`is_fused`) are for the caller to know.
    """
    many = batch_of(inputs, PRIME) if inputs.are_picture else inputs
    sizes, follows_processor = _saved(model, parameters, many, stand_in)
    if stand_in is META and not follows_processor:
        return None
    growing = sum(size for size in sizes.values() if size % PRIME == 0) if inputs.are_picture else 0
    return Kept(growing // PRIME, sum(sizes.values()) - growing)


def _saved(
    model: nn.Module, parameters: Mapping[str, Tensor], inputs: Inputs, stand_in: StandIn
) -> tuple[dict[int, int], bool]:
    """Bytes of every storage that autograd saves, weights left out; whether all ran as the processor would run it."""
    saved: list[Tensor] = []
    autocast = False

    def pack(tensor: Tensor) -> Tensor:
        nonlocal autocast
        autocast = autocast or torch.is_autocast_enabled("cpu")  # which leaves meta tensors as they are
        saved.append(tensor)
        return tensor

    given = inputs.made(stand_in, number_type(parameters))
    set_mode(model, training=True)
    recorder = _Watcher()
    run = model.training_logits if isinstance(model, Network) and inputs.are_picture else model
    with torch.enable_grad(), recorder, saved_tensors_hooks(pack, _as_it_is), training_failures_named(model, inputs):
        run(*given.positional, **given.named)
    storages = {storage._cdata: storage.nbytes() for storage in (tensor.untyped_storage() for tensor in saved)}
    for tensor in (*parameters.values(), *model.buffers()):
        storages.pop(tensor.untyped_storage()._cdata, None)
    return storages, recorder.follows_processor and not autocast


@contextmanager
def training_failures_named(model: nn.Module, inputs: Inputs) -> Iterator[None]:
    """Turn whatever a forward pass in training mode raises into one sentence; ours pass as they are."""
    try:
        yield
    except StriateError:
        raise
    except Exception as error:
        raise failure(model, None, inputs, error) from error


class _Watcher(MetaMode):  # type: ignore[no-untyped-call]
    """Notices whether the processor would run anything else."""

    def __init__(self) -> None:
        super().__init__()
        self.follows_processor = True

    def ran(self, operator: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        """Note one operator."""
        if operator is UNLIKE_THE_PROCESSOR:
            self.follows_processor = False


def peak_bytes(run: Trace) -> int:
    """Bytes of activations alive at once at the worst moment: each from where it is made to where it is last read.

    A lower bound of what eager torch takes: Python holds a tensor until its name is used anew, and a kernel's own work
    space is not seen. Measured by torch's profiler on one thread: 1.2 (VGG-11) to 1.9 times as much (LeNet-5), 4 for
    ResNet-20, 10 for small attention, whose work space is larger than its maps. What the network returns lives to the
    end.
    """
    given = [value for _, value in run.inputs]
    born, last_use = ({value.memory: 0 for value in given} for _ in range(2))
    size = {value.memory: value.memory_bytes for value in given}
    outside: set[int] = set()  # weights and constants
    for moment, operator in enumerate(run.operators):
        for value in operator.inputs:
            if value.memory in born:
                last_use[value.memory] = moment
            else:
                outside.add(value.memory)
        for value in operator.outputs:
            if value.memory not in outside:
                born.setdefault(value.memory, moment)
                last_use[value.memory], size[value.memory] = moment, value.memory_bytes
    changes = [0] * (len(run.operators) + 2)
    for memory, moment in born.items():
        changes[moment] += size[memory]
        changes[last_use[memory] + 1] -= size[memory]
    return max(accumulate(changes))


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor
