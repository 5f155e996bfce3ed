"""Running a network without its weights: every tensor it owns is replaced by one that has a shape and no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from striate.analysis.shapes import META, SHORTCUTS
from striate.core.errors import StriateError

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def blueprint(build: Callable[[], AnyModule]) -> AnyModule:
    """Build a network whose weights have shapes and no memory, drawing nothing: enough to count and to trace it.

    >>> blueprint(lambda: nn.Linear(10**6, 10**6)).weight.shape
    torch.Size([1000000, 1000000])
    """
    with META, MetaMode():
        return build()


def twin(tensor: Tensor) -> Tensor:
    """A tensor on the meta device with the shape, type and gradient flag of another; it takes no memory.

    >>> twin(torch.zeros(2, 3)).device, twin(torch.zeros(2, 3)).shape
    (device(type='meta'), torch.Size([2, 3]))
    """
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=META, requires_grad=tensor.requires_grad)


@contextmanager
def weightless(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Put meta twins in the place of all parameters and buffers; afterwards undo it.

    Yields the twins of the parameters by name, a shared parameter once. Whatever happens to a module inside (modes,
    counters, buffers) is undone as well, also when something raises: each module gets its attributes back, and the
    process its random numbers.
    Raises StriateError for a lazy module, whose shapes are not yet known.
    """
    before = [(module, path, dict(vars(module))) for path, module in model.named_modules()]
    names: dict[int, str] = {}
    for _, path, attributes in before:
        for name, parameter in attributes["_parameters"].items():
            if is_lazy(parameter):
                raise StriateError(
                    f"{path or type(model).__name__} is a lazy layer; run the network once on a real batch first"
                )
            if parameter is not None:
                names.setdefault(id(parameter), f"{path}.{name}" if path else name)
    twins: dict[int, Tensor] = {}

    def replaced(tensor: Tensor | None) -> Tensor | None:
        if tensor is None:
            return None
        known = twins.get(id(tensor))
        if known is None:
            known = twins[id(tensor)] = twin(tensor)
        return known

    try:
        for module, _, attributes in before:
            for store in ("_parameters", "_buffers"):
                vars(module)[store] = {name: replaced(tensor) for name, tensor in attributes[store].items()}
            if isinstance(module, nn.RNNBase):  # it keeps a second list of its weights
                vars(module)["_flat_weights"] = [replaced(tensor) for tensor in attributes["_flat_weights"]]
        with torch.random.fork_rng(devices=()):
            yield {name: twins[number] for number, name in names.items()}
    finally:
        for module, _, attributes in before:
            vars(module).clear()
            vars(module).update(attributes)


class MetaMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operator that runs, and runs it on meta tensors only.

    A tensor that the network made elsewhere (a constant kept as an attribute) is replaced by its twin.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.strays: dict[int, tuple[Tensor, Tensor]] = {}  # the real one is held so that its id stays its own

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or torch imports its compiler, 1.5 s, only to keep it away from this mode

    def __torch_dispatch__(
        self, operator: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operator."""
        meta, real = _whereabouts(args)
        arguments = tuple(map(self._on_meta, args)) if meta and real else args
        shortcut = SHORTCUTS.get(operator) if meta else None
        kwargs = kwargs or {}
        result = shortcut(*arguments) if shortcut and "dtype" not in kwargs else None
        if result is None:
            result = operator(*arguments, **kwargs)
        self.ran(operator, arguments, kwargs, result)
        return result

    def ran(self, operator: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        """Called after each operator; a subclass takes its notes here."""

    def _on_meta(self, argument: Any) -> Any:
        if isinstance(argument, Tensor) and not argument.is_meta:
            return self.strays.setdefault(id(argument), (argument, twin(argument)))[1]
        if isinstance(argument, list | tuple):
            return type(argument)(map(self._on_meta, argument))
        return argument


def tensors_in(arguments: Any) -> Iterator[Tensor]:
    """The tensors among an operator's arguments or results, lists looked into."""
    for argument in arguments:
        if isinstance(argument, Tensor):
            yield argument
        elif isinstance(argument, list | tuple):
            yield from tensors_in(argument)


def _whereabouts(args: tuple[Any, ...]) -> tuple[bool, bool]:
    """Whether there are meta tensors, and real ones; operators on real ones alone (random draws) stay real."""
    meta = real = False
    for argument in args:
        if isinstance(argument, Tensor):
            if argument.is_meta:
                meta = True
            else:
                real = True
        elif type(argument) is list and argument and isinstance(argument[0], Tensor):
            meta = meta or any(tensor.is_meta for tensor in tensors_in(argument))
            real = real or not all(tensor.is_meta for tensor in tensors_in(argument))
    return meta, real
