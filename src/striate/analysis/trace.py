"""One run of a network on tensors without memory, and a record of everything that ran.

The records are the only thing the rest of this room reads: cost, receptive field and memory are three readings of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._C._functorch import is_batchedtensor
from torch._ops import OpOverload

from striate.analysis.calls import Forward, set_mode, wrapped_calls
from striate.analysis.failures import failure
from striate.analysis.inputs import Inputs, picture
from striate.analysis.macs import RULES, Rule
from striate.core.errors import StriateError
from striate.meta.shapes import Shape
from striate.meta.stand_ins import META, StandIn
from striate.meta.weightless import UNLIKE_THE_PROCESSOR, MetaMode, is_fused, tensors_in, weightless


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
    given, made: the first tensor that went in and came out, if there was one.
    """

    path: str
    kind: str
    is_leaf: bool
    first_operator: int
    last_operator: int
    given: Value | None
    made: Value | None


@dataclass(frozen=True)
class Trace:
    """What ran, in order.

    image: the first input with places to look at. inputs: all of them by name.
    parameters: elements of every parameter by name, a shared one once, whether it was read or not.
    follows_processor: False where the processor runs other kernels than tensors without numbers do, such as a fused
    attention (`PROCESSOR` of `striate.meta.stand_ins`).
    """

    image: Value
    operators: tuple[Operator, ...]
    calls: tuple[Call, ...]
    parameters: dict[str, int]
    inputs: tuple[tuple[str, Value], ...] = ()
    follows_processor: bool = True


def trace(model: nn.Module, shape: Shape) -> Trace:
    """Run a network once, in evaluation mode, on pictures of `shape` = (N, C, H, W) that has no memory.

    Nothing is allocated and the model is left exactly as it was.
    Raises StriateError, naming the module and the shape that arrived there, when the forward pass fails.
    """
    with weightless(model) as parameters:
        return trace_weightless(model, parameters, picture(shape[1:], shape[0]))


def trace_weightless(
    model: nn.Module, parameters: Mapping[str, Tensor], inputs: Inputs, stand_in: StandIn = META
) -> Trace:
    """The same on any inputs, for a model whose weights are already replaced by `parameters`, of the same kind."""
    recorder = _Recorder(parameters)
    given = inputs.made(stand_in, number_type(parameters))
    set_mode(model, training=False)
    with torch.no_grad(), recorder, wrapped_calls(model, recorder.followed), failures_named(model, recorder, inputs):
        model(*given.positional, **given.named)
    return recorder.finished(given)


def number_type(parameters: Mapping[str, Tensor]) -> torch.dtype:
    """The number type of the network's first weights, which its pictures come in."""
    dtypes = (parameter.dtype for parameter in parameters.values() if parameter.is_floating_point())
    return next(dtypes, torch.float32)


@contextmanager
def failures_named(model: nn.Module, recorder: _Recorder, inputs: Inputs) -> Iterator[None]:
    """Turn whatever a forward pass raises into one sentence that says where; ours pass as they are."""
    try:
        yield
    except StriateError:
        raise
    except Exception as error:
        raise failure(model, recorder.failed_call(), inputs, error) from error


