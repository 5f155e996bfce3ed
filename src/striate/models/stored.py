"""A network on the disk: `model.safetensors` and `config.json`, which says what its tensors mean.

The folder is a run's, or the one that is packaged here under the name "embedded".
"""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta
from safetensors import safe_open
from torch import Tensor

from striate.answers.classes import CLASSIFICATION
from striate.core import bounds
from striate.core.errors import StriateError
from striate.core.own_code import Written
from striate.core.reading import Share, decoded, read_file, read_record
from striate.core.records import Preprocess
from striate.models.weight_files import read_tensors, refuse_not_finite

WEIGHTS, CONFIG, EMBEDDED = "model.safetensors", "config.json", "embedded"
TIMMS = "pretrained_cfg"  # a field of config.json as timm writes it
EMBEDDED_FOLDER = Path(str(resources.files("striate.models"))) / "embedded"


Classes = Annotated[int, Meta(ge=bounds.CLASSES[0], le=bounds.CLASSES[1])]
Channels = Annotated[int, Meta(ge=bounds.CHANNELS[0], le=bounds.CHANNELS[1])]


@dataclass(frozen=True)
class Config:
    """config.json: what the tensors beside it mean.

    label_names: of the classes, in the order of the logits; all different. num_classes: of them; 0 where it is not
    stated. layers: those that a probe reads; () for the network's own head. metrics: how good the weights were found
    to be. task: what they were trained for. outputs: of the network, where they are not as many as the names. code: of
    a person's own that the network is; it is not run because it stands here. thresholds: shares, 0..1, from which each
    name is answered, where a task has such.
    """

    architecture: str
    label_names: Annotated[tuple[str, ...], Meta(min_length=1, max_length=bounds.CLASSES[1])]
    in_channels: Channels
    preprocess: Preprocess
    num_classes: Classes = 0
    layers: tuple[str, ...] = ()
    metrics: dict[str, Any] = field(default_factory=dict)
    task: str = CLASSIFICATION
    outputs: Classes | None = None
    code: Written | None = None
    thresholds: Annotated[tuple[Share, ...], Meta(max_length=bounds.CLASSES[1])] = ()

    def __post_init__(self) -> None:
        if self.thresholds and len(self.thresholds) != len(self.label_names):
            raise StriateError(f"thresholds are {len(self.thresholds)}, label_names are {len(self.label_names)}")
        if self.num_classes not in (0, len(self.label_names)):
            raise StriateError(f"num_classes is {self.num_classes}, label_names are {len(self.label_names)}")
        if self.preprocess.channels != self.in_channels:
            raise StriateError(f"in_channels is {self.in_channels}, the preprocessing makes {self.preprocess.channels}")
        if repeated := next((name for name, times in Counter(self.label_names).items() if times > 1), None):
            raise StriateError(f"label_names holds {repeated!r} twice; every class needs its own name")


@dataclass(frozen=True)
class Stored:
    """A folder of weights and what its config.json says of them."""

    folder: Path
    config: Config

    @property
    def architecture(self) -> str:
        """Of which network the weights are."""
        return self.config.architecture

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the logits."""
        return self.config.label_names

    @property
    def preprocess(self) -> Preprocess:
        """How pictures become the network's input."""
        return self.config.preprocess

    @property
    def layers(self) -> tuple[str, ...]:
        """Those that a probe reads; () for the network's own head."""
        return self.config.layers

    def tensors(self) -> dict[str, Tensor]:
        """The weights, in the numbers that they are stored in. Raises StriateError when they are damaged."""
        path = self.folder / WEIGHTS
        tensors = read_tensors(path)
        with safe_open(path, framework="pt") as file:
            stated = (file.metadata() or {}).get("sha256")
        if stated is not None and stated != (found := digest(tensors)):
            raise StriateError(
                f"{path} is damaged: its content does not match its SHA-256; copy it again or train again "
                f"(it is {found}, stated is {stated})"
            )
        refuse_not_finite(tensors, path)
        return tensors


def read_stored(folder: Path) -> Stored:
    """Read config.json. Raises StriateError that names it when it is missing, damaged or does not fit together."""
    return Stored(folder, read_record(folder / CONFIG, Config, former=partial(_refuse_timms, folder)))


def _refuse_timms(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """The record. Raises StriateError for one of timm's, which has other fields and may have no names of classes."""
    if TIMMS not in record:
        return record
    raise StriateError(
        f"{folder / CONFIG} is timm's, of {record.get('architecture')}; name the file beside it, {folder / WEIGHTS}, "
        "and the network by --model"
    )


def _is_timms(folder: Path) -> bool:
    with suppress(StriateError):
        return TIMMS in decoded(read_file(folder / CONFIG), dict[str, Any], CONFIG)
    return False


def stored_folder(weights: str | Path) -> Path | None:
    """The folder that weights are named by: "embedded", a run folder, or its model.safetensors; None for others.

    Raises StriateError when the embedded weights are not part of this installation.

    >>> stored_folder("imagenet") is None
    True
    """
    if weights == EMBEDDED:
        if not (EMBEDDED_FOLDER / WEIGHTS).is_file():
            raise StriateError(
                f"this installation has no embedded weights ({EMBEDDED_FOLDER / WEIGHTS} is missing); install Striate "
                "again from a wheel, or name a run folder or a weight file instead"
            )
        return EMBEDDED_FOLDER
    path = Path(weights)
    if path.is_dir() and str(weights):  # no name at all would be the folder that one is in
        return path
    if path.name != WEIGHTS or not (path.parent / CONFIG).is_file() or _is_timms(path.parent):
        return None
    return path.parent


def digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of names and content, whatever the order of the tensors."""
    running = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        running.update(name.encode() + tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return running.hexdigest()
