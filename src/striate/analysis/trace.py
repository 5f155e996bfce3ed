"""One run of a network on tensors without memory, and a record of everything that ran.

The records are the only thing the rest of this room reads: cost, receptive field and memory are three readings of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from striate.analysis.macs import RULES, Shape
from striate.analysis.weightless import META, MetaMode, tensors_in, weightless
from striate.core.errors import StriateError


class Value(NamedTuple):
    """A tensor as an operator meets it.

    tensor, memory: numbers; equal ones mean the same tensor and the same storage (a view shares it).
    memory_bytes: size of the whole storage.
    """

    tensor: int
    memory: int
    shape: Shape
    dtype: torch.dtype
    memory_bytes: int


class Operator(NamedTuple):
    """One operator that ran.

    call: index of the module call that it ran in, -1 outside any. path: that module's path.
    name: the operator's, without overload and underscores at its ends.
    arguments: what it was given, with a `Value` in the place of each tensor. parameters: names of those it read.
    macs: multiply-accumulates. computes: False for a view and for taking memory without filling it.
    """

    call: int
    path: str
    name: str
    arguments: tuple[Any, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    parameters: tuple[str, ...]
    macs: int
    computes: bool


class Call(NamedTuple):
    """One call of a module; several for a module that is used several times.

    is_leaf: its operators are told as one.
    first_operator, last_operator: range (end excluded) of the operators that ran inside.
    in_shape, out_shape: of the first tensor that went in and came out, () where there was none.
    """

    path: str
    kind: str
    is_leaf: bool
    first_operator: int
    last_operator: int
    in_shape: Shape
    out_shape: Shape


@dataclass(frozen=True)
class Trace:
    """What ran, in order.

    parameters: elements of every parameter by name, a shared one once, whether it was read or not.
    """

    image: Value
    operators: tuple[Operator, ...]
    calls: tuple[Call, ...]
    parameters: dict[str, int]


def trace(model: nn.Module, shape: Shape) -> Trace:
    """Run a network once, in evaluation mode, on a picture of `shape` = (N, C, H, W) that has no memory.

    Nothing is allocated and the model is left exactly as it was.
    Raises StriateError, naming the module and the shape that arrived there, when the forward pass fails.
    """
    with weightless(model, training=False) as parameters, torch.random.fork_rng(devices=()):
        recorder = _Recorder(model, parameters)
        image = blank(parameters, shape)
        with torch.no_grad(), recorder, recorder.following():
            with failures_named(model, recorder):
                model(image)
            return recorder.finished(image)


def blank(parameters: Mapping[str, Tensor], shape: Shape) -> Tensor:
    """A picture without memory, in the number type of the network's first weights."""
    dtypes = (parameter.dtype for parameter in parameters.values() if parameter.is_floating_point())
    return torch.empty(shape, dtype=next(dtypes, torch.float32), device=META)


@contextmanager
def failures_named(model: nn.Module, recorder: _Recorder) -> Iterator[None]:
    """Turn whatever a forward pass raises into one sentence that says where; ours pass as they are."""
    try:
        yield
    except StriateError:
        raise
    except Exception as error:
        path, kind, arriving = recorder.failure()
        where = f"layer {path!r} ({kind})" if path else kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StriateError(
            f"{type(model).__name__}: {where} cannot work on what arrives, {arriving or 'no tensor'}: {reason}; "
            "give another size, as channels, height, width"
        ) from error


