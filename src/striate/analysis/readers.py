"""Who reads the tensors of a network's run, in which order, from one run on meta tensors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._pytree import tree_iter

from striate.meta.stand_ins import META
from striate.meta.weightless import MetaMode, weightless

ANSWER = "answer"


def readers_of(
    network: nn.Module, run: Callable[[Tensor], Any], shape: tuple[int, int, int]
) -> dict[int, list[OpOverload | str]]:
    """The operators that take each tensor of a run, in order, by the tensor's identity; ANSWER where it is returned.

    run: what is run, such as the network itself, in the mode that it is in; given images on the meta device, (2, C, H,
    W), with `shape` (C, H, W). An identity means something only to who has kept the tensor, in a hook for example.
    Raises what the network raises where it cannot run without numbers.

    >>> layer = nn.Conv2d(3, 4, 3)
    >>> [[str(reader) for reader in readers] for readers in readers_of(layer, layer, (3, 8, 8)).values()][-1]
    ['answer']
    """
    trace = _Readers()
    # Within inference mode, where a network may be asked for the first time, the operators would be others.
    with weightless(network), torch.inference_mode(False), torch.no_grad():
        images = META.blank((2, *shape), torch.float32)
        with trace:
            answer = run(images)
    trace.note(ANSWER, answer)
    return trace.readers


def rectified_norms(network: nn.Module, run: Callable[[Tensor], Any], shape: tuple[int, int, int]) -> set[nn.Module]:
    """The batch norms whose output is read first of all by a `nn.ReLU` in place, in every call of a run.

    A fused kernel may rectify for these: whoever reads the output later sees it rectified anyway, and nobody sees it
    before. run, shape: as in `readers_of`. Empty where the network cannot run without numbers: then nobody can know.

    >>> block = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.BatchNorm2d(4))
    >>> rectified_norms(block, block, (3, 8, 8)) == {block[1]}
    True
    """
    outputs: list[tuple[nn.Module, Tensor]] = []
    relus: list[Tensor] = []
    with ExitStack() as hooks:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                hooks.callback(module.register_forward_hook(lambda m, _, out: outputs.append((m, out))).remove)
            elif type(module) is nn.ReLU and module.inplace:
                hooks.callback(module.register_forward_pre_hook(lambda _, args: relus.append(args[0])).remove)
        try:
            readers = readers_of(network, run, shape)
        except Exception:  # whatever a stranger's network raises on tensors without numbers
            return set()
    rectified = {id(maps) for maps in relus}
    others = {
        norm
        for norm, out in outputs
        if id(out) not in rectified or readers[id(out)][0] is not torch.ops.aten.relu_.default
    }
    return {norm for norm, _ in outputs} - others


class _Readers(MetaMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()
        self.readers: dict[int, list[OpOverload | str]] = {}
        self._held: list[Tensor] = []  # alive, so that no identity is given twice

    def ran(self, operator: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Note what it took."""
        self.note(operator, (args, kwargs))

    def note(self, reader: OpOverload | str, values: Any) -> None:
        """Note every tensor in some arguments."""
        tensors = [value for value in tree_iter(values) if isinstance(value, Tensor)]
        for tensor in tensors:
            self.readers.setdefault(id(tensor), []).append(reader)
        self._held += tensors
