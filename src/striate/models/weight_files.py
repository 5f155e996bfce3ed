"""Weight files as people have them: told by their first bytes, read without running anything, unwrapped."""

from __future__ import annotations

import logging
import pickle
import re
import zipfile
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from striate.core.errors import StriateError
from striate.ops.threads import torch_threads

SHOWN = 8  # names in an error before "and N more"
WRAPPERS = ("state_dict", "model_state_dict", "model", "ema", "model_ema", "state_dict_ema")
PREFIXES = ("module.", "_orig_mod.")  # of DistributedDataParallel and torch.compile
DEEPEST = 8  # dictionaries in dictionaries; a file may hold one that holds itself
EXPECTED = "weights are safetensors or torch files of model.state_dict()"
# What begins like this holds no weights that can be read here: why, and what to do.
FOREIGN = {
    b"version https://git-lfs": "is a pointer of Git LFS in the place of the weights; run `git lfs pull` there",
    b"\x89HDF\r\n\x1a\n": f"is an HDF5 file, as Keras writes them; {EXPECTED}",
    b"\x1f\x8b": "is packed by gzip; unpack it first",
    b"7z\xbc\xaf\x27\x1c": "is packed by 7-Zip; unpack it first",
    b"\x93NUMPY": f"is an array of NumPy; {EXPECTED}",
    b"GGUF": f"is a GGUF file of a language model; {EXPECTED}",
}

log = logging.getLogger("striate")


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict of a safetensors or torch file, without what wrapped modules put before the names.

    Taken out of the checkpoint that it lies in: under a usual name, or as its one dictionary of tensors.
    Raises StriateError when the file is missing, damaged or something else, holds no tensors, or numbers that are not
    finite, or would have to run code to be read.
    """
    if not path.is_file():
        raise no_weights(path)
    with path.open("rb") as file:
        start = file.read(512)
    refuse_foreign(path, start)
    tensors = read_tensors(path) if start[8:9] == b"{" else unwrapped(_read_torch(path), path)
    refuse_not_finite(tensors, path)
    return own_names(tensors)


def no_weights(weights: str | Path) -> StriateError:
    """The error for weights that are not there, with what would be."""
    return StriateError(
        f"no weights at {weights}: no such file; weights are 'embedded', a run folder, a file, or 'imagenet' or "
        "'imagenet_v2' for published ones"
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises StriateError when it is missing, damaged or something else."""
    with _safetensors(path):
        return load_file(path)


def refuse_damaged_header(path: Path) -> None:
    """Raise StriateError as `read_tensors` does, by header and size of the file alone; no tensor is read."""
    with _safetensors(path), safe_open(path, framework="pt"):
        pass


@contextmanager
def _safetensors(path: Path) -> Iterator[None]:
    """Errors of a safetensors file that is opened inside, as StriateError."""
    if not path.is_file():
        raise StriateError(f"no weights at {path}: no such file")
    with path.open("rb") as file:
        refuse_foreign(path, file.read(512))
    try:
        yield
    except (SafetensorError, OSError, ValueError) as error:
        raise StriateError(
            f"{path} is damaged or not a safetensors file: {error}; copy it again or train again"
        ) from error


def refuse_foreign(path: Path, start: bytes) -> None:
    """Raise StriateError, saying what it is, for a file whose first bytes are not those of weights."""
    if start[8:9] == b"{":  # safetensors: the length of its header comes first, which may begin like anything
        return
    if not start:
        raise StriateError(f"{path} is damaged: it is empty (0 bytes); copy or download it again")
    text = start.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise StriateError(f"{path} is a web page in the place of the weights; download the file that the page names")
    for beginning, what in FOREIGN.items():
        if start.startswith(beginning):
            raise StriateError(f"{path} {what}")
    if text.startswith((b"{", b"[")):
        raise StriateError(f"{path} is JSON and holds no weights, only what belongs to them; name the file of weights")
    if start.startswith(b"PK"):
        _refuse_foreign_archive(path)


def _refuse_foreign_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise StriateError(
            f"{path} is damaged: it is cut short or not a whole zip archive; copy or download it again"
        ) from error
    inside = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise StriateError(
            f"{path} is a TorchScript archive, which holds code; save model.state_dict() where the model is"
        )
    if "data.pkl" not in inside:
        first = ", ".join(names[:3])
        raise StriateError(f"{path} is a zip archive without torch's tensors (it holds {first}); {EXPECTED}")


def _read_torch(path: Path) -> Any:
    try:
        # A Namespace is bare data, and most training scripts store theirs. Opened here: torch goes by a path's ending.
        with torch.serialization.safe_globals([Namespace]), path.open("rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise StriateError(
            f"{path} is damaged, or holds more than tensors; it was not opened, for that could run code from it: "
            "save model.state_dict() alone where it was trained"
        ) from error
    except MemoryError as error:
        raise StriateError(f"{path} is damaged or too large for the memory that is free") from error
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        reason = str(error).partition("\n")[0]
        said = "" if "weights_only" in str(error) else f": {reason}"  # torch's advice is to run the code
        raise StriateError(f"{path} is damaged or not a weight file{said}") from error


def unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict inside a checkpoint: under a usual key, or the one dictionary of tensors, whatever its key.

    Raises StriateError that shows the keys where there is none, or several that are as good.
    """
    for _ in range(DEEPEST):
        if not isinstance(content, Mapping):
            break
        tensors = _tensors_of(content)
        inside = [key for key in WRAPPERS if isinstance(content.get(key), Mapping)]
        if inside:
            if len(inside) > 1:
                log.warning("%s holds %s; taking %r", path, " and ".join(map(repr, inside)), inside[0])
            content = content[inside[0]]
            continue
        held = {key: _tensors_of(value) for key, value in content.items() if isinstance(value, Mapping)}
        others = [key for key, value in held.items() if len(value) > len(tensors)]
        if not others and tensors:
            return tensors
        if len(others) > 1:
            named = ", ".join(map(repr, others[:SHOWN]))
            raise StriateError(f"{path} holds several state dicts ({named}); save the one that is meant alone")
        if not others:
            break
        log.warning("%s: the state dict is what it holds as %r", path, others[0])
        content = content[others[0]]
    keys = f"its keys are {', '.join(map(repr, list(content)[:SHOWN]))}" if isinstance(content, Mapping) else "no names"
    raise StriateError(f"{path} holds no state dict: {keys}; save model.state_dict()")


def _tensors_of(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor)}


def refuse_not_finite(tensors: Mapping[str, Tensor], source: str | Path) -> None:
    """Raise StriateError, naming the first tensor, where weights hold NaN or infinity: every answer would be NaN.

    >>> refuse_not_finite({"fc.bias": torch.tensor([1.0, float("nan")])}, "w.pth")
    Traceback (most recent call last):
    striate.core.errors.StriateError: w.pth: NaN or infinity in 1 of the 2 numbers of fc.bias; its training has diverged
    """
    with torch_threads(1):  # several would wait for each other at every tensor, beside other programs for a second
        for name, tensor in tensors.items():
            if not (tensor.is_floating_point() or tensor.is_complex()):
                continue
            wide = tensor.float() if tensor.element_size() == 1 else tensor  # torch asks it of no float8
            if not bool(torch.isfinite(wide).all()):
                bad = int((~torch.isfinite(wide)).sum())
                count = f"{bad:,} of the {tensor.numel():,} numbers of {name}"
                raise StriateError(f"{source}: NaN or infinity in {count}; its training has diverged")


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
