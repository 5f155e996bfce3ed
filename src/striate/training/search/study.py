"""The study of a search: Optuna holds it, in a journal file or any of its databases. Nothing else knows Optuna."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.core.errors import StriateError, first_line
from striate.core.extras import require_packages
from striate.core.files import storage_errors
from striate.training.search.space import Axis, Range, Space, Values
from striate.training.search.tried import Tried

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, Trial

JOURNAL, RECORD = "study.jsonl", "striate"
LOCK_SECONDS = 10  # after which a lock of the journal is that of a process that was killed
ORPHAN_SECONDS = 10  # after which a trial that nobody has claimed is one
TPE_STARTS = 10  # trials at random before TPE has enough to go by


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Optuna says nothing of its own within it: what there is to say is said here."""
    require_packages("a search needs", "optuna")
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


class Study:
    """The trials of a search, wherever they are kept. place: the machine and folder of this process."""

    def __init__(self, study: OptunaStudy, space: Space, place: str) -> None:
        self._study, self._space, self.place = study, space, place
        self._distributions = {axis.name: distribution_of(axis) for axis in space}

    def get(self, name: str) -> Any:
        """What was kept for the whole search; None before."""
        return self._study.user_attrs.get(name)

    def keep(self, name: str, value: Any) -> Any:
        """Keep a JSON value for the whole search."""
        self._study.set_user_attr(name, value)
        return value

    def tried(self) -> list[Tried]:
        """All trials, by their number."""
        return [as_tried(each) for each in self._study.get_trials(deepcopy=False)]

    def new(self, goal: int, point: Callable[[int], tuple[Values, str] | None]) -> Tried | None:
        """A new trial, which is this process's alone. point: the values of its number, and how they were chosen.

        None, and nothing of it is left, where there are no more points.
        """
        trial = self._study.ask()
        return self._placed(trial, goal, point(trial.number))

    def adopt(self, tried: Tried, goal: int, point: Callable[[int], tuple[Values, str] | None]) -> Tried | None:
        """One that a process has begun that was killed before it could say so."""
        return self._placed(self._trial(tried.number), goal, point(tried.number))

    def _placed(self, trial: Trial, goal: int, point: tuple[Values, str] | None) -> Tried | None:
        from optuna.trial import TrialState

        if point is None:
            trial.set_user_attr("stage", "grid")
            self._study.tell(trial.number, state=TrialState.FAIL)
            return None
        values, stage = point
        self._study.sampler = _given(values)
        for axis in self._space:
            if not isinstance(axis, Range):
                trial.suggest_categorical(axis.name, axis.texts)
            elif axis.whole:
                trial.suggest_int(axis.name, int(axis.low), int(axis.high), log=axis.log)
            else:
                trial.suggest_float(axis.name, axis.low, axis.high, log=axis.log)
        for name, value in (("stage", stage), ("goal", goal), ("place", self.place)):
            trial.set_user_attr(name, value)
        return self.now(trial.number)

    def now(self, number: int) -> Tried:
        """A trial as it stands."""
        return as_tried(self._study.get_trials(deepcopy=False)[number])

    def go_on(self, tried: Tried, goal: int) -> None:
        """A trial is on its way to more epochs."""
        self._trial(tried.number).set_user_attr("goal", goal)

    def report(self, tried: Tried, epochs: int, figure: float, seconds: float, last: bool) -> None:
        """What a trial reached on validation. last: whether it is over."""
        trial = self._trial(tried.number)
        if epochs not in tried.figures:
            trial.report(figure, epochs)
        trial.set_user_attr("seconds", round(seconds, 3))
        trial.set_user_attr("paused", epochs)
        if last:
            self._study.tell(tried.number, figure)

    def end(self, tried: Tried, why: str, seconds: float, *, failed: bool = False) -> None:
        """A trial is over before its time."""
        from optuna.trial import TrialState

        trial = self._trial(tried.number)
        for name, value in (("why", why), ("seconds", round(seconds, 3))):
            trial.set_user_attr(name, value)
        self._study.tell(tried.number, state=TrialState.FAIL if failed else TrialState.PRUNED)

    def close(self) -> None:
        """Of all that wait in this place, none goes on any more."""
        from optuna.trial import TrialState

        for tried in self.tried():
            if tried.state == "paused" and tried.place == self.place:
                self._study.tell(tried.number, state=TrialState.PRUNED)

    def orphans(self) -> list[Tried]:
        """Trials that were begun and never claimed."""
        now = datetime.datetime.now()
        return [
            as_tried(each)
            for each in self._study.get_trials(deepcopy=False)
            if not each.state.is_finished()
            and "place" not in each.user_attrs
            and each.datetime_start is not None
            and abs((now - each.datetime_start).total_seconds()) > ORPHAN_SECONDS
        ]

    def tpe(self, tried: Sequence[Tried], seed: int, number: int) -> Values:
        """The point that Optuna's TPE would try next (Bergstra et al., NIPS 2011), those that came farther counting
        more.
        """
        import optuna

        sampler = optuna.samplers.TPESampler(seed=seed + number, n_startup_trials=TPE_STARTS)
        view = optuna.create_study(direction=self._study.direction, sampler=sampler)
        view.add_trials([each for each in map(self._seen, tried) if each is not None])
        return dict(view.ask(fixed_distributions=self._distributions).params)

    def importance(self, tried: Sequence[Tried], epochs: int) -> dict[str, float]:
        """How much each setting decides of what trials reached after so many epochs, shares of one, the most first.

        By PED-ANOVA (Watanabe et al., IJCAI 2023); {} where there are too few trials, or all are alike.
        """
        import optuna

        known = [each for each in tried if epochs in each.figures]
        if len(known) < 2 * len(self._space) + 2 or len({each.figures[epochs] for each in known}) == 1:
            return {}
        view = optuna.create_study(direction=self._study.direction)
        view.add_trials(
            [
                optuna.trial.create_trial(
                    params=each.values, distributions=self._distributions, value=each.figures[epochs]
                )
                for each in known
            ]
        )
        found = optuna.importance.get_param_importances(
            view, evaluator=optuna.importance.PedAnovaImportanceEvaluator(evaluate_on_local=False)
        )
        return {name: float(share) for name, share in found.items()}

    def _seen(self, tried: Tried) -> FrozenTrial | None:
        """A trial as TPE takes it: one that was not finished counts by what it reached, and how far it came."""
        import optuna

        if not tried.figures:
            return None
        whole = tried.state == "finished"
        return optuna.trial.create_trial(
            state=optuna.trial.TrialState.COMPLETE if whole else optuna.trial.TrialState.PRUNED,
            params=tried.values,
            distributions=self._distributions,
            value=tried.figure if whole else None,
            intermediate_values=tried.figures,
        )

    def _trial(self, number: int) -> Trial:
        from optuna.trial import Trial

        return Trial(self._study, self._study.get_trials(deepcopy=False)[number]._trial_id)