class _Recorder(MetaMode):  # type: ignore[no-untyped-call]
    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.parameters = parameters
        self.parameter_names = {_memory(tensor): name for name, tensor in parameters.items()}
        self.values: dict[int, Value] = {}
        self.held: list[Any] = []  # while a tensor lives, its id and its memory's address are its own
        self.operators: list[Operator] = []
        self.calls: list[Call] = []
        self.open: list[int] = []
        self.follows_processor = True
        self.failed: int | None = None  # call in which the newest error was raised
        self.error: BaseException | None = None

    def followed(self, forward: Forward, path: str, kind: str, leaf: bool) -> Forward:
        """The forward function of a module, each call of it noted."""
        if is_fused(getattr(forward, "__self__", None)):
            self.follows_processor = False

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.open and self.calls[self.open[-1]].is_leaf:
                return forward(*args, **kwargs)
            index, now = len(self.calls), len(self.operators)
            given = self._first((*args, *kwargs.values()) if kwargs else args)
            self.calls.append(Call(path, kind, leaf, now, now, given, None))
            self.open.append(index)
            try:
                output = forward(*args, **kwargs)
            except Exception as error:
                if error is not self.error:
                    self.failed, self.error = index, error
                raise
            finally:
                self.open.pop()
            self.calls[index] = Call(path, kind, leaf, now, len(self.operators), given, self._first(output))
            return output

        return call

    def failed_call(self) -> Call | None:
        """The innermost call whose forward pass raised."""
        return None if self.failed is None else self.calls[self.failed]

    def finished(self, given: Inputs) -> Trace:
        """Everything noted."""
        sizes = {name: tensor.numel() for name, tensor in self.parameters.items()}
        inputs = tuple((name, self._value(tensor)) for name, tensor in given.tensors())
        floating = [value for _, value in inputs if value.dtype.is_floating_point]
        maps = [value for value in floating if len(value.shape) > 2]
        image = next(iter((*maps, *floating, *(value for _, value in inputs))))
        return Trace(image, tuple(self.operators), tuple(self.calls), sizes, inputs, self.follows_processor)

    def ran(self, operator: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        """Note one operator."""
        if operator is UNLIKE_THE_PROCESSOR:
            self.follows_processor = False
        name, computes, rule = facts_of(operator)
        inputs: list[Value] = []
        outputs: list[Value] = []
        given = (*args, *kwargs.values()) if kwargs else args
        arguments = tuple([self._described(argument, inputs) for argument in given])
        self._described(result, outputs)
        names = tuple([self.parameter_names[v.memory] for v in inputs if v.memory in self.parameter_names])
        computes = computes and bool(outputs)
        macs = rule([value.shape for value in inputs], outputs[0].shape, arguments) if rule else 0
        call = self.open[-1] if self.open else -1
        path = self.calls[call].path if self.open else ""
        self.operators.append(
            Operator(call, path, name, arguments, tuple(inputs), tuple(outputs), names, macs, computes)
        )
        self.held.append((args, result))

    def _described(self, argument: Any, values: list[Value]) -> Any:
        """The argument with a `Value` in the place of each tensor; the values are appended to a list as well."""
        if isinstance(argument, Tensor):
            value = self.values.get(id(argument))
            if value is None or value.shape != argument.shape:
                value = self._value(argument)
            values.append(value)
            return value
        if isinstance(argument, list | tuple):
            if any(isinstance(part, Tensor) for part in argument):
                return tuple([self._described(part, values) for part in argument])
            return tuple(argument)
        return argument

    def _first(self, tensors: Any) -> Value | None:
        """The first tensor of what a module was given or gave back."""
        if not isinstance(tensors, Tensor):
            inside = tuple(tensors.values()) if isinstance(tensors, dict) else tensors
            tensors = next(tensors_in((inside,)), None)
        if tensors is None or is_batchedtensor(tensors):  # inside vmap a tensor has no memory of its own
            return None
        self.held.append(tensors)
        return self._value(tensors)

    def _value(self, tensor: Tensor) -> Value:
        known = self.values.get(id(tensor))
        if known is None or known.shape != tensor.shape:
            memory = tensor.untyped_storage()
            known = Value(len(self.values), memory._cdata, tuple(tensor.shape), tensor.dtype, memory.nbytes())
            self.values[id(tensor)] = known
        return known


@cache
def facts_of(operator: OpOverload) -> tuple[str, bool, Rule | None]:
    """Name, whether it computes, and the rule of its multiply-accumulates; looked up once per operator."""
    name = operator._overloadpacket.__name__
    idle = operator.is_view or name in ("_unsafe_view", "empty", "empty_like", "new_empty", "empty_strided")
    return name.strip("_"), not idle, RULES.get(name) or RULES.get(name.rstrip("_"))


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
