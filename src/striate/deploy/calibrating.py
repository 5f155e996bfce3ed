"""A classifier made as sure as it is right: what is fitted to its validation pictures, and what that changes."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.answers.calibration import CALIBRATION, MILDEST, STRONGEST, Calibration
from striate.answers.classes import CLASSIFICATION, NONE_OF_THESE
from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.core.one_screen import few
from striate.core.units import counted
from striate.core.values import checked
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError
from striate.data.streaming import Undecoded
from striate.data.targets import BatchTargets
from striate.data.targets.classes import labels_of
from striate.deploy.calibrated import FITTED_ON, MEASURED_ON, Calibrated, Keeping, Sureness
from striate.deploy.comparing import Bar, no_bar, unlisted
from striate.deploy.given import given_pictures
from striate.deploy.inputs import open_for
from striate.deploy.run import RECIPE, Run, load
from striate.ops.calibration import fitted_temperature, gaps, in_equal_widths, reliability, share_that_keeps
from striate.runtime.global_state import global_state_kept
from striate.tasks import task_named
from striate.tasks.redrawing import samples

FEWEST_HALVED = 2


class Answers(NamedTuple):
    """Logits, float64 (N, K), and the classes of the pictures, int64 (N,)."""

    logits: Tensor
    labels: Tensor


class Gathered:
    """In the place of a metric: the logits of every picture, and its class."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.parts: list[Answers] = []

    def add(self, output: Tensor, targets: BatchTargets) -> None:
        """Keep a batch. output: logits (N, classes)."""
        self.parts.append(Answers(output.double(), labels_of(targets)))

    def merge(self, other: Self) -> None:
        """Keep what another one has kept."""
        self.parts += other.parts

    def figures(self) -> dict[str, float]:
        """None."""
        return {}

    def result(self) -> Answers:
        """All of them."""
        return Answers(*map(torch.cat, zip(*self.parts, strict=True)))


@checked
@global_state_kept()
def calibrate(
    run: Run | str | Path,
    data: str | Path | None = None,
    keep: float | None = None,
    *,
    unknown: Sequence[str | Path] = (),
    bar: Bar = no_bar,
) -> Calibrated:
    """Fit to a classifier's validation pictures how sure it may be, and below which share a picture is of no class.

    run: its folder, or open. data: by default that of the run. keep: share of pictures of its classes, 0 to 1, that
    shall still get one; None: every picture gets a class, whatever it shows. unknown: files or folders of pictures of
    none of the classes, to count how many are refused. bar: a context of (done, total) for each part, under a title.

    It is kept in the run folder as calibration.json, which `predict`, `evaluate`, `serve` and `export` follow; the
    likeliest class of a picture stays the likeliest. What it changes is measured on the test pictures; where there are
    none, by halves of the validation pictures.
    Raises StriateError for what is no run of classification and where there are too few validation pictures.
    """
    opened = run if isinstance(run, Run) else load(run)
    _require_classifier(opened)
    if keep is not None and not 0 < keep < 1:
        raise StriateError(f"--keep takes a share of the known pictures between 0 % and 100 %, got {100 * keep:g} %")
    if unknown and keep is None:
        raise StriateError("--unknown counts pictures that are refused, and without --keep none is; give both")
    refusable = _given_unknown(unknown)
    unreadable: list[DecodeError] = []
    parts, source = _answers(opened, data, bar, unreadable)
    fitting, testing = parts[FITTED_ON], parts.get(MEASURED_ON)
    if testing is None and len(fitting.labels) < FEWEST_HALVED:
        raise StriateError(
            f"{source} has one validation picture and none to test on, so there are no halves of which each could be "
            "measured by what is fitted to the other; name data with a test part, or with more validation pictures"
        )
    if keep is not None:
        _require_enough(len(fitting.labels), keep, halved=testing is None)
    calibration, settled = _fitted(fitting, keep)
    calibration = replace(calibration, sha256=opened.sha256)
    before, after, labels, kept = _by_halves(fitting, keep) if testing is None else _by(calibration, testing)
    found = Calibrated(
        opened.path,
        source,
        calibration,
        len(fitting.labels),
        testing is None,
        settled,
        _sureness(before, labels),
        _sureness(after, labels),
        len(labels),
        None if keep is None else _keeping(after, labels, kept),
        unknown=_classed(opened, calibration, refusable) if refusable else None,
        unreadable=tuple(unreadable),
    )
    write_json(opened.path / CALIBRATION, found.to_dict())
    opened.follow(calibration)
    return found


def _require_classifier(run: Run) -> None:
    if not (run.path / RECIPE).is_file():
        raise StriateError(f"{run.path} is no run folder; what is fitted is kept in one, so train or name a run")
    if run.task_name != CLASSIFICATION:
        raise StriateError(f"{run.path} is for {run.task_name}; shares of classes are calibrated, of {CLASSIFICATION}")
    if NONE_OF_THESE in run.classes:
        raise StriateError(f"{run.path} has a class {NONE_OF_THESE!r}, which is what pictures of no class are called")


