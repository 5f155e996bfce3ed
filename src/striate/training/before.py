"""What a person should know of a run before its first step."""

from __future__ import annotations

import math

from striate.core.own_code import OwnCode
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.dataset import Dataset
from striate.training.monitor.status import FEW_PICTURES, LEAST_BATCH, PACKAGED, are_photographs
from striate.training.network import SIZE_STEP_PX, typical_side_px
from striate.training.optim.schedule import own_factor
from striate.training.recipe import Recipe

LOOKED_AT, LOW_FACTOR = 50, 0.05  # steps of a schedule; a peak that nobody means as a share of another
ENOUGH_STEPS = 200  # fewer, where each is a whole epoch, end before the rate has come up and down again


def advice_before(
    recipe: Recipe, dataset: Dataset, preprocess: Preprocess, only_size: tuple[int, int] | None = None
) -> list[str]:
    """What a person should know of a run before its first step, beside what there is to say of the pictures.

    only_size: of the network, where it takes no other.
    """
    pictures = len(dataset.splits["train"])
    remarks = (
        few_pictures(recipe, pictures, preprocess),
        few_steps(recipe, pictures),
        None if only_size else much_enlarged(recipe, preprocess, typical_side_px(dataset.pictures)),
    )
    return [remark for remark in remarks if remark is not None]


def low_schedule(code: OwnCode | None, steps: int) -> str | None:
    """What to say of a schedule of a person's own that seems to give rates; None: nothing. steps: of the whole run.

    >>> from striate.core.own_code import code_of
    >>> low_schedule(code_of(lambda step, steps: 1 - step / steps), 100) is None
    True
    """
    if code is None:
        return None
    highest = max(own_factor(code, step, steps) for step in range(0, steps, max(1, steps // LOOKED_AT)))
    if highest >= LOW_FACTOR:
        return None
    return (
        f"schedule {code.name} never gives more than {highest:.3g}: what it gives is not the rate, but what the peak "
        "rate is multiplied by"
    )


def few_pictures(recipe: Recipe, pictures: int, preprocess: Preprocess) -> str | None:
    """What to do about a run from drawn weights on few photographs; None: nothing. pictures: to train on.

    >>> few_pictures(Recipe(model="resnet18"), 250, Preprocess((224, 224)))
    '250 pictures teach weights drawn at random little; --weights embedded without --model begins with trained ones \
and usually reaches far more in less time'
    """
    if recipe.weights is not None or pictures >= FEW_PICTURES or not are_photographs(preprocess):
        return None
    return (
        f"{pictures:,} pictures teach weights drawn at random little; {PACKAGED} begins with trained ones and usually "
        "reaches far more in less time"
    )


def much_enlarged(recipe: Recipe, preprocess: Preprocess, typical_px: int) -> str | None:
    """What to say of pictures that are enlarged because weights were used at a larger size; None: nothing.

    typical_px: their usual shorter side.

    >>> much_enlarged(Recipe(model="resnet18", weights="imagenet"), Preprocess((224, 224)), 32)
    'pictures of 32 px are enlarged to 224 px, the size that these weights were used at; --size 64 takes about a \
twelfth of the time'
    """
    side = min(preprocess.size)
    smaller = SIZE_STEP_PX * math.ceil(2 * typical_px / SIZE_STEP_PX)
    if recipe.weights is None or recipe.size_px is not None or smaller > side / 1.5:
        return None
    times = round((side / smaller) ** 2)
    part = {2: "half", 3: "a third", 4: "a quarter", 12: "a twelfth"}.get(times, f"1/{times}")
    return (
        f"pictures of {typical_px} px are enlarged to {side} px, the size that these weights were used at; "
        f"--size {smaller} takes about {part} of the time"
    )


def few_steps(recipe: Recipe, pictures: int) -> str | None:
    """What to do about a run from drawn weights whose epochs are single steps, too few to learn; None: nothing.

    pictures: to train on.

    >>> few_steps(Recipe(model="resnet18", epochs=18, batch_size=256), 68)
    'one batch of 256 holds all 68 pictures, so that 18 epochs are 18 steps, too few to learn from drawn weights: take \
a smaller batch_size (--set batch_size=8), more --epochs, or --weights embedded without --model, which begins with \
trained weights'
    """
    if recipe.weights is not None or recipe.batch_size < pictures or recipe.epochs >= ENOUGH_STEPS:
        return None
    smaller = max(LEAST_BATCH, 2 ** int(math.log2(max(1, pictures / 8))))
    batches = (
        f"a smaller batch_size (--set batch_size={smaller}), " if smaller < min(pictures, recipe.batch_size) else ""
    )
    return (
        f"one batch of {recipe.batch_size} holds all {pictures:,} pictures, so that {counted(recipe.epochs, 'epoch')} "
        f"{'is' if recipe.epochs == 1 else 'are'} {counted(recipe.epochs, 'step')}, too few to learn from drawn "
        f"weights: take {batches}more --epochs, or {PACKAGED}, which begins with trained weights"
    )
