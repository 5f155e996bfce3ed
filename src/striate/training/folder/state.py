"""The whole state of a training run on the disk: enough to go on to exactly the same weights.

A state is a folder `state/step-00000123/` of tensors (safetensors) and counters (JSON), complete or not there. The two
newest are kept; a damaged one is passed over. Randomness is not part of it: it is a function of (seed, step).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.files import new_folder
from striate.core.reading import Count, Positive, read_file, read_record
from striate.tasks.task import NETWORK
from striate.training.folder.former import counters_in_todays_names, tensor_in_todays_name
from striate.training.folder.own_state import OWN, noted, read, require_of, restore
from striate.training.optim.optimizer import Optimizers

KEPT = 2
TENSORS, COUNTERS = "tensors.safetensors", "counters.json"
MOST_TENSOR_BYTES = 1 << 40
LOSS_SCALE = {"scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker"}  # of torch's scaler

log = logging.getLogger("striate")


Seconds = Annotated[float, Meta(ge=0, le=1e12)]


@dataclass
class Counters:
    """What a run has counted so far; the sums are over the pictures of the epoch under way.

    step: updates made. seen: pictures of the epoch. loss_sum: of its losses. sums: of what else the task counts. best:
    figures of the weights that validated best; {} before there are any. best_epoch: theirs, counted from 1.
    waited_epochs, drops: of the plateau schedule. first_loss: of the very first step. seconds: spent training.
    micro_batch: pictures at once, once memory has run out; None: as the runtime says. loss_scale: the state of fp16's
    loss scaling; empty in other precisions. stopped: whether a callback, or the end of its budget, has ended the run.
    spent: seconds of a budget that were gone; 0 where there is none.
    """

    step: Count = 0
    loss_sum: float = 0.0
    sums: dict[str, float] = dataclasses.field(default_factory=dict)
    seen: Count = 0
    best: dict[str, float] = dataclasses.field(default_factory=dict)
    best_epoch: Count = 0
    waited_epochs: Count = 0
    drops: Count = 0
    first_loss: float | None = None
    seconds: Seconds = 0.0
    micro_batch: Positive | None = None
    loss_scale: dict[str, int | float] = dataclasses.field(default_factory=dict)
    stopped: bool = False
    spent: Seconds = 0.0


@dataclass
class Written(Counters):
    """counters.json: the counters, the SHA-256 of the tensors beside them, and what optimisers of one's own keep."""

    sha256: str = ""
    optimizers: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.loss_scale and self.loss_scale.keys() != LOSS_SCALE:
            raise StriateError(
                f"loss_scale must have {', '.join(sorted(LOSS_SCALE))}, got {', '.join(self.loss_scale)}"
            )


