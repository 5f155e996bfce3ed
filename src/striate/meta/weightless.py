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

from striate.core.errors import StriateError
from striate.meta.shapes import META as META_DEVICE
from striate.meta.shapes import SHORTCUTS
from striate.meta.stand_ins import META, REAL, StandIn, twin
from striate.meta.work_space import WORK_SPACES

# The only operator that says on meta tensors: the processor would run a fused attention here (if it can).
UNLIKE_THE_PROCESSOR = torch.ops.aten._safe_softmax.default
AnyModule = TypeVar("AnyModule", bound=nn.Module)


def blueprint(build: Callable[[], AnyModule]) -> AnyModule:
    """Build a network whose weights have shapes and no memory, drawing nothing: enough to count and to trace it.

    >>> blueprint(lambda: nn.Linear(10**6, 10**6)).weight.shape
    torch.Size([1000000, 1000000])
    """
    with META_DEVICE, MetaMode():
        return build()


@contextmanager
def weightless(model: nn.Module, stand_in: StandIn = META) -> Iterator[dict[str, Tensor]]:
    """Put stand-ins in the place of all parameters and buffers, meta twins if nothing else is said; then undo it.

    Yields the stand-ins of the parameters by name, a shared parameter once. Whatever happens to a module inside (modes,
    counters, buffers) is undone as well, also when something raises: each module gets its attributes back, and the
    process its random numbers. A single whole number in a buffer, a counter, keeps its value where it may be read.
    Raises StriateError for a lazy module, whose shapes are not yet known, and for a compiled one of torch.jit.
    """
    before = [(module, path, dict(vars(module))) for path, module in every_module(model)]
    names: dict[int, str] = {}
    counters: dict[int, Tensor] = {}
    for module, path, attributes in before:
        if isinstance(module, torch.jit.ScriptModule):
            where = f"{path or type(model).__name__} was compiled by torch.jit, whose modules cannot be looked into"
            raise StriateError(f"{where}; give the Python module that it was made from")
        for buffer in () if _ignores_counter(module) else attributes["_buffers"].values():
            if buffer is not None and _counts(buffer):
                counters.setdefault(id(buffer), _counter(buffer))
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
            known = twins[id(tensor)] = counters[id(tensor)] if id(tensor) in counters else stand_in.of(tensor)
        return known

    def constant(tensor: Tensor) -> Tensor:
        """A tensor that is neither parameter nor buffer keeps its numbers; a copy, as the network may write into it."""
        if id(tensor) not in twins:
            twins[id(tensor)] = tensor if tensor.is_meta else REAL.of(tensor)
        return twins[id(tensor)]

    try:
        with torch.random.fork_rng(devices=()), stand_in.within():
            stores: dict[int, dict[str, Tensor | None]] = {}
            for module, _, attributes in before:
                for store in ("_parameters", "_buffers"):
                    own = attributes[store]  # one that two modules share stays one
                    made = stores.setdefault(id(own), {name: replaced(tensor) for name, tensor in own.items()})
                    vars(module)[store] = made
                if isinstance(module, nn.RNNBase):  # it keeps a second list of its weights
                    vars(module)["_flat_weights"] = [replaced(tensor) for tensor in attributes["_flat_weights"]]
                if Tensor in map(type, attributes.values()):
                    constants = {name: constant(value) for name, value in attributes.items() if type(value) is Tensor}
                    vars(module).update(constants)
            yield {name: twins[number] for number, name in names.items()}
    finally:
        for module, _, attributes in before:
            vars(module).clear()
            vars(module).update(attributes)


def every_module(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """All modules with their paths, also those that stand behind another one and share what it holds, as `behind`."""
    for path, module in model.named_modules():
        yield path, module
        if isinstance(behind := vars(module).get("behind"), nn.Module):
            yield path, behind


def is_fused(module: object) -> bool:
    """Whether the processor runs a layer as a whole, by oneDNN, that meta tensors run step by step."""
    return isinstance(module, nn.LSTM) and not module.proj_size


def _ignores_counter(module: nn.Module) -> bool:
    """Whether it is a norm that counts its batches and never reads the number, as most of a network's counters are."""
    return isinstance(module, nn.modules.batchnorm._NormBase) and module.momentum is not None


def _counts(buffer: Tensor) -> bool:
    """Whether it is a single whole number, such as the batches that a batch norm has seen."""
    return buffer.dim() == 0 and not buffer.is_floating_point() and not buffer.is_complex()


def _counter(buffer: Tensor) -> Tensor:
    return torch.zeros((), dtype=buffer.dtype) if buffer.is_meta else buffer.detach().to("cpu", copy=True)


class MetaMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operator that runs; where there are meta tensors, it runs on those only.

    Then a tensor that the network made elsewhere (a constant kept as an attribute) is replaced by its twin.
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
        shortcut = SHORTCUTS.get(operator) if meta else WORK_SPACES.get(operator)
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
