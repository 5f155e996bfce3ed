"""How good the house's trainings have become: figures that were measured, with where they stand and when."""

from __future__ import annotations

from dataclasses import dataclass

from striate.answers.classes import CLASSIFICATION

ALIKE, ALIKE_COUNT = 2, 3  # as many classes, as large; pictures of each


@dataclass(frozen=True)
class Measured:
    """A training of the house and what it reached.

    low, high: of test or validation accuracy, 0 to 1: over seeds, or the 95 % interval of one run. px: the shorter side
    of the pictures. classes, of_each: how many, and training pictures of each. on: what the pictures show.
    """

    model: str
    weights: str | None
    recipe: str
    low: float
    high: float
    classes: int
    of_each: int
    px: int
    epochs: int
    on: str
    source: str
    date: str

    def is_like(self, classes: int, of_each: float, px: int) -> bool:
        """Whether pictures are about as many and as large as those it was measured on."""
        pairs = ((classes, self.classes, ALIKE), (of_each, self.of_each, ALIKE_COUNT), (px, self.px, ALIKE))
        return all(one <= limit * other and other <= limit * one for one, other, limit in pairs)


# fmt: off
MEASURED = (
    Measured("lenet5", None, "digits_lenet5", 0.989, 0.994, 10, 126, 8, 40,
             "scikit-learn's digits, 5 seeds", "docs/measured.md", "2026-11-21"),
    Measured("resnet18", None, "default", 0.530, 0.546, 10, 400, 64, 10,
             "10 classes of Tiny-ImageNet, 2 seeds", "docs/measured.md", "2026-11-21"),
    Measured("quick_regnet26", None, "fast", 0.546, 0.566, 200, 400, 64, 21,
             "200 classes of Tiny-ImageNet, 1 seed", "docs/measured.md", "2026-11-21"),
    Measured("quick_regnet26", "embedded", "finetune", 0.976, 0.996, 8, 20, 64, 20,
             "8 textures, 5 seeds", "benchmarks/transfer.md", "2026-11-22"),
    Measured("quick_regnet26", "embedded", "finetune", 0.902, 0.984, 2, 25, 25, 20,
             "faces and patches without one, 5 seeds", "benchmarks/transfer.md", "2026-11-22"),
    Measured("quick_regnet26", "embedded", "finetune", 0.708, 0.844, 10, 10, 8, 20,
             "10 handwritten digits, 5 seeds", "benchmarks/transfer.md", "2026-11-22"),
)
# fmt: on

FEW_PICTURES = 400  # of a class: up to here benchmarks/transfer.md has measured trained weights ahead of drawn ones


def measured_on_such(
    task: str, model: str, weights: str | None, recipe: str, pictures: tuple[int, float, int]
) -> Measured | None:
    """The figure of a training on pictures that are about as many and as large; None where nobody has measured one.

    pictures: how many classes, training pictures of each, and the shorter side in pixels.

    >>> measured_on_such("classification", "resnet18", None, "default", (12, 500, 64)).on
    '10 classes of Tiny-ImageNet, 2 seeds'
    >>> measured_on_such("classification", "vgg16", None, "default", (12, 500, 64)) is None
    True
    """
    if task != CLASSIFICATION:
        return None
    named = (model, weights, recipe)
    found = (each for each in MEASURED if (each.model, each.weights, each.recipe) == named and each.is_like(*pictures))
    return next(found, None)
