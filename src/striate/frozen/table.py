"""Features of pictures, as a record and as a table in a file that other programs read."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.extras import require_packages
from striate.core.files import require_writable, write_bytes
from striate.core.one_screen import OneScreen, few
from striate.core.units import counted
from striate.core.values import checked
from striate.data.dataset import Dataset
from striate.data.left_out import LeftOut
from striate.data.picture import to_batch
from striate.data.streaming import read_batches
from striate.data.targets import Indices
from striate.deploy.given import Picture, given_pictures
from striate.deploy.run import Run
from striate.frozen.extract import features_of
from striate.frozen.of_dataset import read_dataset
from striate.models.linear_probe import PRE_LOGITS, require_layers
from striate.runtime.runtime import Runtime, in_precision

ENDINGS = (".npz", ".parquet")


@dataclass(frozen=True, repr=False, eq=False)
class Features(OneScreen):
    """What layers of a network make of pictures; one row for each that could be read.

    names: of the pictures, their paths or "picture 0". by_layer: float32 (N, channels) each, maps averaged over their
    places. labels, classes: of opened data class numbers, int64 (N,), and the names that they stand for; None and () of
    pictures alone. splits: of opened data, the rows of train, val and test.
    problems: name and reason of those that could not be read. left_out: what lies in the folders and is no picture.
    """

    names: tuple[str, ...]
    by_layer: dict[str, npt.NDArray[np.float32]]
    labels: Indices | None = None
    classes: tuple[str, ...] = ()
    splits: dict[str, Indices] = field(default_factory=dict)
    problems: tuple[tuple[str, str], ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def features(self) -> npt.NDArray[np.float32]:
        """All layers side by side, (N, D)."""
        return np.concatenate(list(self.by_layer.values()), axis=1)

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return {
            "pictures": f"{len(self.names):,}",
            **{layer: counted(rows.shape[1], "number") for layer, rows in self.by_layer.items()},
            **({"classes": f"{len(self.classes):,}: {few(self.classes)}"} if self.classes else {}),
            **{split: counted(len(rows), "row") for split, rows in self.splits.items()},
            **({"unreadable": counted(len(self.problems), "picture")} if self.problems else {}),
        }


@checked
def extract(
    run: Run, pictures: Iterable[Picture] | Picture, layers: Sequence[str] = (PRE_LOGITS,), precision: str = "fp32"
) -> Features:
    """Features of pictures, given as to `Run.predict`: see `striate.features`."""
    require_layers(run.network, layers)
    left_out: list[LeftOut] = []
    given = given_pictures(pictures, left_out)
    runtime = _runtime(run, precision)
    read: list[str] = []
    problems: list[tuple[str, str]] = []

    def batches() -> Iterator[Tensor]:
        for batch in read_batches(given, run.preprocess):
            problems.extend((given[place].name, error.reason) for place, error in batch.bad.items())
            read.extend(given[place].name for place in batch.places)
            if batch.places:
                yield to_batch(batch.pictures)

    with runtime.processor_threads():
        found = features_of(run.network, batches(), run.preprocess, layers, runtime)
    if not read:
        raise StriateError(
            f"none of {counted(len(given), 'picture')} can be read, such as {problems[0][0]}: {problems[0][1]}"
        )
    return Features(tuple(read), _arrays(found), problems=tuple(problems), left_out=tuple(left_out))


@checked
def extract_of_dataset(
    run: Run, dataset: Dataset, layers: Sequence[str] = (PRE_LOGITS,), precision: str = "fp32"
) -> Features:
    """Features of all readable pictures of a dataset, with its labels and splits: see `striate.features`."""
    require_layers(run.network, layers)
    found = read_dataset(run, dataset, layers, _runtime(run, precision))
    names = tuple(dataset.pictures.name(index) for index in found.indices.tolist())
    splits = {split: np.flatnonzero(np.isin(found.indices, part)) for split, part in dataset.splits.items()}
    labels = dataset.labels[found.indices]
    return Features(names, _arrays(found.by_layer), labels, dataset.classes, splits, found.problems)


def _runtime(run: Run, precision: str) -> Runtime:
    return run.runtime if precision == "auto" else in_precision(run.runtime, precision)


def _arrays(found: dict[str, Tensor]) -> dict[str, npt.NDArray[np.float32]]:
    return {layer: vectors.numpy() for layer, vectors in found.items()}


def require_table(path: Path) -> None:
    """Raise StriateError unless a table can be written to a file of this ending, and there."""
    if path.suffix not in ENDINGS:
        raise StriateError(f"--output must end in {' or '.join(ENDINGS)}, got {path}")
    if path.suffix == ".parquet":
        require_packages(f"{path} needs", "pyarrow", otherwise=", or write .npz")
    require_writable(path)


def write_features(path: Path, table: Features) -> None:
    """Write a table as .npz (arrays `paths` and one per layer) or .parquet (columns `path` and one of lists per layer).

    Raises StriateError for another ending, and for .parquet without the package pyarrow.
    """
    require_table(path)
    content = io.BytesIO()
    if path.suffix == ".npz":
        arrays: dict[str, Any] = {"paths": np.array(table.names), **table.by_layer}
        np.savez(content, **arrays)
    else:
        import pyarrow
        import pyarrow.parquet

        columns = {layer: list(vectors) for layer, vectors in table.by_layer.items()}
        pyarrow.parquet.write_table(pyarrow.table({"path": list(table.names), **columns}), content)
    write_bytes(path, content.getvalue())
