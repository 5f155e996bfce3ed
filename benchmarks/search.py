"""`striate search` against Optuna with its own pruner, which starts every trial anew, on equal wall time.

    python benchmarks/search.py                                         digits, 60 s, three seeds
    python benchmarks/search.py --seconds 600 --model resnet20 digits scenes/ faces/
    python benchmarks/search.py --seconds 20 --seeds 1 --epochs 4 digits

Both train with the same code on the same decoded pictures, in one process, in the same space and with the same schedule
over as many epochs; neither re-trains its winner. Optuna samples by TPE and prunes by its SuccessiveHalvingPruner, a
third surviving, as its documentation has it. Prints, for each data set and seed, what the winner of each reaches on
validation and on test, the epochs that each made, and the share of Optuna's epochs after which the search was as good
on validation as Optuna was in the end.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import optuna

from striate.data.cache import DEFAULT_CACHE_GB
from striate.recipes.planned import plan_of
from striate.training.monitor.reporter import Reporter
from striate.training.prepared import opened
from striate.training.results import Diverged
from striate.training.search.bench import Bench, Silent
from striate.training.search.budget import Budget
from striate.training.search.run import Asked, settle
from striate.training.search.rungs import best_of, rungs_of
from striate.training.search.search import Search, place_of
from striate.training.search.space import default_space, recipe_at
from striate.training.search.study import open_study, quiet_optuna


class Reached(NamedTuple):
    """What one of the two came to. progress: epochs made, and the best on validation by then."""

    val: float
    test: float
    epochs: int
    trials: int
    progress: list[tuple[int, float]]


def bench_of(data: str, model: str, epochs: int, seed: int, folder: Path) -> Bench:
    """The pictures, decoded, and how a trial of them is trained."""
    fields = {"epochs": epochs, "autotune": False, "threads": 1}
    plan = plan_of(data, model, None, fields, seed=seed, task=None, val=None, test=None)
    return Bench.of(opened(plan, DEFAULT_CACHE_GB, Reporter(quiet=True)), folder)


def by_search(bench: Bench, seconds: float) -> Reached:
    """Striate's own, without the seeds that it keeps a quarter of a budget for."""
    plan, space = bench.prepared.plan, default_space(bench.prepared.plan.recipe)
    budget = Budget(seconds, bench.folder, keeps=False)
    budget.reserve = lambda epoch_s, epochs: None  # type: ignore[method-assign]
    study = open_study(bench.folder, None, space, place_of(bench.folder), bench.figure.higher_is_better)
    under_way = Search(bench, study, settle(Asked(plan, budget_s=seconds), bench, space, study, budget), budget,
                       Reporter(quiet=True))  # fmt: skip
    progress: list[tuple[int, float]] = []

    def told(tried) -> None:
        there = study.tried()
        reached = max((each.figure for each in there if each.figure is not None), default=0.0)
        progress.append((sum(each.epochs for each in there), reached))

    under_way._tell = told
    under_way.run()
    tried = study.tried()
    winner = best_of([each for each in tried if each.figures], bench.figure.higher_is_better)
    return Reached(winner.figure or 0.0, bench.tested(under_way._folder(winner)), progress[-1][0], len(tried), progress)


def by_optuna(bench: Bench, seconds: float) -> Reached:
    """Optuna's TPE and successive halving, each trial from the start until it is pruned."""
    recipe, seed = bench.prepared.plan.recipe, bench.prepared.plan.seed
    space, rungs = default_space(recipe), rungs_of(recipe.epochs)
    since, made, progress = time.monotonic(), 0, []
    best = (-1.0, Path())

    class Reporting(Silent):
        """Tells Optuna what each epoch reached; whoever is pruned ends there."""

        trial: optuna.Trial

        def epoch(self, line) -> None:
            nonlocal made, best
            made += 1
            figure = line[f"val_{bench.figure.key}"]
            best = max(best, (figure, folder_of(self.trial)))
            progress.append((made, best[0]))
            self.trial.report(figure, line["epoch"])
            if self.trial.should_prune():
                raise optuna.TrialPruned

    def folder_of(trial: optuna.Trial) -> Path:
        return bench.folder / f"{trial.number:04}"

    watch = Reporting()
    reporting = replace(bench, watch=watch)

    def objective(trial: optuna.Trial) -> float:
        watch.trial = trial
        values = {axis.name: trial.suggest_float(axis.name, axis.low, axis.high, log=axis.log) for axis in space}
        made_of = recipe_at(space, recipe, values)
        try:
            found = reporting.train(
                folder_of(trial), made_of, seed, recipe.epochs, lambda: time.monotonic() - since > seconds
            )
        except Diverged:
            raise optuna.TrialPruned from None
        if found.figure is None:
            trial.study.stop()
            raise optuna.TrialPruned
        return found.figure

    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=rungs[0], reduction_factor=3)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
    study.enqueue_trial({axis.name: getattr(recipe, axis.name) for axis in space})
    study.optimize(objective, timeout=seconds)
    return Reached(best[0], bench.tested(best[1]), made, len(study.trials), progress)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", default=["digits"])
    parser.add_argument("--model", default="lenet5")
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    print("| data | seed | search: val, test | Optuna: val, test | trials | epochs | equal after |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for data in asked.data:
        for seed in range(asked.seeds):
            with tempfile.TemporaryDirectory() as folder, quiet_optuna():
                ours, theirs = (
                    run(bench_of(data, asked.model, asked.epochs, seed, made), asked.seconds)
                    for run, made in ((by_search, Path(folder) / "search"), (by_optuna, Path(folder) / "optuna"))
                    if not made.mkdir()
                )
            equal = next((epochs for epochs, figure in ours.progress if figure >= theirs.val), None)
            share = "not reached" if equal is None else f"{equal / theirs.epochs:.0%}"
            print(
                f"| {data} | {seed} | {ours.val:.4f}, {ours.test:.4f} | {theirs.val:.4f}, {theirs.test:.4f} | "
                f"{ours.trials}, {theirs.trials} | {ours.epochs}, {theirs.epochs} | {share} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
