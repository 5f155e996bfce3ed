"""A network on the disk: `model.safetensors` and `config.json`, which says what its tensors mean.

The folder is a run's, or the one that is packaged here under the name "embedded".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.files import read_json
from striate.core.records import Preprocess
from striate.models.weight_files import read_tensors, refuse_not_finite

WEIGHTS, CONFIG, EMBEDDED = "model.safetensors", "config.json", "embedded"
EMBEDDED_FOLDER = Path(str(resources.files("striate.models"))) / "embedded"


@dataclass(frozen=True)
class Stored:
    """What config.json says of the weights beside it.

    classes: names, in the order of the logits. layers: those that a probe reads; () for the network's own head.
    """

    folder: Path
    architecture: str
    classes: tuple[str, ...]
    preprocess: Preprocess
    layers: tuple[str, ...]
    config: dict[str, Any]

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
    config = read_json(folder / CONFIG)
    try:
        preprocess, in_channels = Preprocess.from_dict(config["preprocess"]), int(config["in_channels"])
        classes, layers = config["label_names"], config.get("layers", ())
        if preprocess.channels != in_channels:
            raise StriateError(f"in_channels is {in_channels}, the preprocessing makes {preprocess.channels}")
        return Stored(
            folder, str(config["architecture"]), tuple(map(str, classes)), preprocess, tuple(map(str, layers)), config
        )
    except (KeyError, TypeError, ValueError) as error:  # StriateError is one of them
        raise StriateError(f"{folder / CONFIG} is damaged: {error}") from error


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
    return path.parent if path.name == WEIGHTS and (path.parent / CONFIG).is_file() else None


def digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of names and content, whatever the order of the tensors."""
    running = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        running.update(name.encode() + tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return running.hexdigest()
