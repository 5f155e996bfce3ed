"""What more pictures of a dataset would bring, by what a network's features make of those that are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen
from striate.core.values import checked
from striate.data.in_memory import Data
from striate.data.scan import Progress
from striate.frozen.learning_curve import ClassGain, LearningCurve, measure_curve
from striate.frozen.of_dataset import DatasetFeatures, extract_features
from striate.runtime.global_state import global_state_kept

ADDED = 50


@dataclass(frozen=True, repr=False)
class DataCurve(OneScreen):
    """Accuracy over the number of pictures, with the names of what it was measured on."""

    dataset_features: DatasetFeatures
    curve: LearningCurve

    @property
    def twice(self) -> int:
        """Twice as many pictures as there are."""
        return 2 * self.curve.pictures

    def class_name(self, gain: ClassGain) -> str:
        """Whose gain it is."""
        return self.dataset_features.dataset.classes[gain.number]

    def to_dict(self) -> dict[str, Any]:
        """For JSON; shares and accuracies are 0..1."""
        curve = self.curve
        accuracy, low, high = curve.forecast(self.twice)
        law = {"floor": curve.law.floor, "scale": curve.law.scale, "exponent": curve.law.exponent}
        return {
            "source": self.dataset_features.dataset.source,
            "weights": self.dataset_features.weights,
            "pictures": curve.pictures,
            "sizes": [{**vars(size), "interval": list(size.interval)} for size in curve.sizes],
            "error_law": law,
            "forecast": {"pictures": self.twice, "accuracy": accuracy, "interval": [low, high]},
            "added_pictures": curve.added,
            "classes": [
                {
                    "class": self.class_name(gain),
                    "pictures": gain.pictures,
                    "error": gain.error,
                    "gain": gain.gain,
                    "gain_interval": list(gain.interval),
                }
                for gain in curve.gains
            ],
        }

    def sentences(self) -> tuple[str, str]:
        """What twice as many pictures would bring, and more pictures of which class."""
        now, (accuracy, low, high) = self.curve.sizes[-1], self.curve.forecast(self.twice)
        twice = (
            f"now {now.accuracy:.1%} with {now.pictures:,} pictures to train on; twice as many as there are, "
            f"{self.twice:,}, are forecast to bring {accuracy:.1%} (95 % interval {low:.1%} to {high:.1%})"
        )
        added = self.curve.added
        clear = [gain for gain in self.curve.gains if gain.interval[0] > 0]
        if not clear:
            return twice, f"no class stands out: what {added} more pictures of one would bring is lost in the noise"
        best = clear[0]
        low, high = best.interval
        return twice, (
            f"of one class alone, {added} more pictures of {self.class_name(best)} would bring most: "
            f"{100 * best.gain:+.1f} points of mean recall over the classes "
            f"(95 % interval {100 * low:+.1f} to {100 * high:+.1f})"
        )

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        sizes = {f"{size.pictures:,} pictures": f"{size.accuracy:.1%}" for size in self.curve.sizes}
        return {"source": self.dataset_features.dataset.source, **sizes, "forecast": self.sentences()[0]}


@checked
@global_state_kept()
def learning_curve(
    data: Data,
    weights: str | Path = "embedded",
    model: str | None = None,
    *,
    added: int = ADDED,
    seed: int = 0,
    progress: Progress | None = None,
    val: Data | None = None,
    test: Data | None = None,
) -> DataCurve:
    """Measure accuracy over the number of pictures, of all splits together, by linear classifiers of features.

    data, val, test: as in `train`. weights, model: of the network whose features are looked at, as in `striate.load`;
    one that was trained on these pictures flatters. added: pictures of one class whose gain is told. progress: called
    with (done, total) of the pictures that are decoded, then of the classifiers.
    Raises StriateError for what is no data or no weights, and for fewer than 20 pictures.
    """
    if added < 1:
        raise StriateError(f"added must be at least 1 picture, got {added}")
    dataset_features = extract_features(data, weights, model, progress, val=val, test=test)
    classes = len(dataset_features.dataset.classes)
    return DataCurve(
        dataset_features,
        measure_curve(dataset_features.features, dataset_features.labels, classes, added, seed, progress),
    )
