"""From what was asked to a finished search folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from striate.core.durations import MOST_SECONDS
from striate.core.errors import StriateError
from striate.core.files import require_writable
from striate.core.units import counted
from striate.core.version import __version__
from striate.data.cache import DEFAULT_CACHE_GB
from striate.report.search import write_search
from striate.runtime.runtime import as_current, device_named
from striate.training.monitor.reporter import Reporter
from striate.training.plan import Plan
from striate.training.prepared import opened
from striate.training.recipe import Recipe
from striate.training.recipe_file import write_recipe
from striate.training.run import stem_of
from striate.training.search.again import Comparison, compared, pairs
from striate.training.search.bench import Bench
from striate.training.search.budget import SPENT, Budget, require_possible, trials_for
from striate.training.search.drawing import points_per_axis, require_method, size_of
from striate.training.search.found import PAGE, RESULT, WINNER, SearchResult, read_result
from striate.training.search.page import facts_of
from striate.training.search.rungs import best_of, epochs_for, rungs_of
from striate.training.search.search import Search, Settings, claimed, place_of, stopped_as_one
from striate.training.search.space import Range, Space, default_space, parse_space
from striate.training.search.study import RECORD, Study, open_study, quiet_optuna
from striate.training.search.telling import legend

SEARCHES = Path("searches")


@dataclass(frozen=True)
class Asked:
    """A search as it was asked for.

    plan: of the data and of what trials have alike. space: texts, none for the default. budget_s: seconds, None for no
    end but that of the trials. trials: new ones at most. storage: URL of a database; None for a journal in the folder.
    halving: whether the best third goes on from each rung, rather than all to the end.
    """

    plan: Plan
    space: tuple[str, ...] = ()
    method: str = "random"
    budget_s: float | None = None
    trials: int | None = None
    storage: str | None = None
    halving: bool = True

    def __post_init__(self) -> None:
        require_method(self.method)
        if self.budget_s is None and self.trials is None:
            raise StriateError("a search needs an end; give --budget, such as 30m, or --trials")
        if self.budget_s is not None and not 0 < self.budget_s <= MOST_SECONDS:
            raise StriateError(f"--budget must be above 0 seconds and at most a year, got {self.budget_s:g}")
        if self.trials is not None and self.trials < 1:
            raise StriateError(f"--trials must be 1 or more, got {self.trials}")


def search(
    asked: Asked, folder: Path | None = None, cache_gb: float = DEFAULT_CACHE_GB, *, quiet: bool = False
) -> SearchResult:
    """Search, or go on with a search; everything ends up in `folder`, by default one below searches/.

    Raises StriateError when nothing can be searched, Interrupted when a signal stops it; the same call then goes on.
    """
    plan, reporter = asked.plan, Reporter(quiet=quiet)
    for line in _space_of(asked, plan.recipe)[1]:
        reporter.say(line)
    folder = folder or SEARCHES / stem_of(plan)
    _refuse_foreign(folder)
    require_writable(folder / RESULT)
    try:
        with (
            quiet_optuna(),
            ExitStack() as stack,
            stopped_as_one(folder),
            as_current(device_named(plan.options.device)),
        ):
            leads = stack.enter_context(claimed(folder))
            folder.mkdir(parents=True, exist_ok=True)
            budget = Budget(asked.budget_s, folder, keeps=leads)
            if leads and (over := _is_over(folder, asked, budget)) is not None:
                reporter.say(f"{folder} is finished already; more --budget or --trials go on with it")
                return over
            budget.keep()
            bench = Bench.of(opened(plan, cache_gb, reporter), folder)
            reporter.log = folder
            space, _ = _space_of(asked, bench.prepared.plan.recipe)  # of small pictures the recipe may be another
            return _searched(asked, bench, space, budget, reporter, leads=leads)
    finally:
        reporter.close()


def _space_of(asked: Asked, recipe: Recipe) -> tuple[Space, list[str]]:
    """Where to look, and what there is to say of how it is written."""
    return parse_space(asked.space, recipe) if asked.space else (default_space(recipe), [])


def _refuse_foreign(folder: Path) -> None:
    """Raise StriateError for a folder that holds something else."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SPENT).exists():
        names = {each.name for each in folder.iterdir()} - {".lock"}
        if any(not name.endswith(".part") for name in names):
            raise StriateError(f"{folder} is not empty and holds no search; choose another --folder")


