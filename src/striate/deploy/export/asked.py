"""What a person asks to be exported: a run or other weights, or a network whose weights are drawn."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from striate.core.errors import StriateError
from striate.core.own_code import names_code
from striate.data.dataset import Dataset
from striate.data.in_memory import KINDS
from striate.deploy.bundle import Bundle, names_weights, network_of
from striate.deploy.export.exported_file import ExportedFile
from striate.deploy.export.exporting import Audience, Trials, Wanted, export
from striate.deploy.export.int8 import MOST_CALIBRATING
from striate.deploy.export.pictures import MOST_MEASURED, Pictures, drawn, of_data, of_dataset
from striate.deploy.export.together import together
from striate.deploy.inputs import targets_for
from striate.models import FILES, Model, Network, is_drawn

if TYPE_CHECKING:
    from striate.deploy.run import Run

log = logging.getLogger("striate")

PLAIN_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Asked:
    """How a file is asked for. output: its name; by default that of the network with the format's ending, here.

    data: pictures to try it on, by default those that validated the run. Others as in `Wanted`.
    """

    output: str | Path | None = None
    format: str | None = None
    precision: str = "fp32"
    with_preprocessing: bool = False
    data: str | Path | None = None
    max_drop: float | None = None

    def wanted(self, name: str) -> Wanted:
        """With the name of a network in the place of one that was not given."""
        stem = Path(name).resolve().name.removesuffix(".safetensors")
        return Wanted.of(
            self.output,
            self.format,
            stem if PLAIN_NAME.fullmatch(stem) else "network",
            precision=self.precision,
            with_preprocessing=self.with_preprocessing,
            max_drop=self.max_drop,
        )


def export_named(
    name: str, asked: Asked, audience: Audience, model: Model | None = None, classes: int | None = None
) -> ExportedFile:
    """Export what a name stands for: a run folder, weights, or a network of the zoo, a pattern or one's own as drawn.

    model: as to `load`. classes: of a network that is drawn. Raises StriateError as `load`, `network_of` and `export`.
    """
    if is_drawn(name) or names_code(name) or not (names_weights(name) or name in FILES):
        return _export_drawn(network_of(name, model, classes), asked, audience)
    _require_no_classes(name, classes)
    from striate.deploy.run import Run

    return export_run(Run(name, "fp32", model, "cpu"), asked, audience)


def export_run(run: Run, asked: Asked, audience: Audience | None = None) -> ExportedFile:
    """Export a run or other weights."""
    wanted = asked.wanted(str(run.path))
    return export(run.bundle, wanted, _trials(run, asked), audience or Audience())


def export_together(
    names: Sequence[str],
    asked: Asked,
    audience: Audience | None = None,
    model: Model | None = None,
    classes: int | None = None,
) -> ExportedFile:
    """Export several runs for classification as one file, of their mean probabilities; see `MeanNetwork`.

    model, classes: as of `export_named`. Raises StriateError as `load`, `together` and `export` do.
    """
    _require_no_classes(", ".join(names), classes)
    from striate.deploy.run import Run

    runs = [Run(name, "fp32", model, "cpu") for name in names]
    bundle = together(runs)
    return export(bundle, asked.wanted("together"), _trials(runs[0], asked), audience or Audience())


def _require_no_classes(names: str, classes: int | None) -> None:
    """Raise StriateError for a number of classes that a person names beside weights."""
    if classes is not None:
        raise StriateError(f"--classes is settled by the weights of {names}; leave it out")


def _export_drawn(network: Network, asked: Asked, audience: Audience) -> ExportedFile:
    """For trials of how fast it would be. Raises StriateError for int8, of which nobody could say what it costs."""
    if asked.precision == "int8":
        raise StriateError(
            f"int8 is held against the accuracy of a trained network, and the weights of {network.label} are as drawn; "
            "train it first, or export it in fp32"
        )
    with torch.inference_mode():
        outputs = network.eval()(torch.zeros(1, network.in_channels, *network.preprocess.size)).shape[1]
    numbered = tuple(f"class {number}" for number in range(outputs))
    names, preprocess = network.class_names or numbered, network.preprocess
    bundle = Bundle(network, preprocess, names, {}, named=bool(network.class_names), task=network.task)
    data = of_data(asked.data) if asked.data is not None else drawn(network.preprocess)
    pictures = of_dataset(data) if isinstance(data, Dataset) else data
    return export(bundle, asked.wanted(network.label.rpartition(":")[2]), Trials(pictures), audience)


def _trials(run: Run, asked: Asked) -> Trials:
    """What to try a file on: what was named, what validated the run, or what is drawn for want of both."""
    source = asked.data or _source(run)
    if source is not None:
        try:
            return _trials_of(run, asked, of_data(source, run.split_seed, run.ignored, run.task.needs))
        except StriateError as error:
            if asked.data is not None:
                raise
            log.warning("%s", error)
    log.warning("there are no pictures that validated it, so it is tried on drawn ones; --data names real ones")
    return Trials(drawn(run.preprocess))


def _trials_of(run: Run, asked: Asked, data: Dataset | Pictures) -> Trials:
    """Pictures of data; for int8 more, their targets, and those of training to calibrate on."""
    if not isinstance(data, Dataset):
        return Trials(data)
    data = run.recorded(data)
    if asked.precision != "int8" or data.targets.task != run.task.needs:
        return Trials(of_dataset(data))
    targets = targets_for(data, run.path, run.classes, named=run.bundle.named)
    training = "train" if len(data.splits.get("train", ())) else None
    return Trials(of_dataset(data, most=MOST_MEASURED, targets=targets), of_dataset(data, training, MOST_CALIBRATING))


def _source(run: Run) -> str | None:
    """The data that a run was trained on, where it can be opened again; None of other weights."""
    with suppress(StriateError, KeyError, TypeError):
        source = str(run.recipe["data"]["source"])
        return None if source in KINDS else source
    return None
