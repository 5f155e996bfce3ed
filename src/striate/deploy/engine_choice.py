"""Which engine answers for a network on this machine: the fastest that agrees, by a short measurement that is kept."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from striate.core.errors import StriateError, unknown_name
from striate.core.extras import installed, require_packages
from striate.core.files import write_json
from striate.core.reading import read_record
from striate.core.version import __version__
from striate.data.cache import cache_root
from striate.deploy.bundle import Bundle
from striate.deploy.engine_form import EngineForm
from striate.deploy.engines import ENGINES, RUN_BY, open_engine
from striate.deploy.predictor import Tell
from striate.runtime.machine import processor_name
from striate.runtime.program.quick import QuickForm
from striate.runtime.runtime import Runtime

AUTO, TORCH = "auto", "torch"
ENDING = ".onnx"  # what all engines beside torch read
CHOICES = (AUTO, TORCH, *RUN_BY[ENDING])
MEASURED_FROM = 500  # pictures: fewer are answered by torch before a file for the engines is made and measured
FOLLOWED_FROM = 32  # pictures: fewer are answered by torch before another engine is ready
WRITTEN_BY = ("onnx", "onnxscript")


@dataclass(frozen=True)
class Measured:
    """What a measurement came to. engine: the fastest; images_per_s: of it and of all others whose answers agree."""

    engine: str
    images_per_s: dict[str, float]
    versions: dict[str, str]

    @property
    def words(self) -> str:
        """In a line.

        >>> Measured("openvino", {"torch": 80.0, "openvino": 100.0}, {}).words
        'OpenVINO answers fastest here: 100 images/s, torch 80'
        """
        others = [f"{ENGINES[name]} {rate:,.0f}" for name, rate in self.images_per_s.items() if name != self.engine]
        rates = ", ".join([f"{self.images_per_s[self.engine]:,.0f} images/s", *others])
        return f"{ENGINES[self.engine]} answers fastest here: {rates}"


@dataclass(frozen=True)
class Asking:
    """Who asks for an engine: a network with what belongs to it, the hash of its weights, torch's form of it, and where
    and in which numbers it runs.
    """

    bundle: Bundle
    sha256: str
    form: QuickForm
    runtime: Runtime

    @property
    def stem(self) -> str:
        """Of the file for the engines, in the cache: another network, size or version has another."""
        preprocess = self.bundle.preprocess
        height, width = preprocess.size
        return f"{self.sha256[:16]}-{preprocess.channels}x{height}x{width}-{__version__}"

    @property
    def dtype(self) -> torch.dtype:
        """Of the numbers that it runs in, where it runs on the processor."""
        return torch.bfloat16 if self.runtime.precision == "bf16" else torch.float32

    @property
    def fits_engines(self) -> bool:
        """Whether another engine than torch computes there, and in these numbers."""
        return self.runtime.device == "cpu" and self.runtime.precision != "fp16"


def form_by(asking: Asking, engine: str, pictures: int | None, tell: Tell) -> QuickForm:
    """The network in the engine that a person names, or with "auto" in the fastest that agrees.

    pictures: how many will be asked about; None: not known. That is decided by a measurement, which is kept per
    machine, network, size and precision, followed for FOLLOWED_FROM pictures, and made where none is kept and
    MEASURED_FROM are to come. tell: gets
    a line of what is being made, and of what was found.
    Raises StriateError for an engine that is not known, not installed, or not for this device.
    """
    if engine not in CHOICES:
        raise unknown_name("engine", engine, CHOICES)
    if engine == AUTO:
        engine = _fastest(asking, pictures, tell)
    elif engine != TORCH:
        _require(asking, engine)
    return asking.form if engine == TORCH else _in_engine(asking, engine, tell)


def _require(asking: Asking, engine: str) -> None:
    require_packages(f"--engine {engine} needs", engine)
    if not asking.fits_engines:
        raise StriateError(
            f"{ENGINES[engine]} runs on the processor in fp32 or bf16, not on {asking.runtime.device} in "
            f"{asking.runtime.precision}; leave --engine out"
        )


def _fastest(asking: Asking, pictures: int | None, tell: Tell) -> str:
    """Its name, by what was measured before, or is measured now."""
    names = [name for name in RUN_BY[ENDING] if installed(name)]
    if not names or not asking.fits_engines or not all(map(installed, WRITTEN_BY)):
        return TORCH
    if pictures is not None and pictures < FOLLOWED_FROM:
        return TORCH
    kept, versions = _kept_in(asking), {name: importlib.metadata.version(name) for name in (TORCH, *names)}
    with suppress(StriateError):  # a file that is not there, or damaged
        before = read_record(kept, Measured)
        if before.versions == versions and before.engine in (TORCH, *names):
            return before.engine
    if pictures is None or pictures < MEASURED_FROM:
        return TORCH
    try:
        found = _measured(asking, names, versions, tell)
        tell(found.words)
        with suppress(StriateError):  # where nothing can be kept, it is measured again
            write_json(kept, asdict(found))
    except StriateError as error:
        tell(f"torch answers, as the network cannot be given to another engine: {error}")
        return TORCH
    return found.engine


def _kept_in(asking: Asking) -> Path:
    machine = f"{processor_name()} {os.cpu_count()} {asking.runtime.threads} {asking.runtime.precision}"
    return _folder() / f"{asking.stem}-{hashlib.sha256(machine.encode()).hexdigest()[:12]}.json"


def _folder() -> Path:
    return cache_root() / "engines"


def _in_engine(asking: Asking, engine: str, tell: Tell) -> EngineForm:
    """The network in an engine, by a file that is made once."""
    file = _folder() / f"{asking.stem}{ENDING}"
    if not file.is_file():
        tell(f"making an ONNX file of {asking.bundle.network.label} for {ENGINES[engine]}, once")
        from striate.deploy.engine_trial import write_file  # brings torch's exporters

        write_file(asking, file)
    return EngineForm(asking.form, open_engine(file, engine, asking.runtime.precision), asking.dtype)


def _measured(asking: Asking, names: list[str], versions: dict[str, str], tell: Tell) -> Measured:
    from striate.deploy.engine_trial import images_per_s  # brings torch's exporters

    forms: dict[str, QuickForm] = {TORCH: asking.form}
    forms |= {name: _in_engine(asking, name, tell) for name in names}
    rates = images_per_s(asking, forms)
    return Measured(max(rates, key=rates.__getitem__), rates, versions)
