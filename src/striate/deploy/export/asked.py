"""What a person asks to be exported: a run or other weights, or a network whose weights are drawn."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from striate.core.errors import StriateError
from striate.core.own_code import names_code
from striate.data.dataset import Dataset
from striate.data.in_memory import KINDS
from striate.deploy.bundle import Bundle, names_weights, network_of
from striate.deploy.export.exported_file import ExportedFile
from striate.deploy.export.exporting import Audience, Wanted, export
from striate.deploy.export.pictures import Pictures, drawn, of_data, of_dataset
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
    max_drop: float = 0.5

    def wanted(self, name: str) -> Wanted:
        """With the name of a network in the place of one that was not given."""
        stem = Path(name).resolve().name.removesuffix(".safetensors")
        more: dict[str, Any] = {"precision": self.precision, "with_preprocessing": self.with_preprocessing}
        stem = stem if PLAIN_NAME.fullmatch(stem) else "network"
        return Wanted.of(self.output, self.format, stem, max_drop=self.max_drop, **more)


def export_named(
    name: str, asked: Asked, audience: Audience, model: Model | None = None, classes: int | None = None
) -> ExportedFile:
    """Export what a name stands for: a run folder, weights, or a network of the zoo, a pattern or one's own as drawn.

    model: as to `load`. classes: of a network that is drawn. Raises StriateError as `load`, `network_of` and `export`.
    """
    if is_drawn(name) or names_code(name) or not (names_weights(name) or name in FILES):
        return _export_drawn(network_of(name, model, classes), asked, audience)
    if classes is not None:
        raise StriateError(f"--classes is settled by the weights of {name}; leave it out")
    from striate.deploy.run import Run

    return export_run(Run(name, "fp32", model, "cpu"), asked, audience)


def export_run(run: Run, asked: Asked, audience: Audience | None = None) -> ExportedFile:
    """Export a run or other weights."""
    wanted = asked.wanted(str(run.path))
    return export(run.bundle, wanted, _pictures(run, asked), audience or Audience())


def _export_drawn(network: Network, asked: Asked, audience: Audience) -> ExportedFile:
    """For trials of how fast it would be."""
    with torch.inference_mode():
        outputs = network.eval()(torch.zeros(1, network.in_channels, *network.preprocess.size)).shape[1]
    numbered = tuple(f"class {number}" for number in range(outputs))
    bundle = Bundle(
        network.eval(), network.preprocess, network.class_names or numbered, {}, named=bool(network.class_names)
    )
    data = of_data(asked.data) if asked.data is not None else drawn(network.preprocess)
    pictures = of_dataset(data)[0] if isinstance(data, Dataset) else data
    return export(bundle, asked.wanted(network.label.rpartition(":")[2]), pictures, audience)


def _pictures(run: Run, asked: Asked) -> Pictures:
    """What to try a file on: what was named, what validated the run, or what is drawn for want of both."""
    source = asked.data or _source(run)
    if source is not None:
        try:
            data = of_data(source, run.split_seed)
            return of_dataset(run.recorded(data))[0] if isinstance(data, Dataset) else data
        except StriateError as error:
            if asked.data is not None:
                raise
            log.warning("%s", error)
    log.warning("there are no pictures that validated it, so it is tried on drawn ones; --data names real ones")
    return drawn(run.preprocess)


def _source(run: Run) -> str | None:
    """The data that a run was trained on, where it can be opened again; None of other weights."""
    with suppress(StriateError, KeyError, TypeError):
        source = str(run.recipe["data"]["source"])
        return None if source in KINDS else source
    return None
