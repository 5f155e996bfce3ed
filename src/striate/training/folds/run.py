"""From a plan to a run for each fold, and from these to one report."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from striate.core.bounds import require_within
from striate.core.errors import Interrupted, StriateError
from striate.core.own_code import OwnCode
from striate.core.reading import read_record
from striate.data.folds import FOLDS, Fold, refuse_other_pictures
from striate.data.in_memory import Given, kind_of
from striate.data.manifest import MANIFEST
from striate.training.folder.begun import going_on, read_begun
from striate.training.folder.layout import LOCK, RECIPE, fold_path, is_finished, locked, next_free
from striate.training.folds.judged import judged
from striate.training.folds.result import FoldsResult
from striate.training.monitor.reporter import Reporter
from striate.training.own import begun_with, same_code
from striate.training.plan import Plan, read_plan
from striate.training.prepared import Prepared, opened
from striate.training.reopen import Going, same_runtime, source_now
from striate.training.run import RUNS, Audience, resume, start, stem_of
from striate.training.speed.options import RuntimeOptions


@dataclass(frozen=True)
class Folds:
    """A folder with a run for each fold. plan: of the first, in which `fold` says how many there are.

    places: where pictures are now that have moved, and those that are in memory. source_changed: whether code of a
    person's own may have changed.
    """

    folder: Path
    plan: Plan
    of: int
    cache_gb: float
    audience: Audience
    places: Mapping[str, Given] = field(default_factory=dict)
    source_changed: bool = False

    def path(self, number: int) -> Path:
        """The run folder of a fold, counted from 1."""
        return fold_path(self.folder, number)

    def finished(self) -> FoldsResult:
        """Train what is not trained yet, then report. Raises StriateError and Interrupted as `start` does."""
        reporter = Reporter(quiet=self.audience.quiet)
        with locked(self.folder), _stopped_as_one(self.path(1)):
            for number in range(1, self.of + 1):
                if not is_finished(self.path(number)):
                    reporter.say(str(Fold(number, self.of)))
                    self._train(number)
            paths = [self.path(number) for number in range(1, self.of + 1)]
            result = judged(self.folder, paths, self.plan.code, self.places, self.cache_gb, reporter)
        reporter.say(f"{result.sentence}; report: {result.page}")
        return result

    def _train(self, number: int) -> None:
        path = self.path(number)
        if (path / RECIPE).exists():
            also: dict[str, Any] = {"code": self.plan.code, "source_changed": self.source_changed}
            resume(path, self.cache_gb, self.audience, places=self.places, **also)
        elif number == 1:
            start(self.plan, path, self.cache_gb, self.audience)
        else:
            start(self._alike(number), path, self.cache_gb, self.audience, self._opened)

    def _alike(self, number: int) -> Plan:
        """The plan of a later fold: recipe and settings of the machine are those that the first settled on."""
        begun, record = read_plan(self.path(1))
        device = self.plan.options.device
        options = replace(RuntimeOptions.exactly(same_runtime(record["machine"], device)), device=device)
        changed = {n: tuple(value) if isinstance(value, list) else value for n, value in record["changed"].items()}
        same = {name: getattr(self.plan, name) for name in ("source", "in_memory", "elsewhere", "code")}
        return replace(begun, changed=changed, options=options, fold=Fold(number, self.of), **same)

    def _opened(self, plan: Plan, cache_gb: float, reporter: Reporter) -> Prepared:
        prepared = opened(plan, cache_gb, reporter)
        refuse_other_pictures(self.path(1) / MANIFEST, prepared.dataset, prepared.scan)
        return prepared


def require_foldable(folds: int, asked: Mapping[str, Any]) -> None:
    """Raise StriateError for a number of folds that cannot be, and for what is asked beside it and excludes it."""
    require_within("folds", folds, FOLDS)
    if asked.get("val"):
        raise StriateError(
            "--folds and --val exclude each other: the folds judge all pictures that are not test, and each takes its "
            "validation pictures from the others"
        )
    if asked.get("budget"):
        raise StriateError(
            "--folds and --budget exclude each other: a budget is for one run; say how long each trains by --epochs"
        )
    if asked.get("without_missing"):
        raise StriateError(
            "--folds and --without-missing exclude each other: each picture is judged once; go on with the fold alone, "
            "by its own folder in --run"
        )


def train_folds(plan: Plan, folds: int, folder: Path | None, cache_gb: float, audience: Audience) -> FoldsResult:
    """Train a network for each fold, with `folder`/fold1 and so on as its run, and report on all; see `api.train`.

    Raises StriateError when the data cannot be trained on or the folder holds something already, Interrupted when a
    signal stops it.
    """
    _refuse_weights_of(plan)
    folder = folder or next_free(RUNS, f"{stem_of(plan)}-folds")
    first = fold_path(folder, 1)
    if (first / RECIPE).exists():
        raise StriateError(f"{folder} holds folds already; go on with them by --resume, or choose another --run")
    if folder.exists() and any(each.name not in (LOCK, first.name) for each in folder.iterdir()):
        raise StriateError(f"{folder} is not empty and holds no folds; choose another --run")
    held = {"data": plan.in_memory, **plan.elsewhere}
    in_memory = {name: data for name, data in held.items() if data is not None and not isinstance(data, str)}
    return Folds(folder, replace(plan, fold=Fold(1, folds)), folds, cache_gb, audience, in_memory).finished()


def resume_folds(
    folder: Path,
    folds: int,
    cache_gb: float,
    audience: Audience,
    *,
    places: Mapping[str, Given],
    code: Mapping[str, OwnCode],
    source_changed: bool,
) -> FoldsResult:
    """Go on with folds where they were stopped, to equal weights; all as of `run.resume`.

    Raises StriateError when the folder holds no folds, or another number of them, and as `run.resume` does.
    """
    first = fold_path(folder, 1)
    if not (first / RECIPE).exists():
        raise StriateError(f"{folder} holds no folds to go on with; leave --resume out to start one")
    begun, record = read_plan(first)
    if begun.fold is None or begun.fold.of != folds:
        many = "without folds" if begun.fold is None else f"with --folds {begun.fold.of}"
        raise StriateError(f"{folder} was begun {many}, not {folds}; go on with it as it was begun")
    own = same_code(first, begun_with(read_begun(first)[0]), code, Reporter(quiet=True).say, changed=source_changed)
    source = source_now(Going(folder, record), places.get("data"), record["data"]["source"])
    others = {split: places.get(split, there) for split, there in begun.elsewhere.items()}
    named, in_memory = (source, None) if isinstance(source, str) else (kind_of(source), source)
    plan = replace(begun, source=named, in_memory=in_memory, elsewhere=others, code=own)
    return Folds(folder, plan, folds, cache_gb, audience, places, source_changed).finished()


def refuse_folds(folder: Path) -> None:
    """Raise StriateError where a folder that is to be gone on with holds folds, which was not said."""
    if (fold_path(folder, 1) / RECIPE).exists() and (fold := read_begun(fold_path(folder, 1))[0].fold) is not None:
        raise StriateError(f"{folder} holds {fold.of} folds; go on with: {going_on(fold_path(folder, 1))}")


def _refuse_weights_of(plan: Plan) -> None:
    """Raise StriateError where a network is to begin with the weights of a run, or soup, that saw the pictures."""
    weights = plan.recipe.weights
    if weights is None or plan.in_memory is not None or not (Path(weights) / RECIPE).is_file():
        return
    data = read_record(Path(weights) / RECIPE, dict[str, Any]).get("data", {})
    here = str(Path(plan.source).resolve()) if Path(plan.source).exists() else plan.source
    if data.get("source") == here:
        raise StriateError(
            f"--weights {weights} were trained on pictures of {plan.source}, which the folds are to judge; begin with "
            "others, such as --weights embedded"
        )


@contextmanager
def _stopped_as_one(first: Path) -> Iterator[None]:
    """What stops a fold stops all, and the message says how to go on with them."""
    try:
        yield
    except (Interrupted, KeyboardInterrupt) as stop:
        if not (first / RECIPE).exists():
            raise
        number = stop.signal if isinstance(stop, Interrupted) else signal.SIGINT
        said = f"stopped; all that the folds have come to is kept. Go on with: {going_on(first)}"
        raise Interrupted(said, number) from None
