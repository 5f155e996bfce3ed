"""The state of a person's own optimiser as plain JSON and tensors, and back: no pickle, and nothing left out.

Containers are tagged, as {"list": [...]}, {"tuple": [...]} and {"dict": [[key, value], ...]}; a tensor is {"tensor":
its name beside, "stride", "device"}, for what sums over one rounds by its order in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.values import shown

OWN = "own."
"""What the names of its tensors begin with."""
PLAIN = (bool, int, float, str, type(None))
TORCHS = ("state", "param_groups", "defaults")  # attributes that are saved as what they are, or made anew


def noted(optimizers: Mapping[str, torch.optim.Optimizer]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """States by phase as JSON, and the tensors that they name.

    They hold what `state_dict` gives and the plain attributes that a class of one's own keeps on itself.
    Raises StriateError for state that is neither a tensor nor a number, a text, None or a container of them.
    """
    tensors: dict[str, Tensor] = {}
    states = {}
    for phase, optimizer in optimizers.items():
        content = optimizer.state_dict()
        if not _has_own_way(optimizer):  # options that cannot be written are made again as they were
            content["param_groups"] = [_writable(group) for group in content["param_groups"]]
        kept = {name: value for name, value in vars(optimizer).items() if name not in TORCHS}
        states[phase] = {
            "content": _note(content, "its state", tensors),
            "attributes": _note(_writable(kept), "it", tensors),
        }
    return states, tensors


def require_saveable(optimizers: Mapping[str, torch.optim.Optimizer], name: str) -> None:
    """Raise StriateError where the state of optimisers cannot be saved. name: of the code that made them."""
    try:
        noted(optimizers)
    except StriateError as error:
        raise StriateError(f"optimizer {name} cannot be gone on with: {error.in_flags}") from error


def read(states: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    """States by phase as they were noted. Raises StriateError where they are damaged."""
    try:
        return {
            phase: {name: _read(value, tensors) for name, value in state.items()} for phase, state in states.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, IndexError, StopIteration) as error:
        raise StriateError(f"the optimiser's state is damaged ({type(error).__name__}: {error})") from error


def require_of(states: Mapping[str, dict[str, Any]], optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
    """Raise StriateError unless states, as they were read, are those of just these optimisers."""
    if states.keys() != optimizers.keys():
        raise StriateError(f"the optimiser's state is damaged: it is of {', '.join(states) or 'none'}")
    for phase, optimizer in optimizers.items():
        content, attributes = states[phase].get("content"), states[phase].get("attributes")
        groups = content.get("param_groups") if isinstance(content, dict) else None
        if not isinstance(attributes, dict) or not (
            _has_own_way(optimizer) or (isinstance(groups, list) and _sizes(groups) == _sizes(optimizer.param_groups))
        ):
            raise StriateError("the optimiser's state is damaged: it is of other parameters")


def restore(states: Mapping[str, dict[str, Any]], optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
    """Bring optimisers to states that were read, to the bit: torch's own way would round what it casts."""
    for phase, optimizer in optimizers.items():
        content, device = states[phase]["content"], optimizer.param_groups[0]["params"][0].device
        content = _placed(content, device)
        for name, value in _placed(states[phase]["attributes"], device).items():
            now = getattr(optimizer, name, None)
            if isinstance(now, Tensor) and isinstance(value, Tensor) and now.shape == value.shape:
                with torch.no_grad():
                    now.copy_(value)  # it may be a view of something
            else:
                setattr(optimizer, name, value)
        if _has_own_way(optimizer):
            optimizer.load_state_dict(content)
            continue
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for key, value in content["state"].items():
            optimizer.state[parameters[key] if isinstance(key, int) else key] = value
        for group, saved in zip(optimizer.param_groups, content["param_groups"], strict=True):
            group.update({name: value for name, value in saved.items() if name != "params"})


class _OnDevice:
    """A tensor that was not on the processor."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def _has_own_way(optimizer: torch.optim.Optimizer) -> bool:
    """Whether its class says itself how its state is saved."""
    return type(optimizer).load_state_dict is not torch.optim.Optimizer.load_state_dict


def _sizes(groups: list[dict[str, Any]]) -> list[int]:
    return [len(group["params"]) for group in groups]


def _writable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those values that can be written, and are none of the network's."""
    found = {}
    for name, value in values.items():
        with suppress(StriateError):
            _note(value, name, {}, parameters=False)
            found[name] = value
    return found


def _note(value: Any, where: str, tensors: dict[str, Tensor], *, parameters: bool = True) -> Any:
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, Tensor) and value.layout is torch.strided and not value.is_quantized:
        if isinstance(value, nn.Parameter) and not parameters:
            raise StriateError(f"{where} is a parameter")
        name = f"{OWN}{len(tensors)}"
        tensors[name] = value.detach()
        return {"tensor": name, "stride": list(value.stride()), "device": value.device.type}
    if kind in (list, tuple):
        parts = [_note(each, f"{where}[{n}]", tensors, parameters=parameters) for n, each in enumerate(value)]
        return {kind.__name__: parts}
    if kind is dict and all(type(key) in (str, int) for key in value):
        pairs = value.items()
        return {"dict": [[k, _note(each, f"{where}[{k!r}]", tensors, parameters=parameters)] for k, each in pairs]}
    raise StriateError(
        f"{where} is {shown(value)}, and only tensors, numbers, texts, None, and lists, tuples and dictionaries of "
        "them are saved; keep it as one of these"
    )


def _read(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if type(value) in PLAIN:
        return value
    if "tensor" in value:
        saved = tensors[value["tensor"]]
        dense = saved.new_empty_strided(saved.shape, value["stride"]) if _is_dense(saved, value["stride"]) else saved
        placed = dense.copy_(saved)
        return placed if value["device"] == "cpu" else _OnDevice(placed)
    ((tag, parts),) = value.items()
    if tag == "dict":
        return {key: _read(each, tensors) for key, each in parts}
    return {"list": list, "tuple": tuple}[tag](_read(each, tensors) for each in parts)


def _is_dense(tensor: Tensor, stride: list[int]) -> bool:
    """Whether a stride lays each number of a tensor into a place of its own, without gaps."""
    if len(stride) != tensor.dim() or any(not isinstance(step, int) for step in stride):
        raise ValueError(f"stride {stride}")
    expected = 1
    for step, length in sorted(zip(stride, tensor.shape, strict=True)):
        if length > 1 and step != expected:
            return False
        expected *= length
    return True


def _placed(value: Any, device: torch.device) -> Any:
    if isinstance(value, _OnDevice):
        return value.tensor.to(device)
    if isinstance(value, dict):
        return {key: _placed(each, device) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_placed(each, device) for each in cast("list[Any]", value))
    return value
