"""Runs side by side: the figure of each on the same pictures, and whether they differ by more than chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from striate.core.errors import StriateError
from striate.core.settings import settings_of
from striate.core.units import counted
from striate.core.values import checked
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError
from striate.data.in_memory import Data
from striate.data.scan import Progress
from striate.data.targets import Indices
from striate.deploy.inputs import members, open_for, split_to_evaluate
from striate.deploy.run import RECIPE, Run, load
from striate.deploy.run_comparison import BETTER, UNDECIDED, WORSE, Measured, Pair, RunComparison
from striate.ops.paired import holm
from striate.runtime.global_state import global_state_kept
from striate.tasks.redrawing import Gain, Redrawable, gain
from striate.tasks.seeds import of_several_seeds


@contextmanager
def no_bar(_title: str) -> Iterator[Progress]:
    """Show nothing."""
    yield lambda done, total: None


ASKED = "test"  # in the place of what the split is called: no part of data is called "all"
UNLIKELY = 0.05
"""Below this chance a difference is not called one of chance."""

Bar = Callable[[str], AbstractContextManager[Progress]]
"""What is being done, as a title: a bar to tell how far it is."""


@checked
@global_state_kept()
def compare_runs(
    runs: Sequence[Run | str | Path],
    data: Data | None = None,
    split: str | None = None,
    *,
    bar: Bar = no_bar,
) -> RunComparison:
    """Say of each two of several runs which is better: in pairs, on the same pictures, corrected for their number.

    runs: two or more of one task, open or their folders. data: as of `train`; by default that of the runs. split:
    "train", "val", "test" or "all"; by default test, or val where there is none. Where splits are drawn, pictures that
    one of the runs was trained on are left out; where they come with the data, all of a split are taken. bar: a context
    of (done, total) for each run, under a title. Raises StriateError for runs of different tasks or data, for classes
    that a run does not know, and where no picture is left.

    What counts pictures, such as accuracy, is compared by McNemar's exact test, other figures by drawing the pictures
    anew. The chances of several comparisons are corrected by Holm's method: of runs that are equally good any is called
    better in at most 5 % of all cases.
    """
    opened = [run if isinstance(run, Run) else load(run) for run in runs]
    if len(opened) < 2:
        raise StriateError(f"{counted(len(opened), 'run')} cannot be compared; give two or more")
    dataset = open_for(opened[0], data_of(opened) if data is None else data)
    return compare(opened, dataset, split, bar)


def data_of(runs: Sequence[Run]) -> str:
    """Where the data of runs lies. Raises StriateError where they had different data, or were given it in memory."""
    sources = {str(run.path): str(run.recipe.get("source")) for run in runs}
    if len({*sources.values()}) > 1:
        told = ", ".join(f"{run} of {source}" for run, source in sources.items())
        raise StriateError(f"these runs were trained on different data: {told}; name the pictures to compare them on")
    return next(iter(sources.values()))


def compare(runs: Sequence[Run], dataset: Dataset, split: str | None, bar: Bar) -> RunComparison:
    """Evaluate runs on the same pictures, none of which any of them was trained on, and compare each two of them.

    split: as in `split_to_evaluate`. bar: shows how far the evaluation of each run is.
    Raises StriateError for runs of different tasks and where no picture is left, and as `Run.evaluate` does.
    """
    first = runs[0]
    for run in runs[1:]:
        if run.task_name != first.task_name:
            raise StriateError(
                f"{first.path} is for {first.task.name}, {run.path} for {run.task.name}; compare runs of one task"
            )
    if on_tiles := next((run.path for run in runs if run.on_tiles), None):
        raise StriateError(
            f"{on_tiles} was trained on tiles, and runs are compared picture by picture; evaluate each on the same data"
        )
    dataset = first.recorded(dataset)
    split = split_to_evaluate(dataset, split)
    asked = members(dataset, split)
    unreadable: list[DecodeError] = []
    pictures = unknown_to_all(runs, dataset, asked)
    measured = []
    for run in runs:
        shown = replace(dataset, splits={ASKED: pictures}, drawn=())  # each run is asked about these, whatever it lists
        measured.append(_measured(run, shown, bar, unreadable))
        pictures = readable(pictures, dataset, unreadable)
    gains = {(one, other): gain(measured[one].result, measured[other].result) for one, other in _pairs(len(runs))}
    chances = holm([found.chance for found in gains.values()])
    figure = first.task.figures[0]
    pairs = tuple(
        _pair(*places, found, chance, higher=figure.higher_is_better)
        for (places, found), chance in zip(gains.items(), chances, strict=True)
    )
    left_out = len(asked) - len(pictures) - len(unreadable)
    return RunComparison(
        first.task,
        dataset,
        split,
        pictures,
        tuple(measured),
        pairs,
        tuple(of_several_seeds(map(_told, measured))),
        left_out,
        tuple(unreadable),
    )


def unknown_to_all(runs: Sequence[Run], dataset: Dataset, asked: Indices) -> Indices:
    """Of some pictures those that no run lists, by name, among what it was trained on.

    Raises StriateError where there is none.
    """
    pictures = unlisted(runs, dataset, asked)
    if not len(pictures):
        raise StriateError(
            f"each of the {counted(len(asked), 'picture')} of {dataset.source} was trained on by one of the runs; "
            "give data that none of them has had"
        )
    return pictures


def unlisted(runs: Sequence[Run], dataset: Dataset, asked: Indices) -> Indices:
    """The same, which may be none. Where the splits come with the data, all are taken as they are."""
    held_out = next((split for split in dataset.drawn if split != "train"), None)
    if held_out is None:
        return asked
    train, other = dataset.splits["train"], dataset.splits[held_out]
    as_new = replace(dataset, splits={**dataset.splits, "train": train[:0], held_out: np.concatenate([train, other])})
    kept = np.ones(len(dataset.pictures), bool)
    for run in runs:
        kept[run.recorded(as_new).splits["train"]] = False  # what it lists to train on; no draw of the data's own
    return asked[kept[asked]]


def readable(pictures: Indices, dataset: Dataset, unreadable: Sequence[DecodeError]) -> Indices:
    """Some pictures but those that cannot be read, which no run is asked about."""
    bad = {error.name for error in unreadable}
    return pictures[[dataset.pictures.name(number) not in bad for number in pictures.tolist()]] if bad else pictures


def _measured(run: Run, dataset: Dataset, bar: Bar, unreadable: list[DecodeError]) -> Measured:
    with bar(f"evaluating {run.path}") as progress:
        result = run.evaluate(dataset, ASKED, progress, unreadable)
    if not isinstance(result, Redrawable):
        raise StriateError(
            f"runs for {run.task.name} cannot be compared: nothing says how sure a difference of theirs is"
        )
    stated = run.task.figures[0].stated
    params = sum(each.numel() for each in run.network.parameters())
    return Measured(run, result, result.to_dict()[stated], params, run.macs)


def _pairs(count: int) -> list[tuple[int, int]]:
    return list(combinations(range(count), 2))


def _pair(one: int, other: int, found: Gain, chance: float, *, higher: bool) -> Pair:
    more = found.difference > 0 if higher else found.difference < 0
    verdict = UNDECIDED if chance >= UNLIKELY else BETTER if more else WORSE
    by_size = found.each.abs().nan_to_num(0.0)
    order = by_size.argsort(descending=True, stable=True)
    return Pair(one, other, found, chance, verdict, order[by_size[order] > 0].tolist())


def _told(measured: Measured) -> tuple[str, object, float] | None:
    """What decides whether a run is like another, its seed and its figure; None of what is no run."""
    if not (measured.run.path / RECIPE).is_file():
        return None
    recipe = measured.run.recipe
    return settings_of(recipe), recipe.get("seed"), measured.value
