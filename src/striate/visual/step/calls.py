"""The operations of a network by name, in the order of their calls, and one of them with all that it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from striate.analysis.calls import wrapped_calls
from striate.layers.local_response_norm import LocalResponseNorm

Function = Callable[..., Any]


class Made(NamedTuple):
    """path: of the module that made the call, "" for the network itself. name: of the function. shape: it gave."""

    path: str
    name: str
    shape: tuple[int, ...] = ()


class Layer(NamedTuple):
    """What a call is asked for by, its function, and the shape of its output."""

    label: str
    name: str
    shape: tuple[int, ...]


@dataclass(eq=False)
class Call:
    """An operation with copies of all that it was given. tensors: those of the arguments, in order.

    sources: of each tensor the name of the parameter or buffer, or what it stands for. followed: whether it may have a
    gradient. gradient: of the score by the output; None where none reaches it.
    """

    name: str
    function: Function
    args: Any
    kwargs: Any
    output: Tensor
    tensors: list[Tensor]
    sources: list[str]
    followed: list[bool]
    gradient: Tensor | None = None

    def bound(self, *names: str) -> dict[str, Any]:
        """The arguments by name, None where not given."""
        return {**dict.fromkeys(names), **dict(zip(names, self.args, strict=False)), **self.kwargs}

    def number(self, tensor: Tensor) -> int:
        """Which of the tensors this one is."""
        return next(number for number, each in enumerate(self.tensors) if each is tensor)

    def again(self, tensors: list[Tensor]) -> Tensor:
        """The output for other tensors in place of those that it was given."""
        args, kwargs = changed((self.args, self.kwargs), iter(tensors))
        output: Tensor = self.function(*args, **kwargs)
        return output


def tensors_in(given: Any) -> list[Tensor]:
    """All floating-point tensors in arguments, in order."""
    if isinstance(given, Tensor):
        return [given] if given.is_floating_point() else []
    parts = given.values() if isinstance(given, dict) else given if isinstance(given, list | tuple) else ()
    return [tensor for part in parts for tensor in tensors_in(part)]


def changed(given: Any, others: Iterator[Tensor]) -> Any:
    """The same arguments with other tensors in place of those that `tensors_in` finds."""
    if isinstance(given, Tensor):
        return next(others) if given.is_floating_point() else given
    if isinstance(given, dict):
        return {name: changed(part, others) for name, part in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(changed(part, others) for part in given) if type(given) in (list, tuple) else given
    return given


class Calls(TorchFunctionMode):
    """Notes the operations that give floating-point tensors. wanted: the number of the one that is kept whole."""

    def __init__(self, network: nn.Module, wanted: int | None = None) -> None:
        super().__init__()
        named = [*network.named_parameters(remove_duplicate=False), *network.named_buffers(remove_duplicate=False)]
        self.names = {id(tensor): name for name, tensor in reversed(named)}
        self.wanted, self.made, self.kept = wanted, list[Made](), list[Call]()
        self.inside, self.within_one = [""], False

    def __torch_function__(
        self, function: Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Called by torch in place of each function."""
        if self.within_one:
            return function(*args, **(kwargs or {}))
        return self.noted(plain_name(function), function, args, kwargs or {})

    def noted(self, name: str, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a call, which is noted."""
        given = tensors_in((args, kwargs))
        copies = [each.detach().clone() for each in given] if len(self.made) == self.wanted else None
        output = function(*args, **kwargs)
        if not given or not isinstance(output, Tensor) or not output.is_floating_point():
            return output
        if copies is not None:
            kept_args, kept_kwargs = changed((args, kwargs), iter(copies))
            answer, followed = output.detach().clone(), [each.requires_grad for each in given]
            call = Call(name, function, kept_args, kept_kwargs, answer, copies, self._sources(given), followed)
            if output.requires_grad:
                output.register_hook(lambda gradient: setattr(call, "gradient", gradient.detach().clone()))  # type: ignore[no-untyped-call]
            self.kept.append(call)
        self.made.append(Made(self.inside[-1], name, tuple(output.shape)))
        return output

    def _sources(self, given: list[Tensor]) -> list[str]:
        unnamed = [each for each in given if id(each) not in self.names]
        inputs = {id(each): f"input {n}" if len(unnamed) > 1 else "input" for n, each in enumerate(unnamed, start=1)}
        return [self.names.get(id(each)) or inputs[id(each)] for each in given]

    @contextmanager
    def noting(self, network: nn.Module) -> Iterator[None]:
        """For as long as a network is run."""
        with wrapped_calls(network, self._wrapped), self:
            yield

    def _wrapped(self, forward: Function, path: str, kind: str, leaf: bool) -> Function:
        module = getattr(forward, "__self__", None)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.inside.append(path)
            try:
                if isinstance(module, LocalResponseNorm) and not self.within_one:
                    return self._whole(module, forward, args[0])
                return forward(*args, **kwargs)
            finally:
                self.inside.pop()

        return wrapped

    def _whole(self, module: LocalResponseNorm, forward: Function, maps: Tensor) -> Any:
        """A layer of this house that is several functions, as the one that it is, with torch's arguments."""
        self.within_one = True
        try:
            constants = (module.neighbours, module.alpha * module.neighbours, module.beta, module.k)
            return self.noted("local_response_norm", lambda x, *_: forward(x), (maps, *constants), {})
        finally:
            self.within_one = False


def plain_name(function: Function) -> str:
    """The name of a torch function without what says where and how it is called.

    >>> plain_name(torch.relu_), plain_name(torch.Tensor.__rsub__), plain_name(torch.Tensor.mT.__get__)
    ('relu', 'rsub', 'mT')
    """
    *_, owner, last = f".{resolve_name(function) or getattr(function, '__name__', '')}".split(".")
    name = owner if last == "__get__" else last
    return name.strip("_")


def labels(made: list[Made]) -> list[str]:
    """What each call is asked for by: the module's path; with the function where a module makes several, and a number.

    >>> labels([Made("conv1", "conv2d"), Made("", "add"), Made("relu", "relu"), Made("", "mul"), Made("relu", "relu")])
    ['conv1', 'add', 'relu', 'mul', 'relu:2']
    >>> labels([Made("output", "sub"), Made("output", "square")])
    ['output:sub', 'output:square']
    """
    functions: dict[str, set[str]] = {}
    for path, name, _ in made:
        functions.setdefault(path, set()).add(name)
    found, times = list[str](), dict[str, int]()
    for path, name, _ in made:
        base = path if path and len(functions[path]) == 1 else f"{path}:{name}" if path else name
        times[base] = times.get(base, 0) + 1
        found.append(f"{base}:{times[base]}" if times[base] > 1 else base)
    return found


def layers_of(network: nn.Module, images: Tensor) -> list[Layer]:
    """All operations of a network for some images, in the order of their calls."""
    calls = Calls(network)
    with torch.no_grad(), calls.noting(network):
        network(images)
    return [Layer(label, *made[1:]) for label, made in zip(labels(calls.made), calls.made, strict=True)]
