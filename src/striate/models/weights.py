"""Weight files into networks: safetensors and torch files, of which nothing is ever executed."""

from __future__ import annotations

import logging
import pickle
import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.models.network import Network

SHOWN = 8  # differences named in an error before "and N more"
WRAPPERS = ("state_dict", "model_state_dict", "model", "ema", "model_ema", "state_dict_ema")
PREFIXES = ("module.", "_orig_mod.")  # of DistributedDataParallel and torch.compile

log = logging.getLogger("striate")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises StriateError when it is missing or damaged."""
    if not path.is_file():
        raise StriateError(f"no weights at {path}: no such file")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise StriateError(f"{path} is damaged or not a safetensors file: {error}") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict of a safetensors or torch file, with the names that the network itself gives its tensors.

    Takes it out of the usual wrappers and takes the prefixes of wrapped modules off.
    Raises StriateError when the file is missing, damaged, holds no tensors, or would have to run code to be read.
    """
    if not path.is_file():
        raise no_weights(path)
    with path.open("rb") as file:
        start = file.read(9)
    tensors = read_tensors(path) if start[8:9] == b"{" else _unwrapped(_read_torch(path), path)
    return own_names(tensors)


def no_weights(weights: str | Path) -> StriateError:
    """The error for weights that are not there, with what would be."""
    return StriateError(
        f"no weights at {weights}: no such file; weights are 'embedded', a run folder, a file, or 'imagenet' or "
        "'imagenet_v2' for published ones"
    )


def _read_torch(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals([Namespace]):  # bare data, and most training scripts store theirs
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise StriateError(
            f"{path} is damaged, or holds more than tensors; it was not opened, for that could run code from it: "
            "save model.state_dict() alone where it was trained"
        ) from error
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        reason = str(error).partition("\n")[0]
        raise StriateError(f"{path} is damaged or not a weight file: {reason}") from error


def _unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    while isinstance(content, dict):
        tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        inside = [key for key in WRAPPERS if isinstance(content.get(key), dict)]
        if not inside:
            if tensors:
                return tensors
            break
        if len(inside) > 1:
            log.warning("%s holds %s; taking %r", path, " and ".join(map(repr, inside)), inside[0])
        content = content[inside[0]]
    keys = f"its keys are {', '.join(map(repr, list(content)[:SHOWN]))}" if isinstance(content, dict) else "no names"
    raise StriateError(f"{path} holds no state dict: {keys}; save model.state_dict()")


def own_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors without prefixes of wrapped modules, and DenseNets under their present names.

    >>> list(own_names({"module.denselayer1.norm.1.weight": torch.zeros(1)}))
    ['denselayer1.norm1.weight']
    """
    tensors = {key: value for key, value in tensors.items() if key != "n_averaged"}  # a counter of averaged models
    stripped = True
    while stripped and tensors:
        stripped = False
        for prefix in PREFIXES:
            if all(key.startswith(prefix) for key in tensors):
                tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
                stripped = True
    # a module inside may have been compiled alone
    tensors = {key.replace("_orig_mod.", ""): value for key, value in tensors.items()}
    return {re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d\.)", r"\1\2", key): value for key, value in tensors.items()}


def classes_in(model: Network, tensors: dict[str, Tensor]) -> int | None:
    """The number of classes of the head in a state dict; None when it has none that fits the network."""
    for key, value in model.get_classifier().state_dict(prefix=f"{model.classifier_name}.").items():
        if key in tensors and tensors[key].shape[1:] == value.shape[1:]:
            return tensors[key].shape[0]
    return None


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill a network from a weight file; the head's number of classes may differ, all else must be its own.

    A head of another size stays as it is in the network, and a line of the log says so.
    Raises StriateError that lists the keys that are missing, unexpected or of another shape.
    """
    fit_in(model, read_weights(path), source=str(path))


def fit_in(model: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """`fill`, with what weight files of other libraries may lack or have otherwise: counters and heads."""
    own = model.state_dict()
    counters = {key: value for key, value in own.items() if key.endswith("num_batches_tracked")}
    tensors = {**counters, **tensors}
    if isinstance(model, Network):
        for path in model.auxiliary_classifiers:
            part = path.partition(".")[0] + "."
            if not any(key.startswith(part) for key in tensors.keys() - counters.keys()):
                tensors.update({key: value for key, value in own.items() if key.startswith(part)})
        for path in (model.classifier_name, *model.auxiliary_classifiers):
            tensors.update(_fresh_head(model.label, path, own, tensors, source))
    fill(model, tensors, source)


def _fresh_head(
    label: str, path: str, own: dict[str, Tensor], tensors: dict[str, Tensor], source: str
) -> dict[str, Tensor]:
    """The network's own tensors of a head that has another number of classes in the file, otherwise nothing."""
    head = {key: value for key, value in own.items() if key.startswith(f"{path}.")}
    for key, value in head.items():
        other = tensors.get(key)
        if other is None or other.shape[1:] != value.shape[1:]:
            return {}
    classes = {value.shape[0]: tensors[key].shape[0] for key, value in head.items()}
    if all(mine == theirs for mine, theirs in classes.items()):
        return {}
    mine, theirs = next(iter(classes.items()))
    log.warning("%s: %s has %d classes in %s; its %d-class head starts fresh", label, path, theirs, source, mine)
    return head


def fill(model: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Fill a network from tensors by name, all of them and no others; `source` names them in the error."""
    own = model.state_dict()
    problems = [
        *(f"missing {key} {tuple(own[key].shape)}" for key in own if key not in tensors),
        *(f"unexpected {key} {tuple(tensors[key].shape)}" for key in tensors if key not in own),
        *(
            f"{key} is {tuple(tensors[key].shape)}, the network has {tuple(own[key].shape)}"
            for key in own
            if key in tensors and tensors[key].shape != own[key].shape
        ),
    ]
    if problems:
        name = getattr(model, "architecture", "") or type(model).__name__
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise StriateError(f"the weights in {source} are not those of {name}: {'; '.join(problems[:SHOWN])}{more}")
    model.load_state_dict(tensors)
