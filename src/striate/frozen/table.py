"""Features of picture files, as a table in a file that other programs read."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.files import require_writable, write_bytes
from striate.core.units import counted
from striate.core.values import checked
from striate.data.left_out import LeftOut
from striate.data.streaming import read_batches
from striate.deploy.given import Picture, given_pictures
from striate.deploy.run import Run
from striate.frozen.extract import features_of
from striate.models.linear_probe import PRE_LOGITS, require_layers
from striate.runtime.runtime import in_precision

ENDINGS = (".npz", ".parquet")


@dataclass(frozen=True)
class FeatureTable:
    """One row per picture that could be read: its path, and a float32 vector of each layer.

    problems: path and reason of those that could not be read. left_out: what lies in the folders and is no picture.
    """

    paths: tuple[str, ...]
    vectors: dict[str, npt.NDArray[np.float32]]
    problems: tuple[tuple[str, str], ...]
    left_out: tuple[LeftOut, ...] = ()


@checked
def extract(
    run: Run, paths: Iterable[Picture] | Picture, layers: Sequence[str] = (PRE_LOGITS,), precision: str = "fp32"
) -> FeatureTable:
    """Features of pictures, given as to `Run.predict`; maps are averaged over their places.

    layers: paths of modules, such as "layer2", or "last" for what the last layer reads. precision: what the network
    computes in: "fp32", "bf16", "fp16", or "auto" for what the run predicts in; the table holds float32 in any case.
    Raises StriateError for a layer that there is not, a folder without pictures, and when no picture can be read.
    """
    require_layers(run.network, layers)
    left_out: list[LeftOut] = []
    given = given_pictures(paths, left_out)
    runtime = run.runtime if precision == "auto" else in_precision(run.runtime, precision)
    read: list[str] = []
    problems: list[tuple[str, str]] = []

    def batches() -> Iterator[Tensor]:
        for batch in read_batches(given, run.preprocess):
            problems.extend((given[place].name, error.reason) for place, error in batch.bad.items())
            read.extend(given[place].name for place in batch.places)
            if batch.places:
                yield batch.pictures

    with runtime.processor_threads():
        vectors = features_of(run.network, batches(), run.preprocess, layers, runtime)
    if not read:
        raise StriateError(
            f"none of {counted(len(given), 'picture')} can be read, such as {problems[0][0]}: {problems[0][1]}"
        )
    arrays = {layer: found.numpy() for layer, found in vectors.items()}
    return FeatureTable(tuple(read), arrays, tuple(problems), tuple(left_out))


def require_table(path: Path) -> None:
    """Raise StriateError unless a table can be written to a file of this ending, and there."""
    if path.suffix not in ENDINGS:
        raise StriateError(f"--output must end in {' or '.join(ENDINGS)}, got {path}")
    if path.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise StriateError(
            f"{path} needs the package pyarrow, which is not installed; install it with: "
            "pip install 'striate[parquet]', or write .npz"
        )
    require_writable(path)


def write_features(path: Path, table: FeatureTable) -> None:
    """Write a table as .npz (arrays `paths` and one per layer) or .parquet (columns `path` and one of lists per layer).

    Raises StriateError for another ending, and for .parquet without the package pyarrow.
    """
    require_table(path)
    content = io.BytesIO()
    if path.suffix == ".npz":
        arrays: dict[str, Any] = {"paths": np.array(table.paths), **table.vectors}
        np.savez(content, **arrays)
    else:
        import pyarrow
        import pyarrow.parquet

        columns = {layer: list(vectors) for layer, vectors in table.vectors.items()}
        pyarrow.parquet.write_table(pyarrow.table({"path": list(table.paths), **columns}), content)
    write_bytes(path, content.getvalue())
