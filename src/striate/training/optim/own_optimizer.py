"""Optimisers of a person's own: anything that makes a `torch.optim.Optimizer` of parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from striate.core.errors import StriateError
from striate.core.own_code import OwnCode
from striate.core.values import shown
from striate.training.own_call import called


def own_optimizers(
    code: OwnCode, parameters: Mapping[str, list[nn.Parameter]]
) -> tuple[dict[str, torch.optim.Optimizer], float]:
    """One for each phase, made of its parameters, and the highest rate that they were made with.

    The schedule's rate is that of the group with the highest one; the others keep their ratio to it, by `lr_factor`.
    Raises StriateError for what makes no optimiser, or one that cannot be stepped or given a rate.
    """
    made = {phase: _made(code, given) for phase, given in parameters.items()}
    groups = [group for optimizer in made.values() for group in optimizer.param_groups]
    highest = max(float(group["lr"]) for group in groups)
    for group in groups:
        group["lr_factor"] = float(group["lr"]) / highest if highest else 1.0
    return made, highest


def _made(code: OwnCode, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    optimizer = called("optimizer", code, code.thing, list(parameters))
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise StriateError(
            f"optimizer {code.name} gives {shown(optimizer)}; it is called with the parameters and gives a "
            "torch.optim.Optimizer, as torch.optim.RMSprop or a function that makes one"
        )
    if _needs_closure(optimizer.step):
        raise StriateError(
            f"optimizer {code.name} gives {type(optimizer).__name__}, which computes the loss several times in a step "
            "(a closure); a step here has one loss: take another"
        )
    theirs = {id(parameter) for parameter in parameters}
    for group in optimizer.param_groups:
        if any(id(parameter) not in theirs for parameter in group["params"]):
            raise StriateError(f"optimizer {code.name} gives one of other parameters than it is called with")
        if not isinstance(group.get("lr"), int | float | torch.Tensor):
            raise StriateError(f"optimizer {code.name} gives one without lr in its groups, which the schedule sets")
    return optimizer


def _needs_closure(step: Callable[..., Any]) -> bool:
    closure = inspect.signature(step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def decay_of(optimizers: Mapping[str, torch.optim.Optimizer]) -> float:
    """The largest weight decay that optimisers say of their groups; 0 where they say none."""
    decays = [group.get("weight_decay") for each in optimizers.values() for group in each.param_groups]
    return max((float(decay) for decay in decays if isinstance(decay, int | float)), default=0.0)
