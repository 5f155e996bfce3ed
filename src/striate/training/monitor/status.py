"""How far a run has come, in numbers: what the findings are made from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from striate.core.records import Preprocess
from striate.ops.metrics import wilson_interval
from striate.training.monitor.health import ActivationStats, UpdateStats
from striate.training.recipe import Recipe

FLAT_FROM = 0.95  # of the loss of a network that knows no more than how frequent the classes are
EPOCHS_TO_LEARN = 3
STEPS_TO_JUDGE = 50  # fewer say nothing of a setting: sixteen steps at the right rate look like those at a wrong one
PACKAGED = "--weights embedded without --model"  # of another network they are refused
FEW_PICTURES = 2_000  # to train on: fewer teach drawn weights little of photographs
GOOD_ACCURACY = 0.90
LEAST_BATCH = 4  # that is ever advised: batch norms learn little of fewer, and of one nothing
PHOTOGRAPHS_FROM_PX = 48  # smaller ones, and grey ones, are letters and icons, of which few teach enough


@dataclass(frozen=True)
class RunStatus:
    """A run as far as it has come.

    history: the lines of metrics.jsonl. classes: 0 where they are not what is learned; then prior_entropy and chance
    are 0 too. head_weights: sum of the weights of all heads in the loss; 1 for one head.
    prior_entropy: of answering with the frequencies of the classes. chance: accuracy of always answering the most
    frequent class. val_pictures: how many the validation accuracy is of. train_pictures: how many
    are trained on; 0 where drawn weights are right for them. share_seen: of
    the area of a typical picture. update_stats, activations: of this epoch, when they were taken.
    """

    recipe: Recipe
    history: list[dict[str, Any]]
    first_loss: float
    classes: int
    head_weights: float
    prior_entropy: float
    chance: float
    val_pictures: int
    train_pictures: int = 0
    share_seen: float = 1.0
    update_stats: UpdateStats | None = None
    activations: ActivationStats | None = None

    @property
    def knows_chance(self) -> bool:
        """Whether there are classes, so that it is known what knowing nothing reaches."""
        return self.classes > 0

    @property
    def now(self) -> dict[str, Any]:
        """The newest line."""
        return self.history[-1]

    @property
    def chance_loss(self) -> float:
        """The loss of answering every class alike; label smoothing does not change it, for all targets sum to one."""
        return self.head_weights * math.log(self.classes)

    @property
    def is_over(self) -> bool:
        """Whether this was the last epoch."""
        return bool(self.now["epoch"] >= self.recipe.epochs)

    @property
    def can_be_judged(self) -> bool:
        """Whether enough steps were made to say anything of how they were made."""
        return bool(self.now["step"] >= STEPS_TO_JUDGE)

    @property
    def had_its_chance(self) -> bool:
        """Whether enough steps, and epochs beyond the warm-up, have passed for a network to have learned something."""
        epochs = self.is_over or self.now["epoch"] >= self.recipe.warmup_epochs + EPOCHS_TO_LEARN
        return self.can_be_judged and epochs

    @property
    def val_interval(self) -> tuple[float, float]:
        """95 % interval of the validation accuracy."""
        return wilson_interval(round(self.now["val_accuracy"] * self.val_pictures), self.val_pictures)

    @property
    def val_is_at_chance(self) -> bool:
        """Whether the validation accuracy may be that of always giving one answer."""
        return self.val_interval[0] <= self.chance

    @property
    def loss_is_flat(self) -> bool:
        """Whether the loss is that of knowing nothing, and the accuracy says nothing else."""
        if not self.knows_chance:
            return False
        near_chance = self.val_interval[0] <= self.chance + 0.1 * (1 - self.chance)
        return bool(self.now["train_loss"] >= FLAT_FROM * self.prior_entropy and near_chance)

    @property
    def largest_ratio(self) -> float | None:
        """The largest ratio of update to weight so far, among those taken while the rate was high."""
        rate = 0.5 * self.recipe.peak_lr  # not the highest of the history, which may have no line from early on
        return max((line["update_ratio"] for line in self.history if "update_ratio" in line and line["lr"] >= rate),
                   default=None)  # fmt: skip


def are_photographs(preprocess: Preprocess) -> bool:
    """Whether a network sees pictures as photographs are: in colour, and not tiny.

    >>> are_photographs(Preprocess((224, 224))), are_photographs(Preprocess((32, 32)).for_channels(1))
    (True, False)
    """
    return preprocess.channels == 3 and min(preprocess.size) >= PHOTOGRAPHS_FROM_PX
