"""What to say of runs that had too few steps, or too few pictures, for anything else to be said of them."""

from __future__ import annotations

import math

from striate.core.units import counted
from striate.tasks.finding import Finding
from striate.training.monitor.status import (
    FEW_PICTURES,
    GOOD_ACCURACY,
    LEAST_BATCH,
    PACKAGED,
    STEPS_TO_JUDGE,
    RunStatus,
)


def few_steps(status: RunStatus) -> Finding | None:
    """A run that ends before anything can be said of its settings, with nothing learned."""
    if status.can_be_judged or not status.is_over or not status.loss_is_flat:
        return None
    smaller = max(LEAST_BATCH, status.recipe.batch_size // 4)
    batches = f"in smaller batches (--set batch_size={smaller}), or " if smaller < status.recipe.batch_size else ""
    more = math.ceil(status.recipe.epochs * STEPS_TO_JUDGE / max(1, status.now["step"]))
    return Finding(
        "few steps",
        f"little was learned in {counted(status.now['step'], 'step')}, and fewer than {STEPS_TO_JUDGE} say nothing of "
        f"rate or network: train longer (--epochs {more}), or {batches}begin with trained weights ({PACKAGED})",
    )


def few_pictures(status: RunStatus) -> Finding | None:
    """The end of a run from drawn weights on few photographs, which trained weights would have told apart better."""
    if not status.is_over or status.recipe.weights is not None or not 0 < status.train_pictures < FEW_PICTURES:
        return None
    if status.val_interval[0] >= GOOD_ACCURACY:
        return None
    return Finding(
        "few pictures",
        f"validation accuracy is {status.now['val_accuracy']:.1%}; {status.train_pictures:,} pictures teach weights "
        "drawn at random little. Weights that were trained on other pictures help most, before any other setting: "
        f"{PACKAGED}",
    )
