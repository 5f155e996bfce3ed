"""Weights of a network's channels in a distance, fitted to what people chose, and the file that keeps them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.files import require_writable, write_bytes
from striate.core.units import counted
from striate.core.values import checked
from striate.data.scan import Progress
from striate.deploy.any_network import AnyNetwork, any_network
from striate.deploy.preprocessing import Preprocessing
from striate.deploy.run import Run
from striate.frozen.linear import one_thread
from striate.models import Model
from striate.models.weight_files import read_tensors
from striate.ops.choices import Fitted, fit_choices
from striate.runtime.global_state import global_state_kept
from striate.visual.distance import Measure, channel_differences, chosen_layers

COLUMNS = ("reference", "a", "b", "share")
FEWEST = 20  # choices
KEPT_AS = "striate channel weights"


class Choice(NamedTuple):
    """A reference, two other pictures, and the share of people to whom b is nearer to the reference."""

    reference: Path
    a: Path
    b: Path
    share: float


@dataclass(frozen=True, eq=False)
class ChannelWeights:
    """The file that was written, how many choices it was fitted to, and how well it does on those it did not see."""

    path: Path
    choices: int
    fitted: Fitted

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = self.fitted
        return {
            "weights": str(self.path),
            "choices": self.choices,
            "agreement": found.agreement,
            "uniform_agreement": found.uniform,
            "channels": len(found.weights),
            "channels_at_zero": int((found.weights == 0).sum()),
        }

    def __str__(self) -> str:
        """One sentence."""
        return (
            f"{self.path}: weights of {len(self.fitted.weights):,} channels from {counted(self.choices, 'choice')}; on "
            f"choices that they did not see they agree with people in {self.fitted.agreement:.1%}, equal weights in "
            f"{self.fitted.uniform:.1%}"
        )


@checked
@global_state_kept()
def fit_distance(
    choices: str | Path,
    output: str | Path,
    model: Run | str | Path | nn.Module = "embedded",
    *,
    code: Model | None = None,
    layers: Sequence[str] = (),
    progress: Progress | None = None,
) -> ChannelWeights:
    """Fit the weights of a distance's channels to what people chose, and write them to a file that `distance` takes.

    choices: a table with the columns reference, a, b and share: three pictures, by paths from the table's folder, and
    the share of people, 0 to 1, to whom b is nearer to the reference. model, code, layers: as of `distance`.
    Raises StriateError, with the line, for a table of another kind, and for fewer than 20 choices.
    """
    rows, output = read_choices(Path(choices)), Path(output)
    require_writable(output)
    opened = any_network(model, code)
    measure = Measure(opened.network, chosen_layers(opened.network, layers))
    preprocess, gains = Preprocessing.of(opened.preprocess), []
    channels: list[int] = []
    for number, row in enumerate(rows, start=1):
        maps = [measure.maps(preprocess(path)[None]) for path in row[:3]]
        channels = [each.shape[1] for each in maps[0]]
        gains.append((channel_differences(maps[0], maps[1]) - channel_differences(maps[0], maps[2]))[0].cpu())
        if progress:
            progress(number, len(rows))
    _, groups = np.unique([str(row.reference) for row in rows], return_inverse=True)
    with one_thread():
        fitted = fit_choices(torch.stack(gains).double().numpy(), np.array([row.share for row in rows]), groups)
    parts = torch.split(torch.from_numpy(fitted.weights).float(), channels)
    told = {"kind": KEPT_AS, "model": opened.network.label, "layers": json.dumps(measure.layers)}
    tensors = {layer: part.contiguous() for layer, part in zip(measure.layers, parts, strict=True)}
    write_bytes(output, save(tensors, metadata=told))
    return ChannelWeights(output, len(rows), fitted)


def read_choices(table: Path) -> list[Choice]:
    """The lines of a table of choices. Raises StriateError with the number of the line for one of another form."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, skipinitialspace=True)
            named = tuple(name.strip().lower() for name in reader.fieldnames or ())
            if named != COLUMNS:
                raise StriateError(f"{table} has the columns {', '.join(named) or 'none'}; {_expected()}")
            reader.fieldnames = list(named)
            rows = [_choice(row, table, reader.line_num) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StriateError(f"{table} cannot be read as a table ({error}); {_expected()}") from error
    if len(rows) < FEWEST:
        raise StriateError(f"{table} has {counted(len(rows), 'choice')}; weights are fitted to at least {FEWEST}")
    return rows


def _choice(row: dict[str, str], table: Path, line: int) -> Choice:
    cells = [row.get(name) or "" for name in COLUMNS]
    try:
        share = float(cells[3])
    except ValueError:
        share = -1.0
    if not all(cells[:3]) or not 0 <= share <= 1 or None in row:
        raise StriateError(f"{table} line {line} is {', '.join(cells)}; {_expected()}")
    reference, a, b = (table.parent / cell for cell in cells[:3])
    return Choice(reference, a, b, share)


def _expected() -> str:
    return f"expected is {','.join(COLUMNS)}: three pictures, and the share of people (0 to 1) to whom b is nearer"


def read_channel_weights(path: Path, opened: AnyNetwork) -> Measure:
    """The distance that a file of channel weights stands for. Raises StriateError for one of another network."""
    tensors = read_tensors(path)
    with safe_open(path, framework="pt") as file:
        told = file.metadata() or {}
    if told.get("kind") != KEPT_AS:
        raise StriateError(f"{path} holds no weights of a distance's channels, which striate distance --fit makes")
    if told.get("model") != opened.network.label:
        raise StriateError(f"{path} was fitted to {told.get('model')}, not to {opened.network.label}; fit it again")
    try:
        layers = chosen_layers(opened.network, json.loads(told.get("layers", "[]")))
        weights = tuple(_weights(tensors[layer]) for layer in layers)
    except (ValueError, KeyError, TypeError) as error:
        raise StriateError(f"{path} is damaged ({error}); fit it again") from error
    return Measure(opened.network, layers, weights)


def _weights(tensor: Tensor) -> Tensor:
    if tensor.dim() != 1 or not bool((tensor >= 0).all()):
        raise ValueError("a weight is below 0")
    return tensor.float()
