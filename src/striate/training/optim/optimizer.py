"""The optimiser of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from striate.core.own_code import OwnCode
from striate.models import Network
from striate.models.stages import rate_factors
from striate.tasks.task import Task
from striate.training.optim.eager import eager
from striate.training.optim.muon import Muon
from striate.training.optim.own_optimizer import decay_of, own_optimizers
from striate.training.recipe import Recipe

Optimizers = Mapping[str, torch.optim.Optimizer]
"""One for each phase of a task, in their order."""

SGD = eager(torch.optim.SGD)
# Those that divide each weight's gradient by its own size so far, with what is not torch's default.
BY_GRADIENTS_SIZE: dict[str, Callable[..., torch.optim.Optimizer]] = {
    # Duchi et al., JMLR 12 (2011), without momentum.
    "adagrad": eager(torch.optim.Adagrad),
    # Zeiler, arXiv:1212.5701, with its decay of 0.95, which torch sets to 0.9.
    "adadelta": partial(eager(torch.optim.Adadelta), rho=0.95, eps=1e-6),
    # Tieleman and Hinton, "Neural networks for machine learning" (2012), lecture 6.5, with its 0.9; torch sets 0.99.
    "rmsprop": partial(eager(torch.optim.RMSprop), alpha=0.9),
    # Kingma and Ba, arXiv:1412.6980.
    "adam": partial(eager(torch.optim.Adam), fused=True),
    # Loshchilov and Hutter, arXiv:1711.05101.
    "adamw": partial(eager(torch.optim.AdamW), fused=True),
}


def optimizers_of(
    task: Task, network: Network, recipe: Recipe, own: OwnCode | None = None
) -> dict[str, torch.optim.Optimizer]:
    """One for each phase of a task, of what is trained in it. own: code that makes it, of a person's own."""
    parts = {phase: task.module(network, phase) for phase in task.phases}
    if own is None:
        return {phase: make_optimizer(network, recipe, part) for phase, part in parts.items()}
    made, _ = own_optimizers(own, {phase: trained(part) for phase, part in parts.items()})
    for optimizer in made.values():
        if recipe.layer_decay != 1:
            optimizer.param_groups = by_rate(optimizer.param_groups, network, recipe)
    return made


def with_its_rate(recipe: Recipe, task: Task, network: Network, own: OwnCode, *, keep_peak: bool) -> Recipe:
    """A recipe with the rate and the weight decay that an optimiser of a person's own is made with.

    keep_peak: whether its peak rate was asked for, and stands.
    """
    made, highest = own_optimizers(own, {phase: trained(task.module(network, phase)) for phase in task.phases})
    peak = recipe.peak_lr if keep_peak else highest
    return replace(recipe, peak_lr=peak, weight_decay=decay_of(made))


def trained(part: nn.Module) -> list[nn.Parameter]:
    """The parameters that are trained."""
    return [parameter for parameter in part.parameters() if parameter.requires_grad]


def make_optimizer(network: Network, recipe: Recipe, part: nn.Module | None = None) -> torch.optim.Optimizer:
    """The optimiser by its name, torch's own but for Muon; decay on weights, on norms and biases only if asked.

    Decay is decoupled in AdamW and in Muon's convolutions: a share of the weights is taken off in each step, times the
    rate (Loshchilov and Hutter, arXiv:1711.05101). In the others it is that of their papers' time, the gradient of a
    penalty: it is added to the gradient, so that Adagrad, Adadelta, RMSprop and Adam scale it as they scale that.
    The rate of a group is the schedule's times its `lr_factor`. part: what of the network is trained; None: all.

    >>> from striate.models import create_model
    >>> len(make_optimizer(create_model("mlp"), Recipe(model="mlp")).param_groups)
    2
    """
    parameters = trained(part or network)
    plain = [] if recipe.decay_norms_and_biases else [parameter for parameter in parameters if parameter.dim() <= 1]
    decayed = parameters if recipe.decay_norms_and_biases else [p for p in parameters if p.dim() > 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    groups = [{**group, "lr_factor": 1.0} for group in groups if group["params"]]
    if recipe.optimizer == "muon":
        return make_muon(network, recipe, parameters)
    groups = by_rate(groups, network, recipe)
    if recipe.optimizer in BY_GRADIENTS_SIZE:
        return BY_GRADIENTS_SIZE[recipe.optimizer](groups, lr=recipe.peak_lr)
    nesterov = recipe.nesterov and recipe.momentum > 0
    sgd = SGD(groups, lr=recipe.peak_lr, momentum=recipe.momentum, nesterov=nesterov, fused=True)
    if recipe.momentum:
        # torch's fused form makes these in its first step and leaves them uninitialised where that step is left out
        # because fp16 has overflown; and it cannot do with some of a group, when the rest are unfrozen later.
        for parameter in parameters:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return sgd


def by_rate(groups: list[dict[str, Any]], network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Groups of parameters, each parted by stage where the rate falls from one stage to the next."""
    if recipe.layer_decay == 1:
        return groups
    factors, parted = rate_factors(network, recipe.layer_decay), []
    for group in groups:
        for factor in sorted({factors[parameter] for parameter in group["params"]}, reverse=True):
            params = [parameter for parameter in group["params"] if factors[parameter] == factor]
            parted.append({**group, "params": params, "lr_factor": factor * group["lr_factor"]})
    return parted


def make_muon(network: Network, recipe: Recipe, parameters: list[nn.Parameter]) -> Muon:
    """Muon for the convolutions; SGD's update for dense layers (with decay), norms and biases (without)."""
    kinds: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.dim() == 4], "orthogonal": True, "weight_decay": recipe.muon_decay},
        {"params": [p for p in parameters if p.dim() in (2, 3)], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
    ]
    factor = recipe.muon_lr / recipe.peak_lr if recipe.peak_lr else 0.0
    groups = [
        {**kind, "momentum": recipe.momentum, "lr_factor": factor if "orthogonal" in kind else 1.0} for kind in kinds
    ]
    return Muon(by_rate([group for group in groups if group["params"]], network, recipe))
