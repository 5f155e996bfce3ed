"""A network to a file: traced, written under a passing name, tried on pictures, and only then given its name."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from striate.answers.classes import CLASSIFICATION
from striate.core.errors import StriateError, unknown_name
from striate.core.files import passing_folder, require_writable, sync_folder
from striate.core.units import counted
from striate.core.version import __version__
from striate.data.scan import Progress
from striate.deploy.bundle import Bundle
from striate.deploy.engines import ENGINES, Engine, open_engine
from striate.deploy.export.drop import Drop, FigureDrop, drop_of
from striate.deploy.export.ends import answering
from striate.deploy.export.exported_file import ExportedFile
from striate.deploy.export.formats import FORMATS, Format
from striate.deploy.export.parting import parting
from striate.deploy.export.pictures import Pictures
from striate.deploy.export.proof import CLOSE, Comparison, compared, takes_other_sizes
from striate.deploy.export.traced import Traced, of_its_size, traced
from striate.deploy.export_record import ExportedPrecision, ExportRecord
from striate.deploy.predictor import Tell
from striate.tasks import task_named
from striate.tasks.task import Task

MAX_DROP = 0.5  # points


@dataclass(frozen=True)
class Wanted:
    """What a file is to be.

    format: of FORMATS. precision: "fp32", "bf16" or "int8". with_preprocessing: whether it takes pixels, uint8 pictures
    of the working size. max_drop: how many points of the task's first figure, such as accuracy, int8 may cost; None:
    MAX_DROP.
    """

    path: Path
    format: str
    precision: ExportedPrecision = "fp32"
    with_preprocessing: bool = False
    max_drop: float | None = None

    @classmethod
    def of(cls, output: str | Path | None, format: str | None, stem: str, **more: Any) -> Wanted:
        """By the name of a format, or the ending of a file; stem: of the file's name where there is none; more: fields.

        Raises StriateError for others, where the two differ, and for fields beyond their bounds.
        """
        ending = Path(output).suffix.lower() if output is not None else None
        by_ending = next((name for name, each in FORMATS.items() if each.ending == ending), None)
        name = format or by_ending or "onnx"
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
        if output is not None and by_ending != name:
            raise StriateError(f"a file in the format {name} ends in {FORMATS[name].ending}, got {output}")
        path = Path(output) if output is not None else Path(f"{stem}{FORMATS[name].ending}")
        wanted = cls(path, name, **more)
        if wanted.max_drop is not None and not 0 <= wanted.max_drop <= 100:
            raise StriateError(f"--max-drop takes 0 to 100 points of accuracy, got {wanted.max_drop}")
        if wanted.precision not in get_args(ExportedPrecision):
            raise unknown_name("precision", wanted.precision, get_args(ExportedPrecision))
        if wanted.precision not in FORMATS[name].precisions:
            allowed = ", ".join(FORMATS[name].precisions)
            raise StriateError(f"{name} files are {allowed}, not {wanted.precision}: {FORMATS[name].remark}")
        if wanted.max_drop is not None and wanted.precision != "int8":
            raise StriateError(f"--max-drop is of --precision int8, got {wanted.precision}; leave it out")
        return wanted


@dataclass(frozen=True)
class Audience:
    """Who is told of what goes on. stage: of each part, as a line; progress: of pictures, done and all."""

    stage: Tell = lambda _line: None
    progress: Progress = lambda _done, _total: None


@dataclass(frozen=True)
class Trials:
    """What a file is tried on. pictures: of all kinds; in int8, with their targets. calibration: for int8."""

    pictures: Pictures
    calibration: Pictures | None = None

    def by(self, at_once: int | None) -> Trials:
        """The same in batches of so many, where that is said."""
        if at_once is None:
            return self
        calibration = None if self.calibration is None else replace(self.calibration, at_once=at_once)
        return Trials(replace(self.pictures, at_once=at_once), calibration)


def export(bundle: Bundle, wanted: Wanted, trials: Trials, audience: Audience) -> ExportedFile:
    """Write a network to a file that answers as it does.

    Raises StriateError, and leaves no file, where it cannot be traced, where a package is missing, and where the file's
    answers differ on a picture, with the layer where they part; in int8 where the task's first figure drops
    by more than was allowed.
    """
    format, label, task = FORMATS[wanted.format], bundle.network.label, _task_of(bundle)
    format.require(wanted.precision)
    require_writable(wanted.path)
    if wanted.precision == "int8" and (trials.calibration is None or trials.pictures.known is None):
        known = "known classes" if task.needs == CLASSIFICATION else task_named(task.needs).learns_from
        raise StriateError(
            f"int8 takes pictures with {known}, to be calibrated on and measured by; name "
            f"data with --data, or export {label} in fp32"
        )
    trials = trials.by(task.at_once)
    next(trials.pictures.batches(bundle.preprocess))  # raises, before anything is traced, where none can be read
    audience.stage(f"tracing {label}")
    module = answering(bundle.network, bundle.preprocess, with_preprocessing=wanted.with_preprocessing)
    found = traced(module, bundle.preprocess, label)
    record = _record(bundle, wanted)
    with passing_folder(wanted.path) as folder:
        file = folder / wanted.path.name
        audience.stage(f"writing {wanted.path.name}")
        attempt, made, engine = _written(found, record, file, format, trials)
        audience.stage(f"trying it on {trials.pictures.words} in {ENGINES[format.engine]}")
        close = CLOSE[wanted.precision]
        counted_in = Comparison(task, close)
        if wanted.precision == "int8":
            counted_in.before, counted_in.after = task.metric(bundle.classes), task.metric(bundle.classes)
        comparison = compared(attempt, engine, trials.pictures, counted_in, audience.progress)
        if not comparison.agrees:
            raise StriateError(_disagreement(wanted, comparison, parting(attempt, made, trials.pictures, close)))
        drop = _allowed_drop(wanted, comparison)
        measured = {"int8": drop.to_dict()} if drop is not None else {}
        record = replace(record, proof=comparison.proof(trials.pictures), metrics={**record.metrics, **measured})
        format.write(made, record, file)
        size = _settle(file, wanted.path, format)
    return ExportedFile(
        wanted.path, record, wanted.format, bool(attempt.other_sizes), trials.pictures.words, size, drop
    )


def _written(
    found: Traced, record: ExportRecord, file: Path, format: Format, trials: Trials
) -> tuple[Traced, Any, Engine]:
    """Write the operators of any size, or those of the network's own for a format that has not all that these need.

    Returns the operators, what the format made of them, and the file in its engine.
    """
    label = record.architecture
    if found.other_sizes:
        try:
            made = format.made(record.precision, found, label, trials.calibration)
            format.write(made, record, file)
            engine = open_engine(file, format.engine)
            if takes_other_sizes(found, engine, _task_of(record), CLOSE[record.precision]):
                return found, made, engine
        except StriateError:  # which says of what: if it is not the size, the next lines say it again
            pass
        found = of_its_size(found.module, found.preprocess, label)
    made = format.made(record.precision, found, label, trials.calibration)
    format.write(made, record, file)
    return found, made, open_engine(file, format.engine)


def _task_of(answering: Bundle | ExportRecord) -> Task:
    return task_named(answering.task).at(answering.thresholds)


def _settle(file: Path, path: Path, format: Format) -> int:
    """Give a file, and first what lies beside it, the names that they were made for; returns all bytes."""
    size = 0
    for ending in (*format.beside, format.ending):
        part = file.with_suffix(ending)
        size += part.stat().st_size
        with part.open("rb") as opened:
            os.fsync(opened.fileno())
        part.chmod(0o644)
        part.replace(path.with_suffix(ending))
    sync_folder(path.parent)
    return size


def _allowed_drop(wanted: Wanted, found: Comparison) -> Drop | FigureDrop | None:
    """What int8 costs; None in other precisions. Raises StriateError where it is more than was allowed."""
    if found.before is None or found.after is None:
        return None
    drop = drop_of(found.task, found.before, found.after)
    allowed = MAX_DROP if wanted.max_drop is None else wanted.max_drop
    if drop.points > allowed:
        raise StriateError(
            f"{wanted.path} was not kept: in int8 {drop}, allowed are {allowed:g} (--max-drop); export in bf16 or fp32"
        )
    return drop


def _disagreement(wanted: Wanted, found: Comparison, layer: str | None) -> str:
    where = f"; they part at layer {layer!r}" if layer else ""
    if found.others:
        some = f"{counted(len(found.others), 'picture')} of {found.pictures:,}"
        told = f"on {some}, such as {found.others[0]}, it answers otherwise than the network"
    else:
        told = f"its numbers are up to {found.largest:.3g} away from the network's"
    advice = "" if wanted.precision == "fp32" else "; --precision fp32 is closer"
    return f"{wanted.path} was not kept: {told}{where}{advice}"


def _record(bundle: Bundle, wanted: Wanted) -> ExportRecord:
    """What the file says of itself, but for its proof."""
    network = bundle.network
    return ExportRecord(
        version=__version__,
        architecture=network.label,
        classes=bundle.classes,
        preprocess=bundle.preprocess,
        sha256=bundle.sha256,
        task=bundle.task,
        named=bundle.named,
        precision=wanted.precision,
        with_preprocessing=wanted.with_preprocessing,
        calibration=bundle.calibration,
        metrics=bundle.metrics,
        thresholds=bundle.thresholds,
    )
