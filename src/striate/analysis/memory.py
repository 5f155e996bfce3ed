"""Bytes that training keeps for the backward pass, and bytes that inference needs at its worst moment.

Both are of activations only: weights, their gradients and the optimizer's state come on top, whatever the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from striate.analysis.calls import set_mode
from striate.analysis.macs import Shape
from striate.analysis.trace import Trace, blank
from striate.analysis.weightless import MetaMode, weightless
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
    do not, as they are there anyway. Auxiliary heads of a network of the zoo take part. The model is left as it was.
    """
    with weightless(model) as parameters:
        return kept_weightless(model, parameters, shape)


def kept_weightless(model: nn.Module, parameters: Mapping[str, Tensor], shape: Shape) -> Kept:
    """The same for a model whose weights are already replaced by `parameters`."""
    saved: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    images = blank(parameters, (PRIME, *shape))
    set_mode(model, training=True)
    with torch.enable_grad(), MetaMode(), saved_tensors_hooks(pack, _as_it_is):
        _ = model.training_logits(images) if isinstance(model, Network) else model(images)
    storages = {storage._cdata: storage.nbytes() for storage in (tensor.untyped_storage() for tensor in saved)}
    for tensor in (*parameters.values(), *model.buffers()):
        storages.pop(tensor.untyped_storage()._cdata, None)
    growing = sum(size for size in storages.values() if size % PRIME == 0)
    return Kept(growing // PRIME, sum(storages.values()) - growing)


def peak_bytes(run: Trace) -> int:
    """Bytes of activations alive at once in the run, at most: each from where it is made to where it is last read.

    What the network returns lives to the end. Python may hold a tensor a little longer than that, until a name is
    used anew.
    """
    born, last_use, size = {run.image.memory: 0}, {run.image.memory: 0}, {run.image.memory: run.image.memory_bytes}
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
