"""The optimiser of a recipe."""

from __future__ import annotations

import torch
from torch import nn

from striate.training.recipe import Recipe


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """SGD with momentum or AdamW, in torch's fused form, decay on weights and not on norms and biases unless asked.

    >>> len(make_optimizer(nn.Linear(2, 2), Recipe(model="mlp")).param_groups)
    2
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    plain = [] if recipe.decay_norms_and_biases else [parameter for parameter in parameters if parameter.dim() <= 1]
    decayed = parameters if recipe.decay_norms_and_biases else [p for p in parameters if p.dim() > 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.peak_lr, fused=True)
    nesterov = recipe.nesterov and recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.peak_lr, momentum=recipe.momentum, nesterov=nesterov, fused=True)
