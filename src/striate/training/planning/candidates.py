"""The trainings that are planned for: every network that suits the pictures, and what the house begins with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from striate.answers.boxes import LOCALISATION
from striate.answers.classes import CLASSIFICATION
from striate.core.records import Preprocess
from striate.models import list_models
from striate.models.localisation import ONE_BOX
from striate.models.stored import EMBEDDED
from striate.tasks.task import Task
from striate.training import prepared

ENLARGED_PX = 64  # what any picture may be enlarged to
LARGE_PX = 224  # and what it may be reduced to, however large it is
TWICE = 2  # as large as pictures are, or half, is no harm
FAST_PX, DIGITS_PX = 96, 16  # the recipes `fast` and `digits_lenet5` are for pictures of no more

TRAINED_HERE = ("resnet18", "resnet20", "lenet5")  # by the usual recipe, from drawn weights, to the end


@dataclass(frozen=True)
class Candidate:
    """A training that may be made: a network, the recipe where that is not the usual one of its task, and the weights
    that it begins with where these are not the recipe's.

    >>> Candidate("quick_regnet26", weights="embedded").flags, Candidate("quick_regnet26", "fast").flags
    (['--weights', 'embedded'], ['--recipe', 'fast'])
    """

    model: str
    recipe: str | None = None
    weights: str | None = None

    def __str__(self) -> str:
        """As a person reads it."""
        if self.weights is not None:
            return f"{self.model} from the {self.weights} weights"
        return self.model if self.recipe is None else f"{self.model} by the recipe {self.recipe}"

    @property
    def is_plain(self) -> bool:
        """Whether it is a network as any other, not what the house begins with."""
        return self.recipe is None and self.weights is None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a recipe that make it."""
        return {"model": self.model} if self.weights is None else {"weights": self.weights}

    @property
    def flags(self) -> list[str]:
        """The words of the command line that make it."""
        if self.weights is not None:
            return ["--weights", self.weights]
        return ["--model", self.model] if self.recipe is None else ["--recipe", self.recipe]


def candidates(task: Task, typical_px: int) -> Iterator[Candidate]:
    """The trainings of a task. typical_px: the usual shorter side of its pictures.

    >>> from striate.tasks import TASKS
    >>> [each.flags[-1] for each in candidates(TASKS["classification"], 64)][:4]
    ['embedded', 'fast', 'perceptron', 'mlp']
    """
    if task.needs == CLASSIFICATION:
        yield Candidate("quick_regnet26", weights=EMBEDDED)
        if typical_px <= prepared.SMALL_PX:
            yield Candidate("airbench94", "small_pictures")  # which `fast` is for these
        elif typical_px <= FAST_PX:
            yield Candidate("quick_regnet26", "fast")
        if typical_px <= DIGITS_PX:
            yield Candidate("lenet5", "digits_lenet5")
    for name in list_models(f"*{ONE_BOX}" if task.needs == LOCALISATION else "*", task=task.answered_by):
        yield Candidate(name)


def short_list(task: Task, typical_px: int) -> Iterator[Candidate]:
    """Those that may be recommended: what the house begins with, and what it has trained to the end."""
    for each in candidates(task, typical_px):
        if not each.is_plain or each.model in TRAINED_HERE or task.needs != CLASSIFICATION:
            yield each


def suits(preprocess: Preprocess, typical_px: int) -> bool:
    """Whether a network sees pictures at about the size that they have.

    preprocess: of the network on these pictures.

    >>> small, large = Preprocess((32, 32), (32, 32)), Preprocess((224, 224), (256, 256))
    >>> suits(small, 64), suits(small, 200), suits(large, 500), suits(large, 32)
    (True, False, True, False)
    """
    side = min(preprocess.size)
    return min(typical_px, LARGE_PX) <= TWICE * side and side <= max(ENLARGED_PX, TWICE * typical_px)
