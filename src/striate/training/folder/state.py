"""The whole state of a training run on the disk: enough to go on to exactly the same weights.

A state is a folder `state/step-00000123/` of tensors (safetensors) and counters (JSON), complete or not there. The two
newest are kept; a damaged one is passed over. Randomness is not part of it: it is a function of (seed, step).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from msgspec import Meta
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.files import new_folder
from striate.core.reading import Count, Positive, read_file, read_record

KEPT = 2
TENSORS, COUNTERS = "tensors.safetensors", "counters.json"
MOST_TENSOR_BYTES = 1 << 40
LOSS_SCALE = {"scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker"}  # of torch's scaler

FORMER_ROLES = re.compile(r"^averaged\.")  # of the moving average

log = logging.getLogger("striate")


Seconds = Annotated[float, Meta(ge=0, le=1e12)]


@dataclass
class Counters:
    """What a run has counted so far; the sums are over the pictures of the epoch under way.

    step: updates made. loss_sum, right, seen: of the epoch. best_accuracy, best_epoch: on validation, best_epoch
    counted from 1. waited_epochs, drops: of the plateau schedule. first_loss: of the very first step.
    seconds: spent training. micro_batch: pictures at once, once memory has run out; None: as the runtime says.
    loss_scale: the state of fp16's loss scaling; empty in other precisions.
    """

    step: Count = 0
    loss_sum: float = 0.0
    right: Count = 0
    seen: Count = 0
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    best_epoch: Count = 0
    waited_epochs: Count = 0
    drops: Count = 0
    first_loss: float | None = None
    seconds: Seconds = 0.0
    micro_batch: Positive | None = None
    loss_scale: dict[str, int | float] = dataclasses.field(default_factory=dict)


@dataclass
class Written(Counters):
    """counters.json: the counters, and the SHA-256 of the tensors beside them."""

    sha256: str = ""

    def __post_init__(self) -> None:
        if self.loss_scale and self.loss_scale.keys() != LOSS_SCALE:
            raise StriateError(
                f"loss_scale must have {', '.join(sorted(LOSS_SCALE))}, got {', '.join(self.loss_scale)}"
            )


def save_state(
    folder: Path, networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, counters: Counters
) -> None:
    """Write a state below `folder` and drop all but the two newest. A failure leaves the older ones as they were.

    networks: by the name that they have in the state: the one that is trained, and its average where there is one.
    """
    content = save(_tensors(networks, optimizer))
    record = {**dataclasses.asdict(counters), "sha256": hashlib.sha256(content).hexdigest()}
    with new_folder(folder / f"step-{counters.step:08d}") as state:
        (state / TENSORS).write_bytes(content)
        (state / COUNTERS).write_text(json.dumps(record, indent=2), encoding="utf-8")
    for old in _states(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def load_state(
    folder: Path,
    networks: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    say: Callable[[str], None] = log.warning,
) -> Counters | None:
    """Bring networks and optimiser to the newest undamaged state; None when there is none yet.

    say: is told of each state that is passed over, and why.
    Raises StriateError when there are states and all are damaged.
    """
    states = _states(folder)
    for state in states:
        try:
            counters, tensors = _read_state(state)
            _require_fit(tensors, networks, optimizer, state)
        except StriateError as error:
            say(f"warning: {error}; it is passed over for an older state")
            continue
        _restore(tensors, networks, optimizer)
        return counters
    if states:
        raise StriateError(f"every state in {folder} is damaged; start a new run, the best weights so far still load")
    return None


def _read_state(state: Path) -> tuple[Counters, dict[str, Tensor]]:
    """Counters and tensors of a state. Raises StriateError when they are damaged or do not belong together."""
    written = read_record(state / COUNTERS, Written, allow_nan=True)  # best_loss is infinite before there is any
    content = read_file(state / TENSORS, MOST_TENSOR_BYTES)
    if hashlib.sha256(content).hexdigest() != written.sha256:
        raise StriateError(f"{state / TENSORS} is damaged: its content does not match its SHA-256")
    if state.name != f"step-{written.step:08d}":
        raise StriateError(f"{state / COUNTERS} is damaged: step is {written.step:,}, which is not that of its folder")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise StriateError(f"{state / TENSORS} is damaged: {error}") from error
    tensors = {FORMER_ROLES.sub("ema.", name): tensor for name, tensor in tensors.items()}
    return Counters(**{field.name: getattr(written, field.name) for field in dataclasses.fields(Counters)}), tensors


def newest_state(folder: Path) -> Path | None:
    """The folder of the newest state, None when there is none yet."""
    return next(iter(_states(folder)), None)


def newest_step(folder: Path) -> int:
    """The step of the newest state, 0 when there is none yet."""
    state = newest_state(folder)
    number = state.name.removeprefix("step-") if state is not None else ""
    return int(number) if number.isdecimal() else 0


def _states(folder: Path) -> list[Path]:
    """State folders, newest first."""
    return sorted((path for path in folder.glob("step-*") if path.is_dir()), reverse=True)


def _tensors(networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {f"{role}.{name}": t for role, network in networks.items() for name, t in network.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in values.items() if isinstance(value, Tensor)}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _require_fit(
    tensors: dict[str, Tensor], networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, state: Path
) -> None:
    """Raise StriateError unless the tensors are those of just these networks and this optimiser.

    Asked before anything is filled, so that what is passed over leaves no trace.
    """
    own = {f"{role}.{name}": t.shape for role, network in networks.items() for name, t in network.state_dict().items()}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            number = name.split(".")[1]
            fits = number.isdecimal() and int(number) < len(parameters) and name.count(".") >= 2
            fits = fits and tensor.shape in (parameters[int(number)].shape, ())
        else:
            fits = own.pop(name, None) == tensor.shape
        if not fits:
            raise StriateError(f"{state / TENSORS} is damaged: {name} {tuple(tensor.shape)} does not fit this network")
    if own:
        raise StriateError(f"{state / TENSORS} is damaged: {next(iter(own))} is missing")


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