class _Recorder(MetaMode):  # type: ignore[no-untyped-call]
    def __init__(self, model: nn.Module, parameters: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.model_kind = type(model).__name__
        self.paths = {id(module): path for path, module in model.named_modules()}
        self.parameters = parameters
        self.parameter_names = {_memory(tensor): name for name, tensor in parameters.items()}
        self.root = model
        self.values: dict[int, Value] = {}
        self.held: list[Any] = []  # while a tensor lives, its id and its memory's address are its own
        self.operators: list[Operator] = []
        self.calls: list[Call] = []
        self.open: list[int] = []
        self.failed: int | None = None  # call in which the newest error was raised
        self.error: BaseException | None = None

    @contextmanager
    def following(self) -> Iterator[None]:
        """Keep the path of the module that is running, for every module of the network."""
        hooks = (
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        )
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def failure(self) -> tuple[str, str, Shape]:
        """Path, kind and arriving shape of the module whose forward pass raised."""
        if self.failed is None:
            return "", self.model_kind, ()
        call = self.calls[self.failed]
        return call.path, call.kind, call.in_shape

    def finished(self, image: Tensor) -> Trace:
        """Everything noted so far."""
        sizes = {name: tensor.numel() for name, tensor in self.parameters.items()}
        return Trace(self._value(image), tuple(self.operators), tuple(self.calls), sizes)

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        inside_leaf = self.open and self.calls[self.open[-1]].is_leaf
        if inside_leaf or id(module) not in self.paths:
            return
        leaf, now = _is_leaf(module, is_root=module is self.root), len(self.operators)
        self.open.append(len(self.calls))
        path, kind = self.paths[id(module)], type(module).__name__
        self.calls.append(Call(path, kind, leaf, now, now, _first_shape(inputs), ()))

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """Called with no output when the forward pass raised: innermost module first, and the caller may go on."""
        if not self.open or self.paths.get(id(module)) != self.calls[self.open[-1]].path:
            return
        index, made, error = self.open.pop(), _first_shape(output), sys.exc_info()[1]
        if output is None and error is not self.error:
            self.failed, self.error = index, error
        self.calls[index] = self.calls[index]._replace(last_operator=len(self.operators), out_shape=made)

    def ran(self, operator: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        name, computes, rule = _FACTS.get(operator) or _learn(operator)
        arguments = tuple(self._described(argument) for argument in (*args, *kwargs.values()))
        inputs = tuple(_values_in(arguments))
        outputs = tuple(_values_in((self._described(result),)))
        names = tuple(self.parameter_names[v.memory] for v in inputs if v.memory in self.parameter_names)
        macs = rule([value.shape for value in inputs], outputs[0].shape, arguments) if rule else 0
        call = self.open[-1] if self.open else -1
        path = self.calls[call].path if self.open else ""
        self.operators.append(Operator(call, path, name, arguments, inputs, outputs, names, macs, computes))
        self.held.append((args, result))

    def _described(self, argument: Any) -> Any:
        if isinstance(argument, Tensor):
            return self._value(argument)
        if isinstance(argument, list | tuple):
            return tuple(self._described(part) for part in argument)
        return argument

    def _value(self, tensor: Tensor) -> Value:
        known = self.values.get(id(tensor))
        if known is None or known.shape != tensor.shape:
            memory = tensor.untyped_storage()
            known = Value(len(self.values), memory._cdata, tuple(tensor.shape), tensor.dtype, memory.nbytes())
            self.values[id(tensor)] = known
        return known


_FACTS: dict[OpOverload, tuple[str, bool, Any]] = {}


def _learn(operator: OpOverload) -> tuple[str, bool, Any]:
    """Name, whether it computes, and the rule of its multiply-accumulates; looked up once per operator."""
    name = operator._overloadpacket.__name__
    idle = operator.is_view or name in ("_unsafe_view", "empty", "empty_like", "new_empty", "empty_strided")
    _FACTS[operator] = (name.strip("_"), not idle, RULES.get(name))
    return _FACTS[operator]


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _values_in(arguments: Any) -> Iterator[Value]:
    for argument in arguments:
        if isinstance(argument, Value):
            yield argument
        elif isinstance(argument, tuple):
            yield from _values_in(argument)


def _first_shape(tensors: Any) -> Shape:
    if isinstance(tensors, dict):
        tensors = tuple(tensors.values())
    found = next(tensors_in(tensors if isinstance(tensors, list | tuple) else (tensors,)), None)
    return () if found is None else tuple(found.shape)


def _is_leaf(module: nn.Module, *, is_root: bool) -> bool:
    """A module without modules of its own (a parametrization does not count), told as one.

    A network that is nothing but functions is told function by function, unless it is one of torch's layers.
    """
    own = [name for name, child in module.named_children() if name != "parametrizations" and child is not None]
    return not own and (not is_root or type(module).__module__.startswith("torch.nn"))