def _is_over(folder: Path, asked: Asked, budget: Budget) -> SearchResult | None:
    """The result of a search that is over, unless more was asked for than it had."""
    if not (folder / RESULT).exists():
        return None
    result = read_result(folder)
    more_time = not math.isinf(budget.seconds) and budget.seconds > 1.05 * max(result.seconds, result.budget or 0)
    more_trials = asked.budget_s is None and (asked.trials or 0) > len(result.trials)
    return None if more_time or more_trials else result


def _searched(
    asked: Asked, bench: Bench, space: Space, budget: Budget, reporter: Reporter, *, leads: bool
) -> SearchResult:
    study = open_study(bench.folder, asked.storage, space, place_of(bench.folder), bench.figure.higher_is_better)
    settings = settle(asked, bench, space, study, budget)
    budget.reserve(settings.epoch_s, settings.rungs[-1])
    under_way = Search(bench, study, settings, budget, reporter)
    under_way.leads = leads and study.get(RECORD)["place"] == study.place
    under_way.estimate()
    reporter.say(_headline(bench, settings, space, under_way.about))
    if short := legend(space):
        reporter.say(short)
    under_way.run()
    if not under_way.leads:
        reporter.say(f"the search that was begun in {study.get(RECORD)['place']} ends it, and writes what it came to")
        return _result(asked, bench, study, settings, budget, None, under_way)
    study.close()
    comparison = _against_defaults(bench, study, under_way, budget, reporter)
    result = _result(asked, bench, study, settings, budget, comparison, under_way)
    write_recipe(bench.folder / WINNER, result.recipe, trial=result.winner, values=result.values)
    result.write()
    write_search(Path(result.folder) / PAGE, facts_of(result, bench.figure, settings.space))
    for line in (*result.edges, result.sentence):
        reporter.say(line)
    budget.keep()
    return result


def settle(asked: Asked, bench: Bench, space: Space, study: Study, budget: Budget) -> Settings:
    """What decides a search, settled by the first process and the same for all; refused where it is another search.

    Raises StriateError for a budget in which nothing can be found out, and for a study of something else.
    """
    plan, recipe = bench.prepared.plan, bench.prepared.plan.recipe
    record: dict[str, Any] = {
        "version": __version__,
        "pictures": bench.data["fingerprint"],
        "space": list(map(str, space)),
        "method": asked.method,
        "seed": plan.seed,
        "halving": asked.halving,
        **{f"recipe's {name}": value for name, value in recipe.to_dict().items() if name != "epochs"},
        "epochs": recipe.epochs,
    }
    kept = study.get(RECORD)
    if kept is None:
        epochs = recipe.epochs
        epoch_s = bench.epoch_seconds(recipe, min(budget.seconds, 1e6))
        if "epochs" not in plan.changed and not math.isinf(budget.seconds):
            epochs = epochs_for((budget.seconds - budget.spent) / epoch_s, epochs)
        require_possible(budget, epoch_s, epochs, asked.halving)
        rungs = rungs_of(epochs, asked.halving)
        budget.reserve(epoch_s, epochs)
        trials = asked.trials or trials_for(budget, epoch_s, rungs)
        settled = {"rungs": rungs, "points": points_per_axis(space, trials), "epoch_s": epoch_s, "place": study.place}
        settled["prepared_s"] = budget.spent
        kept = study.keep(RECORD, {"asked": _plain(record), **settled})
    _refuse_another(bench.folder, kept["asked"], _plain(record))
    budget.prepared = kept["prepared_s"]
    trials_there = asked.trials
    if asked.method == "grid":
        trials_there = min(trials_there or 10**9, size_of(space, kept["points"]))
    return Settings(space, asked.method, trials_there, tuple(kept["rungs"]), kept["points"], kept["epoch_s"])


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}


