"""The two files that are a usable network: `model.safetensors` and `config.json`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.files import read_json, write_bytes, write_json
from striate.core.records import Preprocess
from striate.models import Network, create_model
from striate.models.weights import fill, read_tensors

WEIGHTS, CONFIG = "model.safetensors", "config.json"


@dataclass(frozen=True)
class Bundle:
    """A network with what belongs to it."""

    network: Network
    classes: tuple[str, ...]
    config: dict[str, Any]

    @property
    def preprocess(self) -> Preprocess:
        """How pictures become its input."""
        return self.network.preprocess


def save_weights(folder: Path, network: Network) -> None:
    """Write the weights atomically, with their SHA-256 in the header: equal weights give equal files."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_bytes(folder / WEIGHTS, save(tensors, metadata={"sha256": _digest(tensors)}))


def save_config(folder: Path, network: Network, classes: tuple[str, ...], metrics: dict[str, Any]) -> None:
    """Write what the weights mean: architecture, classes, preprocessing; and how good they were found to be."""
    config = {
        "architecture": network.architecture,
        "num_classes": len(classes),
        "label_names": list(classes),
        "in_channels": network.in_channels,
        "preprocess": network.preprocess.to_dict(),
        "metrics": metrics,
    }
    write_json(folder / CONFIG, config)


def load_bundle(folder: Path) -> Bundle:
    """Read a network back. Raises StriateError that names a missing or damaged file, or weights that do not fit."""
    if not folder.is_dir():
        raise StriateError(f"{folder}: no such run folder; `striate runs` lists those there are")
    config = read_json(folder / CONFIG)
    try:
        network, classes = _empty_network(config)
    except (KeyError, TypeError, ValueError) as error:  # StriateError is one of them
        raise StriateError(f"{folder / CONFIG} is damaged: {error}") from error
    tensors = read_tensors(folder / WEIGHTS)
    _verify(folder / WEIGHTS, tensors)
    fill(network, tensors, source=str(folder / WEIGHTS))
    return Bundle(network.eval(), classes, config)


def _empty_network(config: dict[str, Any]) -> tuple[Network, tuple[str, ...]]:
    """The network that a config describes, its weights not yet there, and the names of its classes."""
    classes = tuple(str(name) for name in config["label_names"])
    preprocess, in_channels = Preprocess.from_dict(config["preprocess"]), int(config["in_channels"])
    if preprocess.channels != in_channels:
        raise StriateError(f"in_channels is {in_channels}, the preprocessing makes {preprocess.channels}")
    with torch.device("meta"):  # no weights are drawn only to be overwritten
        network = create_model(str(config["architecture"]), len(classes), in_channels, preprocess.size)
    network = network.to_empty(device="cpu")
    network.preprocess = preprocess
    return network, classes


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode() + tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _verify(path: Path, tensors: dict[str, Tensor]) -> None:
    with safe_open(path, framework="pt") as file:
        stated = (file.metadata() or {}).get("sha256")
    if stated is not None and stated != _digest(tensors):
        raise StriateError(f"{path} is damaged: its content does not match its SHA-256; copy it again or train again")
