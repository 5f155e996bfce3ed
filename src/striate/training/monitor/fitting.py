"""What training pictures and others say together: learned by heart, or not learned."""

from __future__ import annotations

from striate.ops.metrics import wilson_interval
from striate.tasks.finding import Finding
from striate.training.monitor.status import EPOCHS_TO_LEARN, GOOD_ACCURACY, RunStatus

GAP = 0.10


def over_fitting(status: RunStatus) -> Finding | None:
    """Training pictures are known far better than others, intervals apart: by ten points, half the errors or fewer.

    Compared are equal things: both accuracies are of pictures as they are, in evaluation mode.
    """
    seen, (low, high) = status.activations, status.val_interval
    if seen is None:
        return None
    train_low = wilson_interval(seen.correct, seen.pictures)[0]
    train = seen.correct / seen.pictures
    if train_low - high < GAP or 1 - train > 0.5 * (1 - status.now["val_accuracy"]):
        return None
    meaning = (
        "Validation is no better than chance, so nothing was learned that holds for other pictures: usually the labels "
        "do not belong to the pictures, or there are far too few. Look at some pictures with their labels first"
        if status.val_is_at_chance
        else "The network learns by heart. More pictures help most; then more variation (--set flip=true, "
        "--set min_area=0.35, --set erase=0.25), more --set weight_decay=..., --set label_smoothing=0.1, a smaller "
        "network, fewer epochs"
    )
    return Finding(
        "over-fitting",
        f"over-fitting: {train:.1%} correct of {seen.pictures} training pictures (unvaried), "
        f"{status.now['val_accuracy']:.1%} of validation (95 % interval {low:.1%} to {high:.1%}). {meaning}",
    )


def under_fitting(status: RunStatus) -> Finding | None:
    """At the end, not even the training pictures are known, and validation is as good."""
    seen, (low, high) = status.activations, status.val_interval
    judged = status.is_over and status.can_be_judged
    if seen is None or not judged or status.loss_is_flat or status.val_is_at_chance:
        return None
    train_low, train_high = wilson_interval(seen.correct, seen.pictures)
    if train_high >= GOOD_ACCURACY or train_low > high:
        return None
    best = max(line["val_accuracy"] for line in status.history)
    before = status.history[: max(1, len(status.history) * 3 // 4)]
    rising = best > max(line["val_accuracy"] for line in before) + 0.01
    advice = (
        f"It was still getting better: train longer (--epochs {2 * status.recipe.epochs})"
        if rising or len(status.history) < EPOCHS_TO_LEARN
        else "It had stopped getting better: a larger network, less weight decay, dropout or variation of the "
        "pictures, or another rate"
    )
    return Finding(
        "under-fitting",
        f"under-fitting: only {seen.correct / seen.pictures:.1%} correct of {seen.pictures} training pictures "
        f"(unvaried), {status.now['val_accuracy']:.1%} of validation ({low:.1%} to {high:.1%}): no gap, so the network "
        f"could learn more. {advice}",
    )
