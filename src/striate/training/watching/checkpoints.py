"""The weights of a run at its newest states, and the network that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from striate.core.commands import command
from striate.core.errors import StriateError
from striate.core.own_code import Written, names_code
from striate.deploy.bundle import empty_network
from striate.models import Network
from striate.models.stored import CONFIG, WEIGHTS, Stored, read_stored
from striate.models.weight_files import read_tensors
from striate.models.weights import fill
from striate.training.folder.former import tensor_in_todays_name
from striate.training.folder.layout import STATE
from striate.training.folder.state import TENSORS

BEST = "best"
"""The weights that validated best, of a run that has no state."""


@dataclass(frozen=True)
class Checkpoint:
    """A file of weights. name: the step of a state, or `BEST`."""

    name: str
    file: Path

    def tensors(self) -> dict[str, Tensor]:
        """The weights that the run keeps: their average where it has one. Raises StriateError when they are damaged,
        FileNotFoundError when a newer state has taken their place.
        """
        if self.name == BEST:
            return read_tensors(self.file)
        try:
            with safe_open(self.file, framework="pt") as file:
                names = {tensor_in_todays_name(name): name for name in file.keys()}  # noqa: SIM118 - it is no mapping
                role = "ema." if any(name.startswith("ema.") for name in names) else "network."
                kept = {name: own for name, own in names.items() if name.startswith(role)}
                return {name.removeprefix(role): file.get_tensor(own) for name, own in kept.items()}
        except SafetensorError as error:
            raise StriateError(f"{self.file} is damaged: {error}") from error


def checkpoints(folder: Path) -> list[Checkpoint]:
    """Those that there are now, the oldest first."""
    states = sorted(path for path in (folder / STATE).glob("step-*") if (path / TENSORS).is_file())
    found = [Checkpoint(str(int(path.name[5:])), path / TENSORS) for path in states if path.name[5:].isdecimal()]
    best = Checkpoint(BEST, folder / WEIGHTS)
    return found or ([best] if best.file.is_file() else [])


def blank(folder: Path) -> Network | None:
    """The network of a run, its weights not yet there; None before its first validation.

    Raises StriateError when config.json is damaged, and for code of a person's own, which is not run because a file
    names it.
    """
    if not (folder / CONFIG).exists():
        return None
    stored = read_stored(folder)
    if stored.config.code is not None or names_code(stored.architecture):
        written = stored.config.code or Written(stored.architecture)
        raise StriateError(
            f"{written.name} is a network of your own, whose code only runs when it is named: its layers are drawn by "
            f"{command('look', folder, '--model', written.flagged)}"
        )
    return _built(stored).eval()


def _built(stored: Stored) -> Network:
    try:
        return empty_network(stored)
    except StriateError as error:
        raise StriateError(f"{stored.folder / CONFIG} is damaged: {error}") from error


def filled(network: Network, checkpoint: Checkpoint) -> Network:
    """The network with the weights of a checkpoint. Raises as `Checkpoint.tensors` does."""
    fill(network, checkpoint.tensors(), source=str(checkpoint.file))
    return network
