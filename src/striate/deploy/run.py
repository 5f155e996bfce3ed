"""A trained run: predictions and evaluation with exactly the preprocessing that it was trained with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from striate.analysis.summary import summarize
from striate.core.errors import StriateError
from striate.core.files import read_json
from striate.core.records import Preprocess
from striate.data.batches import Batches
from striate.data.cache import DecodedPictures
from striate.data.dataset import Dataset
from striate.data.decode import EXTENSIONS, DecodeError, Pixels, read_picture
from striate.data.picture import to_batch, to_working_size
from striate.data.scan import Progress, in_threads
from striate.deploy.bundle import Bundle, load_bundle
from striate.models import Network
from striate.tasks.classification import Evaluation, evaluate, predict_logits
from striate.tasks.placement import place

BATCH_SIZE = 32


@dataclass(frozen=True)
class Prediction:
    """What a network says of one picture; label and probability are None where `problem` says why there are none.

    top: the most probable classes with their probabilities, best first.
    """

    path: str
    label: str | None
    probability: float | None
    top: tuple[tuple[str, float], ...]
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "top": [{"label": label, "probability": probability} for label, probability in self.top],
            **({"problem": self.problem} if self.problem else {}),
        }


class Run:
    """A run folder, opened for use. Raises StriateError when a file in it is missing or damaged.

    precision: "auto", "bf16" or "fp32".
    """

    def __init__(self, folder: str | Path, precision: str = "auto") -> None:
        self.path = Path(folder)
        self._bundle: Bundle = load_bundle(self.path)
        self.placement = place(precision, summarize(self._bundle.network).macs)
        self.placement.network(self._bundle.network)

    @property
    def network(self) -> Network:
        """The network, in evaluation mode."""
        return self._bundle.network

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits."""
        return self._bundle.classes

    @property
    def preprocess(self) -> Preprocess:
        """How pictures become the network's input."""
        return self._bundle.preprocess

    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured at the end of training; empty while it goes on."""
        return dict(self._bundle.config.get("metrics", {}))

    @property
    def recipe(self) -> dict[str, Any]:
        """All of `recipe.json`: recipe, seed, versions, machine, data."""
        return dict(read_json(self.path / "recipe.json"))

    def predict(self, paths: Sequence[str | Path] | str | Path, top: int = 5) -> list[Prediction]:
        """Predict picture files, and all pictures below folders, in the order given.

        top: how many classes each prediction lists. A picture that cannot be read gets a prediction with a `problem`.
        Raises StriateError when a folder holds no pictures or top is below 1.
        """
        if top < 1:
            raise StriateError(f"top must be at least 1, got {top}")
        files = picture_files([paths] if isinstance(paths, str | Path) else paths)
        predictions: list[Prediction] = []
        for start in range(0, len(files), BATCH_SIZE):
            predictions += self._predict_batch(files[start : start + BATCH_SIZE], top)
        return predictions

    def predict_pixels(self, pictures: Sequence[Pixels], names: Sequence[str], top: int = 5) -> list[Prediction]:
        """Predict decoded pictures, uint8 (H, W, channels) each, of any sizes."""
        if not pictures:
            return []
        working = np.stack([to_working_size(pixels, self.preprocess) for pixels in pictures])
        logits = predict_logits(self.network, to_batch(working), self.preprocess, self.placement)
        best = logits.softmax(1).topk(min(top, len(self.classes)), dim=1)
        predictions = []
        for name, values, numbers in zip(names, best.values.tolist(), best.indices.tolist(), strict=True):
            ranked = tuple((self.classes[number], value) for number, value in zip(numbers, values, strict=True))
            predictions.append(Prediction(name, *ranked[0], top=ranked))
        return predictions

    def _predict_batch(self, files: list[Path], top: int) -> list[Prediction]:
        decoded = dict(zip(files, in_threads(self._decode, iter(files)), strict=True))
        good = {file: pixels for file, pixels in decoded.items() if not isinstance(pixels, DecodeError)}
        found = {p.path: p for p in self.predict_pixels(list(good.values()), [str(file) for file in good], top)}
        return [
            Prediction(str(file), None, None, (), outcome.reason)
            if isinstance(outcome, DecodeError)
            else found[str(file)]
            for file, outcome in ((file, decoded[file]) for file in files)
        ]

    def _decode(self, file: Path) -> Pixels | DecodeError:
        try:
            return read_picture(file, self.preprocess.channels, self.preprocess.resize)
        except DecodeError as error:
            return error

    def evaluate(self, dataset: Dataset, split: str | None = None, progress: Progress | None = None) -> Evaluation:
        """Evaluate on a split of a dataset, or on all of its pictures with split "all".

        split: None takes "test", or "val" where there is no test. Classes are matched by name.
        Raises StriateError for a class that the network does not know, DecodeError for a picture that cannot be read.
        """
        indices = _chosen(dataset, split)
        numbers = {name: number for number, name in enumerate(self.classes)}
        unknown = [name for name in dataset.classes if name not in numbers]
        if unknown:
            raise StriateError(
                f"{dataset.source} has classes that {self.path} was not trained on: {', '.join(unknown[:5])}; "
                f"it knows {', '.join(self.classes[:5])}{' ...' if len(self.classes) > 5 else ''}"
            )
        labels = np.array([numbers[name] for name in dataset.classes], np.int64)[dataset.labels]
        batches = Batches(DecodedPictures(dataset.pictures, self.preprocess), labels, indices, BATCH_SIZE)

        def counted() -> Iterator[Any]:
            done = 0
            for batch in batches.in_order():
                yield batch
                done += len(batch[1])
                if progress is not None:
                    progress(done, len(indices))

        return evaluate(self.network, counted(), self.preprocess, self.classes, self.placement)


def load(folder: str | Path, precision: str = "auto") -> Run:
    """Open a run folder for use; see `Run`."""
    return Run(folder, precision)


def picture_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files themselves and all pictures below the folders, sorted within each folder.

    Raises StriateError when a folder holds no pictures. A file that does not exist is kept, to be named later.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            files.append(path)
            continue
        below = sorted(
            Path(folder) / name
            for folder, _, names in os.walk(path)
            for name in names
            if Path(name).suffix.lower() in EXTENSIONS and not name.startswith(".")
        )
        if not below:
            raise StriateError(f"{path} holds no pictures; known are {', '.join(sorted(EXTENSIONS))}")
        files += below
    return files


def _chosen(dataset: Dataset, split: str | None) -> np.ndarray[Any, np.dtype[np.int64]]:
    if split == "all":
        return np.concatenate([dataset.splits[name] for name in dataset.splits])
    if split is None:
        split = "test" if len(dataset.splits.get("test", ())) else "val"
    if split not in dataset.splits:
        raise StriateError(f"{dataset.source} has no split {split!r}; it has {', '.join(dataset.splits)} and all")
    return dataset.splits[split]