def _answers(
    run: Run, data: str | Path | None, bar: Bar, unreadable: list[DecodeError]
) -> tuple[dict[str, Answers], str]:
    """Of the validation and the test pictures, where there are some, the logits as the network has them; the data."""
    named = str(data) if data is not None else run.own_data
    if named is None:
        raise StriateError(f"the data of {run.path} was in memory or has gone; name pictures to calibrate it on")
    dataset: Dataset = run.recorded(open_for(run, named))
    task = replace(task_named(run.task_name), metric=Gathered)
    found = {}
    for split in (FITTED_ON, MEASURED_ON):
        pictures = dataset.splits.get(split, np.zeros(0, np.int64))
        pictures = unlisted([run], dataset, pictures) if len(pictures) else pictures
        if len(pictures):
            with bar(f"{run.path}, {split}") as progress:
                found[split] = run.measure(task, dataset, pictures, {}, progress, unreadable).result()
    if FITTED_ON not in found:
        raise StriateError(f"{dataset.source} has no validation pictures that {run.path} was not trained on")
    return found, dataset.source


def _fitted(answers: Answers, keep: float | None) -> tuple[Calibration, bool]:
    """What fits some answers, and whether they settle the temperature."""
    temperature = fitted_temperature(*answers, (MILDEST, STRONGEST))
    settled = MILDEST * 1.01 < temperature < STRONGEST / 1.01
    calibration = Calibration(temperature if settled else 1.0, keep=keep)
    if keep is None:
        return calibration, settled
    none_below = share_that_keeps(_shares(calibration.logits(answers.logits)), keep)
    return replace(calibration, none_below=none_below or 0.0), settled


def _require_enough(pictures: int, keep: float, *, halved: bool) -> None:
    """Raise StriateError unless so many pictures settle a threshold, also by half of them where they are halved."""
    least = math.ceil(1 / (1 - keep) - 1e-9) - 1
    if halved:
        least *= 2
    if pictures < least:
        raise StriateError(
            f"--keep {100 * keep:g}% needs at least {counted(least, 'validation picture')}, there are {pictures:,}; "
            "take a smaller --keep, or name data with more of them"
        )


def _shares(logits: Tensor) -> Tensor:
    """Of the likeliest class, (N,)."""
    return logits.softmax(1).amax(1)


def _by(calibration: Calibration, answers: Answers) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logits before and after, (N, K), the classes, and which pictures are given one, bool (N,)."""
    after = calibration.logits(answers.logits)
    return answers.logits, after, answers.labels, _shares(after) >= calibration.none_below


def _by_halves(answers: Answers, keep: float | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same, of each half of the pictures by what was fitted to the other."""
    order = torch.randperm(len(answers.labels), generator=torch.Generator().manual_seed(0))
    one, other = (Answers(answers.logits[half], answers.labels[half]) for half in order.chunk(2))
    halves = [_by(_fitted(fitting, keep)[0], measured) for fitting, measured in ((one, other), (other, one))]
    before, after, labels, kept = map(torch.cat, zip(*halves, strict=True))
    return before, after, labels, kept


def _sureness(logits: Tensor, labels: Tensor) -> Sureness:
    """The interval is the basic one of the bootstrap: an error that cannot fall below 0 is larger in most samples.

    Source: Davison and Hinkley, "Bootstrap methods and their application", 1997, section 5.2.1.
    """
    shares, right = _shares(logits), logits.argmax(1) == labels
    found = reliability(shares, right, in_equal_widths(shares))
    apart = gaps(shares, right)
    redrawn = torch.cat([(times @ apart).abs().sum(1) / len(labels) for times in samples(len(labels))])
    low, high = redrawn.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    interval = (max(0.0, 2 * found.error - high), max(0.0, 2 * found.error - low))
    return Sureness(found.error, interval, found.chance, float(F.cross_entropy(logits, labels)))


def _keeping(logits: Tensor, labels: Tensor, kept: Tensor) -> Keeping:
    right = kept & (logits.argmax(1) == labels)
    return Keeping(len(labels), int(kept.sum()), int(right.sum()))


def _given_unknown(paths: Sequence[str | Path]) -> list[Undecoded]:
    """The pictures of none of the classes. Raises StriateError for a path that there is not."""
    if missing := next((path for path in paths if not Path(path).exists()), None):
        raise StriateError(f"--unknown names {missing}, which is not there; give files or folders of pictures")
    return given_pictures(paths)


def _classed(run: Run, calibration: Calibration, pictures: Sequence[Undecoded]) -> tuple[int, int]:
    """Of pictures that can be read, how many, and how many get a class by a calibration that the run may yet follow."""
    follower = copy.copy(run)
    follower.follow(calibration)
    answers = [each for each in follower.answers(pictures, top=1) if each.problem is None]
    if not answers:
        raise StriateError(f"none of the pictures of --unknown can be read: {few(tuple(p.name for p in pictures))}")
    return len(answers), sum(each.label != NONE_OF_THESE for each in answers)