def as_tried(trial: FrozenTrial) -> Tried:
    """A trial of Optuna's as ours."""
    from optuna.trial import TrialState

    attributes, figures = trial.user_attrs, dict(trial.intermediate_values)
    paused = attributes.get("paused", 0) == max(figures, default=0) == attributes.get("goal") and bool(figures)
    states: dict[Any, Any] = {TrialState.COMPLETE: "finished", TrialState.FAIL: "failed"}
    states[TrialState.PRUNED] = "ended" if "why" in attributes else "paused"
    return Tried(
        trial.number,
        dict(trial.params),
        attributes.get("stage", "coarse"),
        states.get(trial.state, "paused" if paused else "running"),
        # what is over is nobody's any more
        "" if trial.state.is_finished() else attributes.get("place", ""),
        attributes.get("goal", 0),
        figures,
        attributes.get("why", ""),
        attributes.get("seconds", 0.0),
    )


def distribution_of(axis: Axis) -> BaseDistribution:
    """An axis as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(axis, Range):
        return CategoricalDistribution(axis.texts)
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def _given(values: Values) -> Any:
    """A sampler that gives what was chosen already."""
    from optuna.samplers import BaseSampler

    class Given(BaseSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            return {}

        def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
            return values[param_name]

    return Given()


def open_study(folder: Path, storage: str | None, space: Space, place: str, higher_is_better: bool) -> Study:
    """The study of a folder, made where it is not there yet. storage: URL of a database; None: a journal in the folder.

    Raises StriateError where it cannot be opened.
    """
    import optuna

    where = str(folder / JOURNAL) if storage is None else f"--storage {storage}"
    try:
        with storage_errors(folder / JOURNAL):
            kept: BaseStorage | str = _journal(folder / JOURNAL) if storage is None else storage
            study = optuna.create_study(
                storage=kept,
                study_name=folder.name,
                direction="maximize" if higher_is_better else "minimize",
                load_if_exists=True,
                sampler=_given({}),
            )
    except StriateError:
        raise
    except Exception as error:  # of a database, its driver, or a file that is no journal
        raise StriateError(
            f"{where} cannot be opened as a study ({first_line(error)}); leave --storage out for a journal file in the "
            "folder, or give a database as sqlite:///study.db or postgresql://user:password@host/name"
        ) from error
    return Study(study, space, place)


def _journal(path: Path) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalFileSymlinkLock

    kind = JournalFileOpenLock if os.name == "nt" else JournalFileSymlinkLock
    lock = kind(str(path), grace_period=LOCK_SECONDS)
    if path.exists():
        lock.acquire()
        try:
            _cut_torn_line(path)
        finally:
            with suppress(RuntimeError):
                lock.release()
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


def _cut_torn_line(path: Path) -> None:
    """Take off the part of a line that a machine without power left at the end: it would spoil the next one."""
    with path.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
