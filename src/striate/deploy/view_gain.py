"""What several views of each picture gain over the centre alone, and what they cost."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from striate.core.one_screen import OneScreen
from striate.core.values import checked
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError
from striate.data.in_memory import Data
from striate.deploy.comparing import Bar, no_bar, readable
from striate.deploy.inputs import members, open_for, split_to_evaluate
from striate.deploy.run import Run, load
from striate.deploy.views import Shown, Views
from striate.runtime.global_state import global_state_kept
from striate.tasks.classification import Evaluation
from striate.tasks.redrawing import Gain, gain


@dataclass(frozen=True)
class Cost:
    """Of a picture on average: how often the network looks, and what that computes, in times of its own size.

    pictures_per_s: from files to answers, on this machine, beside whatever else ran.
    """

    passes: float
    arithmetic: float
    pictures_per_s: float


@dataclass(frozen=True, repr=False, eq=False)
class ViewGain(OneScreen):
    """An evaluation by several views of each picture, beside that of the centre.

    views: their name. gain: of the accuracy over the centre's, on the pictures that were not seen in training where
    there are any. unreadable: pictures that are left out, as they cannot be read.
    """

    run: Run
    dataset: Dataset
    split: str
    views: str
    result: Evaluation
    centre: Evaluation
    gain: Gain
    cost: Cost
    centre_cost: Cost
    unreadable: tuple[DecodeError, ...] = ()

    def sentence(self) -> str:
        """Gain and cost in words."""
        low, high = self.gain.interval
        cost, before = self.cost, self.centre_cost
        return (
            f"views {self.views}: {100 * self.gain.difference:+.2f} points over the centre alone (95 % interval "
            f"{100 * low:+.2f} to {100 * high:+.2f}) at {cost.passes:.3g} passes a picture and {cost.arithmetic:.3g} "
            f"times the arithmetic: {cost.pictures_per_s:,.1f} pictures/s, {before.pictures_per_s:,.1f} of the centre"
        )

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return {"views": self.views, **self.result.facts(), "": self.sentence()}

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the figures of the views, then under `views` those of the centre, gain and cost."""
        cost, before = vars(self.cost), vars(self.centre_cost)
        gained = {"gain": self.gain.difference, "gain_interval": list(self.gain.interval), "p": self.gain.chance}
        told = {"name": self.views, **cost, **gained, "centre": {**self.centre.figures(), **before}}
        return {**self.result.to_dict(), "views": told}


@checked
@global_state_kept()
def evaluate_views(
    run: Run | str | Path, data: Data | Dataset, split: str | None = None, *, views: str = "10", bar: Bar = no_bar
) -> ViewGain:
    """Evaluate a run of classification by several views of each picture, and by its centre alone; compare in pairs.

    data, split: as of `Run.evaluate`; pictures that cannot be read are left out. views: "flip", "10", "144", "dense",
    "multi-scale" or "centre"; see `striate.data.views`. bar: a context of (done, total) for each, with a title.
    Raises StriateError for unknown views, another task, a network that cannot look at pictures of another size where
    the views ask for that, and as `Run.evaluate` does.
    """
    opened = run if isinstance(run, Run) else load(run)
    asked = Views.of(opened, views)
    dataset = opened.recorded(data if isinstance(data, Dataset) else open_for(opened, data))
    split = split_to_evaluate(dataset, split)
    unreadable: list[DecodeError] = []
    with bar("the centre") as progress:
        began = time.monotonic()
        centre = opened.evaluate(dataset, split, progress, unreadable)
        took = time.monotonic() - began
    pictures, shown = readable(members(dataset, split), dataset, unreadable), list[tuple[int, float]]()

    def count(each: Shown) -> None:
        shown.append((each.passes, each.arithmetic))

    with bar(f"views {views}") as progress:
        began = time.monotonic()
        found = asked.measure(opened.task, dataset, pictures, progress, unreadable, count).result()
        took_all = time.monotonic() - began
    found = replace(found, seen=centre.seen, none_below=centre.none_below)
    passes, arithmetic = (sum(each) / len(shown) for each in zip(*shown, strict=True))
    gained = gain(found.unseen or found, centre.unseen or centre)
    cost = Cost(passes, arithmetic, len(shown) / took_all)
    before = Cost(1 + opened.preprocess.mirrored, 1.0, len(shown) / took)
    return ViewGain(opened, dataset, split, views, found, centre, gained, cost, before, tuple(unreadable))
