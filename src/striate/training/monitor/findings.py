"""What the numbers of a run say about it, in plain words: seen, what it usually means, what to do.

Pure functions of numbers. The advice is what lectures on convolutional networks teach as babysitting the learning
process (Stanford CS231n, "Neural networks 3"); the limits were set on good and on spoilt runs, see docs/babysitting.md.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from striate.data.seen import LEAST_SEEN, why_little_is_learned
from striate.ops.metrics import wilson_interval
from striate.tasks.finding import Finding
from striate.training.monitor.fitting import over_fitting, under_fitting
from striate.training.monitor.status import EPOCHS_TO_LEARN, RunStatus
from striate.training.monitor.too_little import few_pictures, few_steps
from striate.training.recipe import Recipe

HEALTHY_RATIO = 1e-3  # of update to weight
SMALL_RATIO, LARGE_RATIO = 1e-5, 0.1
LARGE_DECAY = 0.01  # of the weights, in one step
DEAD_IN_A_LAYER, DEAD_IN_ALL, SMALLEST_LAYER = 0.9, 0.6, 16
VANISHED = 1e-6
LATE_RATE = 0.3


def findings(status: RunStatus) -> list[Finding]:
    """Everything that there is to say about a run now; nothing about a good one."""
    checks = [check for check in CHECKS if status.knows_chance or check not in OF_CLASSES]
    return [finding for check in checks if (finding := check(status)) is not None]


def first_loss_finding(status: RunStatus) -> Finding | None:
    """Equal answers for all classes cost ln(classes), with label smoothing too: all targets sum to one.

    Networks drawn as their papers say begin at up to four times that on few classes, and learn (measured over the zoo).
    A low first loss means weights that were trained before, which is no mistake.
    """
    if len(status.history) > 1 or status.first_loss <= 3 * status.chance_loss + 5:
        return None
    heads = f"{status.head_weights:g} x " if status.head_weights != 1 else ""
    return Finding(
        "first loss",
        f"the first loss was {status.first_loss:.4g}; a network that knows nothing yet should begin near "
        f"{status.chance_loss:.2f} ({heads}ln({status.classes})). It begins sure of wrong answers: usually "
        "weights drawn too large, or pictures whose numbers are too large. A warm-up bridges it "
        f"(--set warmup_epochs=3); a lower rate helps too (--set peak_lr={_rounded(status.recipe.peak_lr / 10)})",
    )


def flat_loss(status: RunStatus) -> Finding | None:
    """The loss stays at that of knowing nothing, and the accuracy at chance."""
    if not (status.had_its_chance and status.loss_is_flat):
        return None
    one = status.activations is not None and status.activations.top_share > 0.99
    return Finding(
        "flat loss",
        f"{'nothing' if status.val_is_at_chance else 'hardly anything'} was learned so far: the loss is "
        f"{status.now['train_loss']:.4g}, that of knowing only how frequent the classes are is "
        f"{status.prior_entropy:.4g}; validation accuracy is {status.now['val_accuracy']:.1%}, "
        f"always giving one answer has {status.chance:.1%}"
        f"{'; every picture gets the same answer' if one else ''}. {_why_flat(status)}",
    )


def _why_flat(status: RunStatus) -> str:
    recipe, ratio = status.recipe, status.largest_ratio
    if recipe.peak_lr == 0:
        return "The rate is 0, so nothing can change: --set peak_lr=0.05"
    if decay_is_large(recipe):
        return _decay_words(recipe)
    if status.share_seen < LEAST_SEEN:
        return why_little_is_learned(status.share_seen)
    if ratio == 0:
        return (
            "No gradient reaches the weights: usually they were all drawn as zero, or every ReLU is dead. Draw them at "
            "random (striate.layers has initialisers), with biases at zero, and begin with a lower rate"
        )
    if ratio is not None and ratio < HEALTHY_RATIO / 3:
        return f"A step changes the weights by {ratio:.1g} of their size, 0.001 is usual: {_raise_rate(recipe, ratio)}"
    if status.now["train_loss"] > 1.05 * status.prior_entropy or (ratio or 0) > LARGE_RATIO:
        return f"The rate is usually too high then: --set peak_lr={_rounded(recipe.peak_lr / 10)}"
    return (
        "Usually the rate is wrong (--set peak_lr=..., ten times less, then ten times more), or the labels do not "
        "belong to the pictures: look at some of them. A network that cannot learn 20 pictures by heart has a fault"
    )


def rising_loss(status: RunStatus) -> Finding | None:
    """Three epochs in a row, each of a higher loss than the one before, and by now clearly above the best."""
    losses = [line["train_loss"] for line in status.history if line["epoch"] > status.recipe.warmup_epochs]
    if not status.can_be_judged or len(losses) < 4 or not losses[-4] < losses[-3] < losses[-2] < losses[-1]:
        return None
    if losses[-1] - min(losses) < max(0.2 * min(losses), 0.1 * status.prior_entropy):  # near zero, losses wander
        return None
    return Finding(
        "rising loss",
        f"the training loss rises: {min(losses):.4g} at best, {losses[-1]:.4g} now. Usually the rate is too high: "
        f"--set peak_lr={_rounded(status.recipe.peak_lr / 3)}",
    )


def at_chance(status: RunStatus) -> Finding | None:
    """The loss falls, yet what evaluation sees is no better than chance, on training pictures too."""
    seen = status.activations
    if seen is None or not status.had_its_chance or status.loss_is_flat or not status.val_is_at_chance:
        return None
    if wilson_interval(seen.correct, seen.pictures)[0] > status.chance:
        return None
    one = " with one answer for all pictures" if seen.top_share > 0.99 else ""
    return Finding(
        "at chance",
        f"while training {status.now['train_accuracy']:.1%} of the answers were correct, but evaluated the network is "
        f"at chance{one}: {seen.correct / seen.pictures:.1%} of training, {status.now['val_accuracy']:.1%} of "
        f"validation pictures. Usually batch norm's running statistics do not fit: larger batches (--set batch_size="
        f"{2 * status.recipe.batch_size}), or a lower rate (--set peak_lr={_rounded(status.recipe.peak_lr / 10)})",
    )


def dead_units(status: RunStatus) -> Finding | None:
    """ReLU channels that no picture wakes."""
    seen = status.activations
    if seen is None or not seen.units:
        return None
    worst = max(seen.units, key=lambda path: (seen.dead[path] / seen.units[path], seen.units[path]))
    in_worst = seen.dead[worst] / seen.units[worst]
    bad_layer = in_worst >= DEAD_IN_A_LAYER and seen.units[worst] >= SMALLEST_LAYER
    if not bad_layer and seen.dead_share < DEAD_IN_ALL:
        return None
    return Finding(
        "dead units",
        f"{sum(seen.dead.values()):,} of {sum(seen.units.values()):,} ReLU channels ({seen.dead_share:.0%}) were "
        f"zero in all of {seen.pictures} pictures, most in {worst!r} ({seen.dead[worst]} of {seen.units[worst]}). "
        "They get no gradient and stay so: usually the rate was too high at some time, or weights or biases were badly "
        "drawn. "
        f"A lower rate (--set peak_lr={_rounded(status.recipe.peak_lr / 10)}) or a warm-up (--set warmup_epochs=3) "
        "keeps them alive",
    )


def small_updates(status: RunStatus) -> Finding | None:
    """Weights that hardly move, unless that was said with the flat loss."""
    ratio = status.largest_ratio
    if ratio is None or not 0 < ratio < SMALL_RATIO or (status.had_its_chance and status.loss_is_flat):
        return None
    return Finding(
        "small updates",
        f"a step changes the weights by {ratio:.1g} of their size (median over the layers); about 0.001 is usual. "
        f"Learning takes very long at this pace: {_raise_rate(status.recipe, ratio)}",
    )


def large_updates(status: RunStatus) -> Finding | None:
    """Weights that are thrown about, where the loss shows it; under batch norm it may do no harm."""
    ratio = status.now.get("update_ratio")
    warm = status.now["epoch"] > status.recipe.warmup_epochs
    if ratio is None or ratio <= LARGE_RATIO or not (warm and status.can_be_judged) or decay_is_large(status.recipe):
        return None
    if status.now["train_loss"] < 0.7 * status.prior_entropy:
        return None
    return Finding(
        "large updates",
        f"a step changes the weights by {ratio:.1g} of their size (median over the layers), about 0.001 is usual, and "
        f"the loss, {status.now['train_loss']:.4g}, hardly falls. The rate is usually too high: "
        f"--set peak_lr={_rounded(status.recipe.peak_lr * HEALTHY_RATIO / ratio)}",
    )


def large_decay(status: RunStatus) -> Finding | None:
    """Weight decay that eats the weights faster than they can learn, unless that was said with the flat loss."""
    if not decay_is_large(status.recipe) or (status.had_its_chance and status.loss_is_flat):
        return None
    return Finding("large decay", _decay_words(status.recipe))


def vanishing(status: RunStatus) -> Finding | None:
    """Gradients that are lost on their way to the first layers."""
    layers = status.update_stats.layers if status.update_stats else []
    third = len(layers) // 3
    if not third or decay_is_large(status.recipe):
        return None
    first = median(layer.gradient for layer in layers[:third])
    last = median(layer.gradient for layer in layers[-third:])
    if not 0 < first < VANISHED * last:
        return None
    return Finding(
        "vanishing gradient",
        f"the gradient is lost on its way to the pictures: {first:.1g} of the weights' size in the first layers "
        f"({layers[0].path!r}), {last:.1g} in the last. The first layers do not learn. Usually a deep network of "
        "saturating units without normalisation: take one with batch norm or shortcuts (striate models 'resnet*')",
    )


def exploding(status: RunStatus) -> Finding | None:
    """Gradients a hundred times what they were."""
    norms = [line["grad_norm"] for line in status.history if line.get("grad_norm")]
    if status.update_stats is None or len(norms) < 3 or not norms[-1] > 100 * median(norms[:-1]):
        return None
    return Finding(
        "exploding gradient",
        f"the norm of the gradient is {norms[-1]:.3g}, it was {median(norms[:-1]):.3g}. The run is about to diverge: "
        f"a lower rate (--set peak_lr={_rounded(status.recipe.peak_lr / 3)}) or a longer warm-up",
    )


def late_rate(status: RunStatus) -> Finding | None:
    """A rate that has not come down when the run ends."""
    highest = status.recipe.peak_lr
    if (
        not (status.is_over and status.can_be_judged)
        or status.recipe.epochs < EPOCHS_TO_LEARN
        or status.now["lr"] < LATE_RATE * highest
    ):
        return None
    if status.loss_is_flat:  # then the rate's end is not what matters
        return None
    return Finding(
        "late rate",
        f"the run ended at a rate of {status.now['lr']:.2g}, its highest was {highest:.2g}. The last steps still jump "
        "about the minimum; ending near zero usually gains accuracy: --set schedule=cosine",
    )


def decay_is_large(recipe: Recipe) -> bool:
    """Whether one step at the highest rate takes a hundredth of the weights or more."""
    return recipe.peak_lr * recipe.weight_decay >= LARGE_DECAY


def _decay_words(recipe: Recipe) -> str:
    share = recipe.peak_lr * recipe.weight_decay
    return (
        f"Weight decay takes {min(1, share):.0%} of the weights in every step at the highest rate "
        f"(peak_lr {recipe.peak_lr:g} times weight_decay {recipe.weight_decay:g}), faster than they can learn: "
        "--set weight_decay=0.0005"
    )


def _raise_rate(recipe: Recipe, ratio: float) -> str:
    return f"raise the rate, --set peak_lr={_rounded(recipe.peak_lr * min(1000, HEALTHY_RATIO / max(ratio, 1e-9)))}"


def _rounded(rate: float) -> str:
    """A rate with one digit, as a person would type it.

    >>> _rounded(0.0337), _rounded(2.4e-05), _rounded(104.0)
    ('0.03', '2e-05', '100')
    """
    return f"{float(f'{rate:.1g}'):g}"


CHECKS: tuple[Callable[[RunStatus], Finding | None], ...] = (
    first_loss_finding,
    few_pictures,
    flat_loss,
    few_steps,
    rising_loss,
    at_chance,
    dead_units,
    small_updates,
    large_updates,
    large_decay,
    vanishing,
    exploding,
    over_fitting,
    under_fitting,
    late_rate,
)
OF_CLASSES = {first_loss_finding, few_pictures, flat_loss, at_chance, over_fitting, under_fitting}
"""Those that compare with what knowing nothing but the classes would reach."""
