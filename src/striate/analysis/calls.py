"""Following the calls of a network's modules, for as long as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from striate.models import Network

KNOWN_TRAIN = {nn.Module.train, Network.train}
Forward = Callable[..., Any]
Wrap = Callable[[Forward, str, str, bool], Forward]
"""A module's forward function, its path, its kind and whether it is a leaf: the function to call in its place."""


@contextmanager
def wrapped_calls(model: nn.Module, wrap: Wrap) -> Iterator[None]:
    """Put another function in the place of every module's forward; afterwards, and when something raises, undo it."""
    modules = [(module, path, vars(module).get("forward")) for path, module in model.named_modules()]
    try:
        for module, path, _ in modules:
            leaf = is_leaf(module, is_root=module is model)
            vars(module)["forward"] = wrap(module.forward, path, type(module).__name__, leaf)
        yield
    finally:
        for module, _, own in modules:
            vars(module).pop("forward", None)
            if own is not None:
                vars(module)["forward"] = own


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for as long as this lasts; then each module has the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


def set_mode(model: nn.Module, *, training: bool) -> None:
    """`model.train(training)`, without its cost where no module has a way of doing that which is not known here."""
    modules = list(model.modules())
    if any(type(module).train not in KNOWN_TRAIN for module in modules):
        model.train(training)
        return
    for module in modules:
        vars(module)["training"] = training
    for module in modules:
        if isinstance(module, Network):
            module.hold_frozen()


def is_leaf(module: nn.Module, *, is_root: bool) -> bool:
    """Whether it is told as one: a module without modules of its own, where a parametrization does not count.

    A network that is nothing but functions is told function by function, unless it is one of torch's layers.

    >>> is_leaf(nn.ReLU(), is_root=True), is_leaf(nn.Sequential(nn.ReLU()), is_root=False)
    (True, False)
    """
    own = [name for name, child in module.named_children() if name != "parametrizations" and child is not None]
    return not own and (not is_root or type(module).__module__.startswith("torch.nn"))