def _refuse_another(folder: Path, begun: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise StriateError, with the first thing that differs, for a study of another search."""
    for name, value in now.items():
        if begun.get(name) == value:
            continue
        if name == "pictures":
            differs = "of other pictures"
        elif name == "version":
            differs = f"of striate {begun.get(name)}, and this is {value}"
        else:
            before, after = (", ".join(map(str, e)) if isinstance(e, list) else e for e in (begun.get(name), value))
            differs = f"with another {name}: it was begun with {before}, not {after}"
        raise StriateError(
            f"{folder} holds a search {differs}; go on with it as it was begun, or choose another --folder"
        )


def _headline(bench: Bench, settings: Settings, space: Space, about: int) -> str:
    """One line on what is about to happen."""
    *first, last = settings.rungs
    rungs = f"compared after {', '.join(map(str, first))} and {last}" if first else f"of {last}"
    trials = counted(settings.trials, "trial") if settings.trials is not None else f"about {about:,} trials"
    return (
        f"{bench.prepared.network.architecture}: {trials}, {settings.method}, epochs {rungs}; "
        f"{'; '.join(map(str, space))}; {bench.folder}"
    )


def _against_defaults(
    bench: Bench, study: Study, under_way: Search, budget: Budget, reporter: Reporter
) -> Comparison | None:
    """Winner and defaults with new seeds; None where the winner is the defaults."""
    winner = _winner(study, bench)
    recipes = {"winner": under_way.recipe(winner.values), "defaults": under_way.base}
    if recipes["winner"] == recipes["defaults"]:
        return None
    reporter.say("winner and defaults are trained again with new seeds, by turns")
    names = {"winner": f"trial-{winner.name}", "defaults": "defaults"}
    found = list(pairs(bench, recipes, names, budget))
    split = bench.tested_split
    described = counted(bench.batches(split).pictures, f"{'validation' if split == 'val' else split} picture")
    return compared(found, bench.figure, described)


def _winner(study: Study, bench: Bench) -> Any:
    """The best trial. Raises StriateError where none came to a figure."""
    known = [each for each in study.tried() if each.figures]
    if not known:
        said: Sequence[str] = [each.why for each in study.tried() if each.why]
        why = f" ({said[0]})" if said else ""
        raise StriateError(f"no trial came to its first validation{why}; widen --space towards lower rates")
    return best_of(known, bench.figure.higher_is_better)


def _result(
    asked: Asked,
    bench: Bench,
    study: Study,
    settings: Settings,
    budget: Budget,
    comparison: Comparison | None,
    under_way: Search,
) -> SearchResult:
    """What all of it came to."""
    winner, tried = _winner(study, bench), study.tried()
    own = {name: getattr(bench.prepared.plan.recipe, name) for name in ("stop_after_epochs", "validate_every_epochs")}
    ranges = [axis for axis in settings.space if isinstance(axis, Range)]
    return SearchResult(
        folder=str(bench.folder),
        data=asked.plan.source,
        model=bench.prepared.plan.recipe.model,
        figure=bench.figure.key,
        higher_is_better=bench.figure.higher_is_better,
        method=asked.method,
        space=tuple(map(str, settings.space)),
        fine=tuple(map(str, under_way.fine())) if study.get("fine") is not None else (),
        rungs=settings.rungs,
        trials=tuple(tried),
        winner=winner.number,
        values=winner.values,
        importance=study.importance(tried, settings.rungs[0]),
        edges=tuple(said for axis in ranges if (said := axis.edge(winner.values[axis.name])) is not None),
        comparison=comparison,
        seconds=round(budget.spent, 1),
        budget=asked.budget_s,
        recipe=replace(under_way.recipe(winner.values), **own),
    )
