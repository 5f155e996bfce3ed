"""Learning rate and picture size as pure functions of the step."""

from __future__ import annotations

import math
from itertools import accumulate

from striate.core.errors import StriateError
from striate.core.own_code import OwnCode
from striate.core.values import shown
from striate.training.own_call import called
from striate.training.recipe import Recipe

SIZE_STEP_PX = 8
# What a picture costs at any size, as so many pixels more: optimiser, small maps. The times of one run of `fast` after
# 10 and 20 epochs say 493; half-way through another, the time left was then right to 2 %.
PIXELS_AT_ANY_SIZE = 500


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int, drops: int = 0, own: OwnCode | None = None) -> float:
    """The rate of one step, counted from 0; constant after the warm-up unless the schedule says otherwise.

    drops: how often the plateau schedule has dropped the rate so far. own: a schedule of a person's own.
    Sources: the cosine is Loshchilov and Hutter, arXiv:1608.03983, equation 5 without restarts; one cycle, a straight
    rise and a straight fall to 0, is Smith and Topin, arXiv:1708.07120, section 3, at constant momentum.

    >>> recipe = Recipe(model="lenet5", epochs=10, peak_lr=1.0, schedule="cosine", warmup_epochs=1)
    >>> [round(learning_rate(recipe, step, 10), 3) for step in (0, 9, 10, 55, 99)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    total, warmup = recipe.epochs * steps_per_epoch, round(recipe.warmup_epochs * steps_per_epoch)
    if own is not None:
        return recipe.peak_lr * own_factor(own, step, total)
    if step < warmup:
        return recipe.peak_lr * (step + 1) / warmup
    if recipe.schedule == "cosine":
        return recipe.peak_lr / 2 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
    if recipe.schedule == "one_cycle":
        return recipe.peak_lr * (total - step) / max(1, total - warmup)
    if recipe.schedule == "step":
        drops = sum(step >= share * total for share in recipe.drop_at)
    return recipe.peak_lr * recipe.drop_factor**drops


def own_factor(code: OwnCode, step: int, steps: int) -> float:
    """What a schedule of a person's own multiplies the peak rate by in a step, counted from 0, of all the steps.

    Raises StriateError where it gives no number of 0 or more.

    >>> from striate.core.own_code import code_of
    >>> own_factor(code_of(lambda step, steps: 1 - step / steps), 25, 100)
    0.75
    """
    factor = called("schedule", code, code.thing, step, steps)
    try:
        number = math.nan if isinstance(factor, bool | str) else float(factor)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise StriateError(
            f"schedule {code.name} gives {shown(factor)} at step {step:,} of {steps:,}; it is called with (step, "
            "steps) and gives what the peak rate is multiplied by, a number of 0 or more"
        )
    return number


def side_px(recipe: Recipe, full_px: int, step: int, steps_per_epoch: int) -> int:
    """Side of the pictures of one step: from `start_px`, in steps of 8 px, to the last at `full_size_at` of the run.

    full_px: what the network sees in use, `test_enlargement` times the last side.
    Source: progressive resizing as in Howard et al.'s DAWNBench entries of 2018; small pictures cost less arithmetic.

    >>> recipe = Recipe(model="resnet18", epochs=10, start_px=32, full_size_at=0.8)
    >>> [side_px(recipe, 64, step, 10) for step in (0, 19, 20, 79, 80, 99)]
    [32, 32, 40, 56, 64, 64]
    """
    end_px = round(full_px / recipe.test_enlargement)
    if recipe.start_px is None or recipe.start_px >= end_px:
        return end_px
    share = min(1.0, step / (recipe.epochs * steps_per_epoch * recipe.full_size_at))
    return min(end_px, recipe.start_px + math.floor(share * (end_px - recipe.start_px) / SIZE_STEP_PX) * SIZE_STEP_PX)


def work_by_epoch(recipe: Recipe, full_px: int) -> list[float]:
    """Share of the whole run's work that is done after 0, 1, ... epochs: pictures that grow cost more and more.

    >>> shares = work_by_epoch(Recipe(model="resnet18", epochs=4, start_px=32, full_size_at=0.5), 64)
    >>> [round(share, 2) for share in shares]
    [0.0, 0.11, 0.32, 0.66, 1.0]
    """
    costs = (side_px(recipe, full_px, epoch, 1) ** 2 + PIXELS_AT_ANY_SIZE for epoch in range(recipe.epochs))
    done = list(accumulate(costs, initial=0))
    return [work / done[-1] for work in done]
