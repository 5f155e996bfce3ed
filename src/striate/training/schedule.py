"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math

from striate.training.recipe import Recipe


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int, drops: int = 0) -> float:
    """The rate of one step, counted from 0; constant after the warm-up unless the schedule says otherwise.

    drops: how often the plateau schedule has dropped the rate so far.
    Source of the cosine: Loshchilov and Hutter, arXiv:1608.03983, equation 5 without restarts.

    >>> recipe = Recipe(model="lenet5", epochs=10, peak_lr=1.0, schedule="cosine", warmup_epochs=1)
    >>> [round(learning_rate(recipe, step, 10), 3) for step in (0, 9, 10, 55, 99)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    total, warmup = recipe.epochs * steps_per_epoch, round(recipe.warmup_epochs * steps_per_epoch)
    if step < warmup:
        return recipe.peak_lr * (step + 1) / warmup
    if recipe.schedule == "cosine":
        return recipe.peak_lr / 2 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
    if recipe.schedule == "step":
        drops = sum(step >= share * total for share in recipe.drop_at)
    return recipe.peak_lr * recipe.drop_factor**drops
