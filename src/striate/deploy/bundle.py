"""The two files that are a usable network: `model.safetensors` and `config.json`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from striate.answers.calibration import CALIBRATION, Calibration
from striate.answers.classes import CLASSIFICATION
from striate.core.errors import StriateError, unknown_name
from striate.core.files import write_bytes, write_json
from striate.core.own_code import Written, code_of, names_code
from striate.core.reading import read_record
from striate.core.records import Preprocess
from striate.deploy.engines import is_exported
from striate.deploy.near_runs import near_runs
from striate.meta.weightless import blueprint
from striate.models import FILES, NAMED, OWN, Model, Network, architecture_of, create_model, is_drawn
from striate.models.linear_probe import LinearProbe
from striate.models.pattern import canonical
from striate.models.stored import CONFIG, EMBEDDED, WEIGHTS, Stored, digest, read_stored, stored_folder
from striate.models.weights import fill

ALL_RUNS = "`striate runs` lists those there are, `embedded` is the packaged network"

log = logging.getLogger("striate")


@dataclass(frozen=True)
class Bundle:
    """A network with what belongs to it.

    preprocess: how pictures become its input. metrics: what was measured of it; empty where nothing is known. named:
    whether the classes have names, or are numbered for want of them. task: the name of what it was trained for.
    calibration: how its answers are read; None: as they are.
    thresholds: see `Config`.
    """

    network: Network
    preprocess: Preprocess
    classes: tuple[str, ...]
    metrics: dict[str, Any]
    named: bool = True
    task: str = CLASSIFICATION
    calibration: Calibration | None = None
    thresholds: tuple[float, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the weights, as the header of `model.safetensors` has it."""
        return digest(_tensors(self.network))


def save_weights(folder: Path, network: Network) -> None:
    """Write the weights atomically, with their SHA-256 in the header: equal weights give equal files."""
    tensors = _tensors(network)
    write_bytes(folder / WEIGHTS, save(tensors, metadata={"sha256": digest(tensors)}))


def _tensors(network: Network) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}


def save_config(
    folder: Path,
    network: Network,
    names: tuple[str, ...],
    metrics: dict[str, Any],
    task: str = CLASSIFICATION,
    preprocess: Preprocess | None = None,
    thresholds: tuple[float, ...] = (),
) -> None:
    """Write what the weights mean: task, architecture, names, preprocessing; and how good they were found to be.

    preprocess: how pictures became the network's input; by default as it was built for them. thresholds: see `Config`.
    """
    config = {
        "task": task,
        "architecture": network.architecture,
        "num_classes": len(names),
        "label_names": list(names),
        **({"outputs": network.classes} if network.classes != len(names) else {}),
        **({"code": network.written.to_dict()} if network.written else {}),
        "in_channels": network.in_channels,
        "preprocess": (preprocess or network.preprocess).to_dict(),
        **({"layers": list(network.layers)} if isinstance(network, LinearProbe) else {}),
        **({"thresholds": list(thresholds)} if thresholds else {}),
        "metrics": metrics,
    }
    write_json(folder / CONFIG, config)


def load_bundle(folder: Path, model: Model | None = None) -> Bundle:
    """Read a network back. model: the code of one's own that it is of, which is not run because a file names it.

    Raises StriateError that names a missing or damaged file, weights that do not fit, or code that has to be named.
    """
    if not folder.is_dir():
        near = f"did you mean {' or '.join(near_runs(folder))}?" if near_runs(folder) else ALL_RUNS
        raise StriateError(f"{folder}: no such run folder; {near}")
    stored = read_stored(folder)
    if stored.config.code is not None or names_code(stored.architecture):
        return _own_bundle(stored, model)
    if model is not None and not (isinstance(model, str) and canonical(model) == stored.architecture):
        named = model if isinstance(model, str) else code_of(model).name
        raise StriateError(f"{folder} holds {stored.architecture}, not {named}; leave the model out")
    try:
        network = empty_network(stored)
    except StriateError as error:
        raise StriateError(f"{folder / CONFIG} is damaged: {error}") from error
    fill(network, stored.tensors(), source=str(folder / WEIGHTS))
    return _bundle(network, stored)


def _own_bundle(stored: Stored, model: Model | None) -> Bundle:
    """A network of a person's own, of code that they have named, with the weights of a folder."""
    written, config = stored.config.code or Written(stored.architecture), stored.config
    if model is None:
        raise StriateError(
            f"{stored.folder} holds {written.name}, a network of your own, whose code only runs when it is named: "
            f"--model {written.flagged}"
        )
    network = create_model(model, config.outputs or len(stored.classes), config.in_channels, stored.preprocess.size)
    if network.written is None:
        raise StriateError(f"{stored.folder} holds {written.name}, not {network.label}; name that by --model")
    if written.name.rpartition(":")[2] != network.written.name.rpartition(":")[2]:
        log.warning(
            "%s was trained as %s and is used as %s: nobody can tell whether that answers as it did",
            *(stored.folder, written.name, network.written.name),
        )
    elif written.sha256 != network.written.sha256:
        log.warning(
            "%s is not as it was when it was trained: the answers may be others than then", network.written.name
        )
    network = LinearProbe(network, stored.layers, len(stored.classes)) if stored.layers else network
    fill(network, stored.tensors(), source=str(stored.folder / WEIGHTS))
    network.preprocess, network.class_names = stored.preprocess, stored.classes
    return _bundle(network, stored)


