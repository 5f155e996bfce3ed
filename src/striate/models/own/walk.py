"""The way of pictures through a network of a person's own: which modules are called, in which order, what they give."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.meta.own_lines import place_and_reason, raised_by_the_network
from striate.meta.shapes import Shape
from striate.meta.stand_ins import META
from striate.meta.weightless import MetaMode, every_module, weightless


@dataclass(frozen=True)
class Call:
    """One call of a module.

    ended: its place among all calls in the order of their ends. given, gave: shapes of the first argument and of the
    result, where these are tensors.
    """

    path: str
    module: nn.Module
    ended: int
    given: Shape | None
    gave: Shape | None


@dataclass(frozen=True)
class Walk:
    """All calls of a run in the order of their ends, what it gave, and what it changed in the network besides weights.

    changed: names of buffers that are not part of the state, and of whole numbers, that are others afterwards.
    last_operator: the name of the operator that made the answer; "" where nobody looked.
    """

    calls: tuple[Call, ...]
    output: Any
    changed: tuple[str, ...] = ()
    last_operator: str = ""


class _Operators(MetaMode):  # type: ignore[no-untyped-call]
    """Remembers which operator made each tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[int, tuple[Tensor, str]] = {}

    def ran(self, operator: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Note what it made."""
        if isinstance(result, Tensor):
            self.made[id(result)] = result, operator.overloadpacket.__name__


def walk(network: nn.Module, shape: tuple[int, int, int], *, training: bool = False, numbers: bool = True) -> Walk:
    """Run a network on two pictures (C, H, W) without numbers, or with some where it needs them; it is left as it was.

    numbers: whether it may be given some, which takes as long as its answer does. Raises what the network raises.
    """
    modes = [(module, module.training) for _, module in every_module(network)]
    network.train(training)
    try:
        return _without_numbers(network, shape)
    except Exception:  # it may need numbers, as who asks `if x.sum() > 0` does; else it fails again, and for real
        if not numbers:
            raise
        return _with_numbers(network, shape)
    finally:
        for module, mode in modes:
            module.training = mode


def walk_or_refuse(module: nn.Module, name: str, shape: tuple[int, int, int]) -> Walk:
    """The same. Raises StriateError, with the line of its own code, where it cannot run. name: what that calls it."""
    try:
        return walk(module, shape)
    except StriateError:
        raise
    except Exception as error:  # whatever a person's code raises
        raise does_not_run(name, shape, error) from error


def does_not_run(name: str, shape: tuple[int, int, int], error: Exception) -> StriateError:
    """The error for a network that has raised one on pictures (C, H, W)."""
    at, reason = place_and_reason(error)
    reason = reason.rstrip(". ")
    advice = (
        ""
        if raised_by_the_network(error) or not isinstance(error, RuntimeError)
        else "; give the size that it is for (--size)"
    )
    return StriateError(
        f"{name}: forward raises {type(error).__name__}{at} on pictures {'x'.join(map(str, shape))}"
        f"{f': {reason}' if reason else ''}{advice}"
    )


def _without_numbers(network: nn.Module, shape: tuple[int, int, int]) -> Walk:
    operators = _Operators()
    with weightless(network), torch.no_grad():
        before = _aside(network)
        with _Noted(network) as calls:
            images = META.blank((2, *shape), torch.float32)
            with operators:
                output = network(images)
        changed = tuple(name for name, value in _aside(network).items() if before.get(name) != value)
    made = operators.made.get(id(output))
    return Walk(tuple(calls), output, changed, made[1] if made else "")


def takes_channels_last(network: nn.Module, shape: tuple[int, int, int]) -> bool:
    """Whether a network can run on maps whose channels lie last in memory: its code may ask for a `view` of them.

    Where it cannot run on others either, the answer is yes. A copy is run, as its weights are laid out alike.
    """
    trial = copy.deepcopy(network)
    for training in (False, True):
        for layout in (torch.channels_last, torch.contiguous_format):
            trial.to(memory_format=layout)  # type: ignore[call-overload]
            try:
                _with_numbers(trial.train(training), shape, layout)
            except RuntimeError:
                continue
            if layout is torch.contiguous_format:
                return False
            break
    return True


@torch.no_grad()
def _with_numbers(
    network: nn.Module, shape: tuple[int, int, int], layout: torch.memory_format = torch.contiguous_format
) -> Walk:
    parameter = next(network.parameters())
    state = {name: tensor.clone() for name, tensor in network.state_dict().items() if isinstance(tensor, Tensor)}
    try:
        with torch.random.fork_rng(devices=()), _Noted(network) as calls:
            images = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0))
            images = images.to(parameter.device, parameter.dtype).contiguous(memory_format=layout)
            output = network(images)
    finally:
        now = network.state_dict()
        for name, tensor in state.items():
            now[name].copy_(tensor)
    return Walk(tuple(calls), output)


class _Noted:
    """The context in which all calls of a network's modules are noted."""

    def __init__(self, network: nn.Module) -> None:
        self.network, self.calls, self.hooks = network, list[Call](), ExitStack()

    def __enter__(self) -> list[Call]:
        for path, module in self.network.named_modules():

            def note(module: nn.Module, given: Any, gave: Any, path: str = path) -> None:
                shapes = (_shape(given[0] if given else None), _shape(gave))
                self.calls.append(Call(path, module, len(self.calls), *shapes))

            self.hooks.callback(module.register_forward_hook(note).remove)
        return self.calls

    def __exit__(self, *_: object) -> None:
        self.hooks.close()


def _shape(value: Any) -> Shape | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None


def _aside(network: nn.Module) -> dict[str, Any]:
    """What a network holds beside its state that a run may change: other buffers, and whole numbers."""
    found: dict[str, Any] = {}
    for path, module in every_module(network):
        for name in module._non_persistent_buffers_set:
            buffer = module._buffers.get(name)
            if buffer is not None:
                found[f"{path}.{name}".lstrip(".")] = (id(buffer), buffer._version)
        numbers = {name: value for name, value in vars(module).items() if type(value) in (int, float)}
        found |= {f"{path}.{name}".lstrip("."): value for name, value in numbers.items()}
    return found
