"""From pictures and a budget to a table of trainings: what suits is tried for a bounded time, the rest is estimated."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from striate.core.errors import StriateError
from striate.data.cache import remembered_digests
from striate.data.check import refuse_untrainable
from striate.data.dataset import Dataset
from striate.data.scan import Progress
from striate.runtime.peak import resident_bytes
from striate.tasks.task import Task
from striate.training.memory.forecast import USED_SHARE, available_bytes
from striate.training.network import typical_side_px
from striate.training.plan import Plan
from striate.training.planning.arithmetic import estimated
from striate.training.planning.candidates import Candidate, candidates, short_list
from striate.training.planning.choice import choose
from striate.training.planning.drafts import Draft, drafted
from striate.training.planning.forecast import Amounts, Forecast, around_seconds, epoch_seconds, epochs_within
from striate.training.planning.kept import read_costs, write_costs
from striate.training.planning.measured import measured_on_such
from striate.training.planning.trial import Costs

TRIAL_SHARE = 0.1  # of the time for all of them, what one trial may take


@dataclass(frozen=True)
class Planned:
    """A table of trainings, quickest epochs first. budget_s: seconds for each. advice: what is recommended and why.

    unsuited: how many networks were left out, as they are for pictures of another size.
    """

    source: str
    task: str
    budget_s: float
    forecasts: tuple[Forecast, ...]
    advice: str
    unsuited: int

    @property
    def recommended(self) -> Forecast | None:
        """The one to train; None where the budget is too small for any."""
        return next((each for each in self.forecasts if each.recommended), None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        own = {"source": self.source, "task": self.task, "budget_s": self.budget_s, "advice": self.advice}
        return {**own, "unsuited": self.unsuited, "networks": [each.to_dict() for each in self.forecasts]}


class Halves:
    """Progress over networks that are looked at twice: what they do, then how long that takes."""

    def __init__(self, progress: Progress | None, networks: int) -> None:
        self._progress, self._done, self._total = progress, 0, 2 * networks

    def next(self) -> None:
        """Another one begins."""
        if self._progress is not None:
            self._progress(self._done, self._total)
        self._done += 1

    def end(self) -> None:
        """All are done."""
        if self._progress is not None:
            self._progress(self._total, self._total)


@contextmanager
def nothing_logged() -> Iterator[None]:
    """What networks say while they are built, such as of a new head, is for who trains them."""
    log = logging.getLogger("striate")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def planned(
    dataset: Dataset,
    task: Task,
    plan_of: Callable[[Candidate], Plan],
    budget_s: float,
    limit_s: float,
    progress: Progress | None = None,
    *,
    shortly: bool = False,
) -> Planned:
    """The table for a data set. plan_of: of a candidate. limit_s: seconds that trying may take, all together. shortly:
    whether only what may be recommended is in it.

    Raises StriateError for pictures that nothing can be learned from.
    """
    refuse_untrainable(dataset)
    with nothing_logged():
        typical_px, before_bytes = typical_side_px(dataset.pictures), resident_bytes() or 0
        offered = list((short_list if shortly else candidates)(task, typical_px))
        drafts, tried = looked_at(offered, dataset, task, plan_of, typical_px, limit_s, progress)
        made = table(drafts, tried, dataset, task, typical_px, budget_s, before_bytes)
    per_class = len(dataset.splits["train"]) / max(1, len(dataset.targets.names))
    chosen, why = choose(made, task, per_class, len(dataset.splits["train"]))
    advice = why if chosen is None else f"recommended is {chosen.candidate}: {why}"
    forecasts = tuple(replace(each, recommended=each is chosen) for each in made)
    return Planned(dataset.source, task.name, budget_s, forecasts, advice, len(offered) - len(drafts))


def looked_at(
    offered: Sequence[Candidate],
    dataset: Dataset,
    task: Task,
    plan_of: Callable[[Candidate], Plan],
    typical_px: int,
    limit_s: float,
    progress: Progress | None,
) -> tuple[list[Draft], dict[str, Costs]]:
    """The candidates that suit the pictures, and the costs by name of those that there was time to try."""
    tell, drafts = Halves(progress, len(offered)), list[Draft]()
    for each in offered:
        tell.next()
        if (draft := drafted(each, plan_of(each), dataset, typical_px)) is not None:
            drafts.append(draft)
    if not drafts:
        raise StriateError(f"no network suits pictures of {typical_px} px; name one by --model, and its --size")
    return drafts, try_out(drafts, dataset, task, limit_s, tell)


def table(
    drafts: Sequence[Draft],
    tried: dict[str, Costs],
    dataset: Dataset,
    task: Task,
    typical_px: int,
    budget_s: float,
    before_bytes: int,
) -> list[Forecast]:
    """What is forecast of each, the quickest epochs first."""
    costs = {**tried, **estimated({draft.name: draft.work for draft in drafts}, tried)}
    counts = {split: len(indices) for split, indices in dataset.splits.items()}
    amounts = Amounts(len(dataset.pictures), counts["train"], counts["val"], counts.get("test", counts["val"]))
    classes = max(1, len(dataset.targets.names))
    such = (classes, counts["train"] / classes, typical_px)
    made = []
    for draft in drafts:
        candidate, recipe = draft.candidate, draft.plan.recipe_name
        forecast = forecast_of(draft, costs[draft.name], dataset, amounts, budget_s, before_bytes)
        known = measured_on_such(task.name, candidate.model, candidate.weights, recipe, such)
        made.append(replace(forecast, tried=draft.name in tried, known=known))
    return sorted(made, key=lambda each: each.epoch_s)


def try_out(drafts: Sequence[Draft], dataset: Dataset, task: Task, limit_s: float, tell: Halves) -> dict[str, Costs]:
    """Costs by name of what there was time to try: first what the house begins with, then the cheaper before the
    costlier. What was tried on this machine before is remembered.
    """
    begun, tried = time.monotonic(), dict[str, Costs]()
    for draft in sorted(drafts, key=lambda draft: (draft.candidate.is_plain, draft.work.macs)):
        tell.next()
        costs = read_costs(draft.key(dataset))
        if costs is None and (not tried or time.monotonic() - begun < limit_s):
            costs, disturbed = draft.trial(dataset, task, TRIAL_SHARE * limit_s)
            if costs is not None and not disturbed:
                write_costs(draft.key(dataset), costs)
        if costs is not None:
            tried[draft.name] = costs
    tell.end()
    if not tried:
        raise StriateError("not one step of any network could be made: memory ran out; close other programs")
    return tried


def forecast_of(
    draft: Draft, costs: Costs, dataset: Dataset, amounts: Amounts, budget_s: float, before_bytes: int
) -> Forecast:
    """What a training is going to take. before_bytes: what a process has that has not begun to train."""
    recipe, preprocess = draft.plan.recipe, draft.network.preprocess
    steps = max(1, round(amounts.train / recipe.batch_size))
    epoch_s = epoch_seconds(costs, steps, amounts, recipe)
    decoded = remembered_digests(dataset.pictures, preprocess) is not None
    around_s = around_seconds(costs, amounts, recipe, decoded=decoded)
    growth = draft.work.scaled(costs)
    free = available_bytes(draft.runtime.device)
    on_gpu = draft.runtime.on_gpu
    return Forecast(
        candidate=draft.candidate,
        recipe=draft.plan.recipe_name,
        size=preprocess.size,
        params=draft.cost.params,
        macs=draft.cost.macs,
        epoch_s=epoch_s,
        around_s=around_s,
        memory_bytes=None if growth is None else growth + (0 if on_gpu else before_bytes),
        epochs=epochs_within(budget_s, epoch_s, around_s),
        tried=False,
        fits=free is None or growth is None or growth <= USED_SHARE * free,
    )
