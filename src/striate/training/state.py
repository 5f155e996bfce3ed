"""The whole state of a training run on the disk: enough to go on to exactly the same weights.

A state is a folder `state/step-00000123/` of tensors (safetensors) and counters (JSON), complete or not there. The two
newest are kept; a damaged one is passed over. Randomness is not part of it: it is a function of (seed, step).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.files import new_folder

KEPT = 2


@dataclass
class Counters:
    """What a run has counted so far; the sums are over the pictures of the epoch under way.

    step: updates made. loss_sum, right, seen: of the epoch. best_accuracy, best_epoch: on validation, best_epoch
    counted from 1. waited_epochs, drops: of the plateau schedule. first_loss: of the very first step.
    seconds: spent training. micro_batch: pictures at once, once memory has run out; None: as the placement says.
    loss_scale: the state of fp16's loss scaling; empty in other precisions.
    """

    step: int = 0
    loss_sum: float = 0.0
    right: int = 0
    seen: int = 0
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    best_epoch: int = 0
    waited_epochs: int = 0
    drops: int = 0
    first_loss: float | None = None
    seconds: float = 0.0
    micro_batch: int | None = None
    loss_scale: dict[str, float] = dataclasses.field(default_factory=dict)


def save_state(
    folder: Path, networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, counters: Counters
) -> None:
    """Write a state below `folder` and drop all but the two newest. A failure leaves the older ones as they were.

    networks: by the name that they have in the state: the one that is trained, and its average where there is one.
    """
    content = save(_tensors(networks, optimizer))
    record = {**dataclasses.asdict(counters), "sha256": hashlib.sha256(content).hexdigest()}
    with new_folder(folder / f"step-{counters.step:08d}") as state:
        (state / "tensors.safetensors").write_bytes(content)
        (state / "counters.json").write_text(json.dumps(record, indent=2), encoding="utf-8")
    for old in _states(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def load_state(folder: Path, networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> Counters | None:
    """Bring networks and optimiser to the newest undamaged state; None when there is none yet.

    Raises StriateError when there are states and all are damaged.
    """
    states = _states(folder)
    for state in states:
        try:
            record = json.loads((state / "counters.json").read_text(encoding="utf-8"))
            content = (state / "tensors.safetensors").read_bytes()
            if hashlib.sha256(content).hexdigest() != record.pop("sha256"):
                continue
            counters = Counters(**record)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        _restore(load(content), networks, optimizer)
        return counters
    if states:
        raise StriateError(f"every state in {folder} is damaged; start a new run, the best weights so far still load")
    return None


def _states(folder: Path) -> list[Path]:
    """State folders, newest first."""
    return sorted((path for path in folder.glob("step-*") if path.is_dir()), reverse=True)


def _tensors(networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {f"{role}.{name}": t for role, network in networks.items() for name, t in network.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in values.items() if isinstance(value, Tensor)}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _restore(tensors: dict[str, Tensor], networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> None:
    for role, network in networks.items():
        own = {name.removeprefix(f"{role}."): t for name, t in tensors.items() if name.startswith(f"{role}.")}
        network.load_state_dict(own)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for name, tensor in tensors.items():
        if not name.startswith("optimizer."):
            continue
        _, number, key = name.split(".", 2)
        parameter = parameters[int(number)]
        # In the parameter's own memory layout: the fused updates walk both side by side.
        alike = parameter if tensor.shape == parameter.shape else tensor
        like = torch.empty_like(alike, dtype=tensor.dtype, device=parameter.device)
        optimizer.state[parameter][key] = like.copy_(tensor)