def _bundle(network: Network, stored: Stored) -> Bundle:
    config = stored.config
    own, classes = stored.preprocess, stored.classes
    return Bundle(network.eval(), own, classes, config.metrics, task=config.task, thresholds=config.thresholds)


def load_weights(weights: str | Path, model: Model | None = None) -> Bundle:
    """A network for use, from all that weights can be named by: see `create_model`.

    model: of which network they are, where they do not say so themselves; "imagenet" are resnet18's when not given,
    "own" those that a network of one's own comes with.
    Classes that have no names are numbered. Raises StriateError as `load_bundle` does, and for a file without a model.
    """
    if is_exported(weights) and Path(weights).is_file():
        raise StriateError(f"{weights} is an exported file, which predicts and serves; name the run it was made of")
    folder = stored_folder(weights)
    if folder is None and (weights in (OWN, *FILES) or Path(weights).is_file()):
        network = create_model(model or architecture_of(weights), weights=weights).eval()
        numbered = tuple(f"class {number}" for number in range(network.classes))
        return Bundle(network, network.preprocess, numbered, {}, named=False, task=network.task)
    bundle = load_bundle(folder or Path(weights), model)
    return replace(bundle, calibration=_calibration(folder or Path(weights), bundle))


def _calibration(folder: Path, bundle: Bundle) -> Calibration | None:
    """What was fitted to the weights of a folder; None, and said, where it was fitted to other ones."""
    path = folder / CALIBRATION
    if bundle.task != CLASSIFICATION or not path.exists():
        return None
    found = read_record(path, Calibration)
    if found.sha256 == bundle.sha256:
        return found
    log.warning("%s is of other weights and is not used; fit it anew by `striate calibrate`", path)
    return None


def network_of(
    name: str,
    model: Model | None = None,
    classes: int | None = None,
    in_channels: int | None = None,
    size: tuple[int, int] | None = None,
) -> Network:
    """A network by its name in the zoo, pattern or code, weights drawn; or that of "embedded", a run or a weight file.

    model: of which network the weights of a file are. classes, in_channels: of a network with drawn weights; others
    settle theirs. size: height, width in pixels. Raises StriateError for an unknown name, as `create_model` and
    `load_weights` do, and for what is settled.
    """
    if is_drawn(name) or names_code(name):
        if model is not None:
            kinds = (("a network of the zoo", name in NAMED), ("the pattern of a network", is_drawn(name)))
            kind = next((kind for kind, fits in kinds if fits), "a network")
            raise StriateError(f"{name} is {kind}; a model is named for weights only, leave it out")
        network = create_model(name, classes, in_channels, size)
        for remark in network.notes():
            log.warning(remark)
        return network
    if not names_weights(name):
        error = unknown_name("model", name, (*NAMED, EMBEDDED), "`striate models`")
        raise StriateError(f"{error}; the run {near[0]} has a like name") if (near := near_runs(name)) else error
    for what, value in (("--classes", classes), ("--in-channels", in_channels)):
        if value is not None:
            raise StriateError(f"{what} is settled by the weights of {name}; leave it out")
    network = load_weights(name, model).network
    if size is not None and size != network.preprocess.size:
        network.preprocess = network.preprocess.at(size)
        network.require_size(*size)
    return network


def names_weights(name: str) -> bool:
    """Whether a name, which is none of the zoo, is one of weights on the disk, or a path at least.

    >>> names_weights("embedded"), names_weights("runs/cats"), names_weights("resnet19")
    (True, True, False)
    """
    return name == EMBEDDED or Path(name).exists() or len(Path(name).parts) > 1


def empty_network(stored: Stored) -> Network:
    """The network that a config describes, its weights not yet there."""
    preprocess, classes = stored.preprocess, stored.config.outputs or len(stored.classes)

    def build() -> Network:
        network = create_model(stored.architecture, classes, preprocess.channels, preprocess.size)
        return LinearProbe(network, stored.layers, classes) if stored.layers else network

    # No weights are drawn only to be overwritten. As `to_empty`, by which torch imports sympy, half a second.
    network = blueprint(build)
    network._apply(lambda tensor: torch.empty(tensor.shape, dtype=tensor.dtype))  # type: ignore[no-untyped-call]
    network.preprocess, network.class_names = preprocess, stored.classes
    return network