def save_state(
    folder: Path,
    networks: Mapping[str, nn.Module],
    optimizers: Optimizers,
    counters: Counters,
    *,
    own: bool = False,
) -> None:
    """Write a state below `folder` and drop all but the two newest. A failure leaves the older ones as they were.

    networks: by the name that they have in the state: the one that is trained, and its average where there is one.
    optimizers: by phase. own: whether they are of a person's own.
    """
    states, theirs = noted(optimizers) if own else ({}, {})
    content = save(_tensors(networks, {} if own else optimizers) | {name: _copied(t) for name, t in theirs.items()})
    record = {**dataclasses.asdict(counters), "sha256": hashlib.sha256(content).hexdigest()}
    record |= {"optimizers": states} if own else {}
    with new_folder(folder / f"step-{counters.step:08d}") as state:
        (state / TENSORS).write_bytes(content)
        (state / COUNTERS).write_text(json.dumps(record, indent=2), encoding="utf-8")
    for old in _states(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def load_state(
    folder: Path,
    networks: Mapping[str, nn.Module],
    optimizers: Optimizers,
    say: Callable[[str], None] = log.warning,
    *,
    own: bool = False,
) -> Counters | None:
    """Bring networks and optimisers to the newest undamaged state; None when there is none yet.

    say: is told of each state that is passed over, and why. own: whether the optimisers are of a person's own.
    Raises StriateError when there are states and all are damaged.
    """
    states = _states(folder)
    for state in states:
        try:
            counters, tensors, noted_states = _read_state(state)
            theirs = {name: tensors.pop(name) for name in list(tensors) if name.startswith(OWN)}
            _require_fit(tensors, networks, {} if own else optimizers, state)
            states_of_own = _own_states(noted_states, theirs, optimizers, state) if own else {}
        except StriateError as error:
            say(f"warning: {error}; it is passed over for an older state")
            continue
        _restore(tensors, networks, optimizers)
        if own:
            restore(states_of_own, optimizers)
        return counters
    if states:
        raise StriateError(f"every state in {folder} is damaged; start a new run, the best weights so far still load")
    return None


def _own_states(
    states: dict[str, Any], tensors: dict[str, Tensor], optimizers: Optimizers, state: Path
) -> dict[str, dict[str, Any]]:
    try:
        found = read(states, tensors)
        require_of(found, optimizers)
    except StriateError as error:
        raise StriateError(f"{state / COUNTERS} is damaged: {error.in_flags}") from error
    return found


def _copied(tensor: Tensor) -> Tensor:
    return tensor.to("cpu", copy=True).contiguous()


def _read_state(state: Path) -> tuple[Counters, dict[str, Tensor], dict[str, Any]]:
    """Counters and tensors of a state, and what it notes of a person's own optimisers.

    Raises StriateError when they are damaged or do not belong together.
    """
    written = read_record(state / COUNTERS, Written, allow_nan=True, former=counters_in_todays_names)
    content = read_file(state / TENSORS, MOST_TENSOR_BYTES)
    if hashlib.sha256(content).hexdigest() != written.sha256:
        raise StriateError(f"{state / TENSORS} is damaged: its content does not match its SHA-256")
    if state.name != f"step-{written.step:08d}":
        raise StriateError(f"{state / COUNTERS} is damaged: step is {written.step:,}, which is not that of its folder")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise StriateError(f"{state / TENSORS} is damaged: {error}") from error
    tensors = {tensor_in_todays_name(name): tensor for name, tensor in tensors.items()}
    counters = Counters(**{field.name: getattr(written, field.name) for field in dataclasses.fields(Counters)})
    return counters, tensors, written.optimizers


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


def _prefix(phase: str) -> str:
    """What the names of an optimiser's tensors begin with; that of a whole network has no name of its own."""
    return "optimizer." if phase == NETWORK else f"optimizer.{phase}."


def _tensors(networks: Mapping[str, nn.Module], optimizers: Optimizers) -> dict[str, Tensor]:
    tensors = {f"{role}.{name}": t for role, network in networks.items() for name, t in network.state_dict().items()}
    for phase, optimizer in optimizers.items():
        for number, values in optimizer.state_dict()["state"].items():
            own = {name: value for name, value in values.items() if isinstance(value, Tensor)}
            tensors |= {f"{_prefix(phase)}{number}.{name}": value for name, value in own.items()}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _require_fit(
    tensors: dict[str, Tensor], networks: Mapping[str, nn.Module], optimizers: Optimizers, state: Path
) -> None:
    """Raise StriateError unless the tensors are those of just these networks and these optimisers.

    Asked before anything is filled, so that what is passed over leaves no trace.
    """
    own = {f"{role}.{name}": t.shape for role, network in networks.items() for name, t in network.state_dict().items()}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            found = _moved_by(name, optimizers)
            fits = found is not None and tensor.shape in (found[1].shape, ())
        else:
            fits = own.pop(name, None) == tensor.shape
        if not fits:
            raise StriateError(f"{state / TENSORS} is damaged: {name} {tuple(tensor.shape)} does not fit this network")
    if own:
        raise StriateError(f"{state / TENSORS} is damaged: {next(iter(own))} is missing")


def _moved_by(name: str, optimizers: Optimizers) -> tuple[torch.optim.Optimizer, nn.Parameter, str] | None:
    """Of a tensor's name: which optimiser it is of, which parameter, and what it is called; None: none of these."""
    for phase, optimizer in optimizers.items():
        number, dot, key = name.removeprefix(_prefix(phase)).partition(".")
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        if name.startswith(_prefix(phase)) and dot and number.isdecimal() and int(number) < len(parameters):
            return optimizer, parameters[int(number)], key
    return None


def _restore(tensors: dict[str, Tensor], networks: Mapping[str, nn.Module], optimizers: Optimizers) -> None:
    for role, network in networks.items():
        own = {name.removeprefix(f"{role}."): t for name, t in tensors.items() if name.startswith(f"{role}.")}
        network.load_state_dict(own)
    for name, tensor in tensors.items():
        found = _moved_by(name, optimizers) if name.startswith("optimizer.") else None
        if found is None:
            continue
        optimizer, parameter, key = found
        # In the parameter's own memory layout: the fused updates walk both side by side.
        alike = parameter if tensor.shape == parameter.shape else tensor
        like = torch.empty_like(alike, dtype=tensor.dtype, device=parameter.device)
        optimizer.state[parameter][key] = like.copy_(tensor)
