"""Which rows of a summary make the tensors that training keeps for the backward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.autograd.graph import saved_tensors_hooks

from striate.analysis.calls import Forward, set_mode, wrapped_calls
from striate.analysis.memory import PRIME, Kept
from striate.analysis.rows import Row
from striate.analysis.trace import facts_of, number_type
from striate.meta.shapes import Shape
from striate.meta.stand_ins import META
from striate.meta.weightless import MetaMode, tensors_in, weightless
from striate.models import Network

Key = tuple[str, str, int]
"""Path and kind of a row, and which of the rows with this path and kind it is."""


def kept_by_row(model: nn.Module, rows: Sequence[Row], shape: Shape) -> list[Kept]:
    """Of each row's output (and masks, indices, statistics): what training keeps, as in `Summary.kept`.

    rows: of a summary of the model. shape: (C, H, W) of one picture. What is made by layers that only training runs,
    auxiliary heads, has no row; the sum may so be less than the summary's. The model is left as it was.

    >>> from striate.analysis.summary import summarize
    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 5))
    >>> [kept.at(1) for kept in kept_by_row(network, summarize(network, (1, 4, 4)).rows, (1, 4, 4))]
    [64, 0, 32, 0, 0]
    """
    makers, saved = _Makers(), list[Tensor]()

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with weightless(model) as parameters:
        images = META.blank((PRIME, *shape), number_type(parameters))
        makers.of[_memory(images)] = ("", rows[0].kind, 0)
        set_mode(model, training=True)
        with wrapped_calls(model, makers.followed), torch.enable_grad(), makers, saved_tensors_hooks(pack, _as_it_is):
            _ = model.training_logits(images) if isinstance(model, Network) else model(images)
        sizes = {_memory(tensor): tensor.untyped_storage().nbytes() for tensor in saved}
    growing, fixed = Counter[Key](), Counter[Key]()
    for memory, size in sizes.items():
        if memory in makers.of:  # else it is a weight
            (fixed if size % PRIME else growing)[makers.of[memory]] += size
    return [Kept(growing[key] // PRIME, fixed[key]) for key in keys((row.path, row.kind) for row in rows)]


def keys(rows: Iterable[tuple[str, str]]) -> list[Key]:
    """Paths and kinds of rows, in their order, as keys that tell repeated ones apart.

    >>> keys([("", "relu"), ("", "add"), ("", "relu")])
    [('', 'relu', 0), ('', 'add', 0), ('', 'relu', 1)]
    """
    seen, found = Counter[tuple[str, str]](), list[Key]()
    for path, kind in rows:
        found.append((path, kind, seen[path, kind]))
        seen[path, kind] += 1
    return found


class _Makers(MetaMode):  # type: ignore[no-untyped-call]
    """Notes for each storage which row makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.of: dict[int, Key] = {}
        self.seen: Counter[tuple[str, str]] = Counter()
        self.open: list[str] = []
        self.leaf: Key | None = None

    def followed(self, forward: Forward, path: str, kind: str, leaf: bool) -> Forward:
        """The forward function of a module, each call of it noted."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.leaf is not None:
                return forward(*args, **kwargs)
            self.open.append(path)
            self.leaf = self._next(path, kind) if leaf else None
            output = forward(*args, **kwargs)
            self.leaf = None
            self.open.pop()
            return output

        return call

    def ran(self, operator: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        """Note one operator."""
        name, computes, _ = facts_of(operator)
        given = {_memory(tensor) for tensor in tensors_in(args)}
        made = {_memory(tensor) for tensor in tensors_in((result,))}
        if not computes:  # memory taken but not yet filled is made by who fills it
            for memory in made - given:
                self.of.pop(memory, None)
            return
        key = self.leaf or self._next(self.open[-1] if self.open else "", name)
        for memory in made:
            if memory not in given or memory not in self.of:  # else it works in place
                self.of[memory] = key

    def _next(self, path: str, kind: str) -> Key:
        self.seen[path, kind] += 1
        return (path, kind, self.seen[path, kind] - 1)


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor
