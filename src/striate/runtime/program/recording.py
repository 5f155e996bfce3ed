"""What a network asks of torch on its way from images to an answer, written down as it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_leaves

ATEN = torch.ops.aten
READ_NUMBERS = (
    ATEN.item.default,
    ATEN._local_scalar_dense.default,
    ATEN.is_nonzero.default,
    ATEN.equal.default,
    ATEN.nonzero.default,
)
DROPOUTS = (ATEN.dropout.default, ATEN.dropout_.default, ATEN.feature_dropout.default, ATEN.feature_dropout_.default)


class NotAProgram(Exception):
    """A pass that cannot be repeated by a list of operators: why."""


@dataclass(frozen=True)
class Call:
    """One operator of a pass: what it was asked, in positional arguments, and the tensor or tensors that it gave."""

    operator: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Any

    @property
    def taken(self) -> Iterator[Tensor]:
        """Every tensor among the arguments."""
        return (value for value in tree_iter((self.arguments, self.keywords)) if isinstance(value, Tensor))

    @property
    def given(self) -> list[Tensor]:
        """Every tensor of the result."""
        return [value for value in tree_leaves(self.result) if isinstance(value, Tensor)]

    @property
    def changed(self) -> list[Tensor]:
        """The arguments that it writes into."""
        if not isinstance(self.operator, OpOverload) or not self.operator._schema.is_mutable:
            return []
        schema = self.operator._schema.arguments
        named = [*zip(schema, self.arguments, strict=False)]
        named += [(argument, self.keywords[argument.name]) for argument in schema if argument.name in self.keywords]
        return [
            value
            for argument, value in named
            if argument.alias_info is not None and argument.alias_info.is_write and isinstance(value, Tensor)
        ]


@dataclass(frozen=True)
class Recording:
    """A pass: what depends on the images, in order. What does not, such as weights in 16 bits, is a constant of it."""

    images: Tensor
    calls: tuple[Call, ...]
    answer: Tensor

    @property
    def constants(self) -> list[Tensor]:
        """What its calls take that does not depend on the images, in order, as often as it is taken."""
        made = {id(self.images), *(id(tensor) for call in self.calls for tensor in call.given)}
        return [tensor for call in self.calls for tensor in call.taken if id(tensor) not in made]


def record(network: Callable[[Tensor], Any], images: Tensor) -> Recording:
    """Run a network and write the pass down. images: (N, C, H, W), with numbers; autocast as it is around the call.

    Raises NotAProgram where the pass draws random numbers, looks at numbers, changes what outlives it, or gives what is
    no single tensor: another pass could then be another one.

    >>> layer = torch.nn.Conv2d(3, 4, 3).requires_grad_(False)
    >>> with torch.inference_mode():
    ...     recording = record(lambda images: layer(images).relu(), torch.zeros(1, 3, 8, 8))
    >>> [str(call.operator) for call in recording.calls]
    ['aten.conv2d.default', 'aten.relu.default']
    """
    with _Writing() as writing:
        answer = network(images)
    if not isinstance(answer, Tensor):
        raise NotAProgram("the answer is no single tensor")
    alive = {id(images)}
    calls = []
    for call in writing.calls:
        if torch.Tag.nondeterministic_seeded in getattr(call.operator, "tags", ()):
            raise NotAProgram(f"{call.operator} draws random numbers")
        if call.operator in READ_NUMBERS:
            raise NotAProgram(f"{call.operator} looks at numbers")
        if not any(id(tensor) in alive for tensor in call.taken):
            continue
        if any(id(tensor) not in alive for tensor in call.changed):
            raise NotAProgram(f"{call.operator} changes what outlives the pass")
        fresh = [tensor for tensor in call.given if id(tensor) not in alive]
        alive.update(id(tensor) for tensor in fresh)
        if fresh or call.changed:  # what gives back what it was given did nothing
            calls.append(call)
    if id(answer) not in alive:
        raise NotAProgram("the answer does not depend on the images")
    return Recording(images, tuple(calls), answer)


class _Writing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []  # with every tensor, so that no identity is given twice

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or torch imports its compiler, 1.5 s, only to keep it away from this mode

    def __torch_dispatch__(self, operator: OpOverload, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        if operator in DROPOUTS and not arguments[2]:  # not in training, and so nothing is done
            return arguments[0]
        result = operator(*arguments, **(keywords or {}))
        self.calls.append(Call(operator, tuple(arguments), dict(keywords or {}), result))
        return result
