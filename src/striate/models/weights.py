"""Weight files into networks. Only safetensors: nothing in a file is ever executed."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from striate.core.errors import StriateError

SHOWN = 4  # keys named in an error before "and N more"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises StriateError when it is missing or damaged."""
    if not path.is_file():
        raise StriateError(f"no weights at {path}: no such file")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise StriateError(f"{path} is damaged or not a safetensors file: {error}") from error


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill a network from a safetensors file whose keys and shapes are all its own.

    Raises StriateError that lists the keys that are missing, unexpected or of another shape.
    """
    fill(model, read_tensors(path), source=str(path))


def fill(model: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Fill a network from tensors by name; `source` names them in the error."""
    own = model.state_dict()
    problems = [
        *(f"missing {key}" for key in own if key not in tensors),
        *(f"unexpected {key}" for key in tensors if key not in own),
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
