"""torch's optimisers without what guards them against torch.compile, by which no update of ours is translated."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

import torch

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)

# Of torch.optim.Optimizer, wrapped by torch._disable_dynamo, which imports torch._dynamo when it is called.
GUARDED = ("add_param_group", "state_dict", "zero_grad")


def eager(kind: type[Kind]) -> type[Kind]:
    """The same optimiser, its methods without the guards against torch.compile around them.

    The first guard that is called imports torch._dynamo: a second of the processor's time before the first step of a
    run. The functions within are torch's own, so that every step has equal bits; a torch without such guards gives them
    as they are. Of Adam and its like, `step` enters `torch.no_grad` here, which the guard did.

    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> weight.grad = torch.ones(1)
    >>> eager(torch.optim.SGD)([weight], lr=0.25).step()
    >>> weight.item()
    0.75
    """
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in GUARDED}
    methods["step"] = torch.no_grad()(inspect.unwrap(kind.step))
    made: type[Kind] = type(kind.__name__, (kind,), methods)
    return made
