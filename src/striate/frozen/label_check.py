"""Which labels of a dataset are likely wrong, by what a network's features say of its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.core.values import checked
from striate.data.decode import Pixels
from striate.data.in_memory import Data
from striate.data.scan import Progress
from striate.frozen.label_errors import FEWEST_OF_A_CLASS, Suspect, find_suspects, small_classes
from striate.frozen.linear import Validated, cross_validate
from striate.frozen.of_dataset import DatasetFeatures, extract_features
from striate.runtime.global_state import global_state_kept

THUMBNAIL_PX = (160, 160)


@dataclass(frozen=True)
class LabelCheck:
    """Pictures whose label is most likely wrong, surest first.

    validated: what linear classifiers answer on pictures that they did not see.
    """

    dataset_features: DatasetFeatures
    validated: Validated

    @cached_property
    def suspects(self) -> list[Suspect]:
        """Surest first; their places are rows of `dataset_features`."""
        return find_suspects(self.validated.probabilities, self.dataset_features.labels)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.dataset_features.dataset.classes

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Classes with too few pictures to doubt a label of them."""
        small = small_classes(self.dataset_features.labels, len(self.classes))
        return tuple(self.classes[number] for number in small.tolist())

    def pixels(self, suspect: Suspect) -> Pixels:
        """A picture as it is shown, uint8 (H, W, 3)."""
        dataset_features = self.dataset_features
        number = int(dataset_features.indices[suspect.place])
        return dataset_features.dataset.pictures.decode(number, 3, THUMBNAIL_PX, dataset_features.white)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "weights": self.dataset_features.weights,
            "pictures": len(self.dataset_features.labels),
            "cross_validated_accuracy": self.validated.accuracy,
            "cross_validated_interval": list(self.validated.interval),
            "unjudged_classes": list(self.unjudged),
            "suspects": [
                {
                    "path": self.dataset_features.name(suspect.place),
                    "given": self.classes[suspect.given],
                    "likely": self.classes[suspect.likely],
                    "given_probability": suspect.given_probability,
                    "likely_probability": suspect.likely_probability,
                }
                for suspect in self.suspects
            ],
        }

    def __str__(self) -> str:
        """One sentence: how many of how many, and how well they were told apart."""
        low, high = self.validated.interval
        return (
            f"labels: {len(self.suspects):,} of {counted(len(self.dataset_features.labels), 'picture')} "
            f"{'has' if len(self.suspects) == 1 else 'have'} a label that is likely "
            f"wrong, by a linear classifier of {self.dataset_features.weights} features that is correct on "
            f"{self.validated.accuracy:.1%} of the pictures it did not see (95 % interval {low:.1%} to {high:.1%})"
        )


@checked
@global_state_kept()
def check_labels(
    data: Data,
    weights: str | Path = "embedded",
    model: str | None = None,
    progress: Progress | None = None,
    *,
    val: Data | None = None,
    test: Data | None = None,
) -> LabelCheck:
    """Find the pictures of a dataset, in all splits, whose label is most likely wrong.

    val, test: of its pictures that lie elsewhere. weights, model: of the network whose features are looked at, as in
    `striate.load`; best one that was not trained on these pictures, for one that was has learned their labels, the
    wrong ones too.
    Raises StriateError for what is no data or no weights, and where no class has enough pictures to judge by.
    """
    dataset_features = extract_features(data, weights, model, progress, val=val, test=test)
    classes = len(dataset_features.dataset.classes)
    if len(small_classes(dataset_features.labels, classes)) == classes:
        raise StriateError(
            f"{dataset_features.dataset.source}: no class has {FEWEST_OF_A_CLASS} readable pictures; labels cannot be "
            "judged by so few"
        )
    return LabelCheck(dataset_features, cross_validate(dataset_features.features, dataset_features.labels, classes))
