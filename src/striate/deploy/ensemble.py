"""Several runs asked together: their probabilities averaged, and what that gains over one of them.

Source: Simonyan and Zisserman, arXiv:1409.1556, section 4.4, average the probabilities of several networks; the greedy
choice is Caruana et al., "Ensemble selection from libraries of models", ICML 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.core.one_screen import OneScreen
from striate.core.values import checked
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError
from striate.data.in_memory import Data
from striate.data.targets import BatchTargets, Indices
from striate.data.targets.classes import labels_of
from striate.data.views import CENTRE
from striate.deploy.comparing import Bar, no_bar, readable, unknown_to_all, unlisted
from striate.deploy.inputs import members, open_for, split_to_evaluate
from striate.deploy.run import Run, load
from striate.deploy.together import require_alike
from striate.deploy.views import Views
from striate.ops.paired import redrawn_spread
from striate.runtime.global_state import global_state_kept
from striate.tasks.classification import Evaluation
from striate.tasks.classification.metric import ClassificationMetric
from striate.tasks.redrawing import samples

CHOSEN_ON = "val"
ROUNDS = 3  # times as many choices as there are runs: some are worth more than one place


@dataclass(frozen=True)
class Member:
    """A run alone. places: how often the greedy choice takes it; 0: not at all."""

    run: Run
    alone: Evaluation
    places: int


@dataclass(frozen=True, repr=False, eq=False)
class Ensemble(OneScreen):
    """What runs reach together. together: all of them. chosen: those of the greedy choice, by its places; None where
    there are no other pictures to choose by.

    gain: accuracy of all together less the mean of each alone, with its 95 % interval; drawn anew by pictures.
    unreadable: pictures that are left out, as they cannot be read.
    """

    dataset: Dataset
    split: str
    members: tuple[Member, ...]
    together: Evaluation
    chosen: Evaluation | None
    gain: float
    gain_interval: tuple[float, float]
    unreadable: tuple[DecodeError, ...] = ()

    def sentences(self) -> list[str]:
        """What it came to, in words."""
        low, high = self.gain_interval
        together = (
            f"together: {self._told(self.together)}, {100 * self.gain:+.2f} points over the mean of each alone "
            f"(95 % interval {100 * low:+.2f} to {100 * high:+.2f}), at {len(self.members)} times the cost"
        )
        if self.chosen is None:
            return [together]
        places = ", ".join(f"{each.run.path} {each.places}" for each in self.members if each.places)
        return [together, f"chosen on {CHOSEN_ON}, with their places: {places}: {self._told(self.chosen)}"]

    def _told(self, found: Evaluation) -> str:
        low, high = found.interval
        return f"accuracy {found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})"

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        alone = {str(each.run.path): f"accuracy {each.alone.accuracy:.2%}" for each in self.members}
        return {"pictures": f"{self.together.total:,}", **alone, "": self.sentences()[0]}

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        alone = [{"run": str(each.run.path), "places": each.places, **each.alone.figures()} for each in self.members]
        return {
            "data": self.dataset.source,
            "split": self.split,
            "runs": alone,
            "together": self.together.figures(),
            "chosen": None if self.chosen is None else self.chosen.figures(),
            "gain": self.gain,
            "gain_interval": list(self.gain_interval),
            "unreadable": [{"name": error.name, "reason": error.reason} for error in self.unreadable],
        }


class Gathered:
    """In the place of a metric: the probabilities of every picture, and its class."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.probabilities: list[Tensor] = []
        self.labels: list[Tensor] = []

    def add(self, output: Tensor, targets: BatchTargets) -> None:
        """Keep a batch. output: logits (N, classes)."""
        self.probabilities.append(output.float().softmax(1))
        self.labels.append(labels_of(targets))

    def merge(self, other: Self) -> None:
        """Keep what another one has kept."""
        self.probabilities += other.probabilities
        self.labels += other.labels

    def figures(self) -> dict[str, float]:
        """None."""
        return {}

    def result(self) -> tuple[Tensor, Tensor]:
        """Probabilities, float32 (N, classes), and classes, int64 (N,)."""
        return torch.cat(self.probabilities), torch.cat(self.labels)


@checked
@global_state_kept()
def evaluate_together(
    runs: Sequence[Run | str | Path],
    data: Data,
    split: str | None = None,
    *,
    views: str = CENTRE,
    bar: Bar = no_bar,
) -> Ensemble:
    """Evaluate several runs of classification as one: the mean of their probabilities, and which are worth a place.

    runs: two or more, open or their folders, of the same classes. data, split: as of `Run.evaluate`; pictures that one
    of the runs was trained on, of "test" those by which one chose its weights, and those that cannot be read, are left
    out. Which runs are worth a place is chosen
    greedily on the validation pictures, by cross-entropy, each as often as it helps. views: of each
    picture, as of `evaluate_views`. bar: a context of (done, total) for each run and part, under a title.
    Raises StriateError for fewer than two runs, another task, other classes, and as `Run.evaluate` does.
    """
    opened = [run if isinstance(run, Run) else load(run) for run in runs]
    require_alike(opened)
    first = opened[0]
    dataset = first.recorded(open_for(first, data))
    split = split_to_evaluate(dataset, split)
    pictures = unknown_to_all(opened, dataset, _that_chose_nothing(opened, dataset, split))
    unreadable: list[DecodeError] = []
    asked = [Views.of(run, views) for run in opened]
    answers, labels = _answers(asked, dataset, pictures, split, bar, unreadable)
    places = torch.zeros(len(opened))
    chosen_on = unlisted(opened, dataset, dataset.splits.get(CHOSEN_ON, pictures[:0]))
    if split not in (CHOSEN_ON, "all") and len(chosen_on):
        places = greedy(*_answers(asked, dataset, chosen_on, CHOSEN_ON, bar, unreadable))
    alone = [_evaluation(first, each, labels) for each in answers]
    together = _evaluation(first, answers.mean(0), labels)
    each = together.right.double() - torch.stack([one.right.double() for one in alone]).mean(0)
    gain = float(each.mean())
    redrawn = torch.cat([times @ each / times.sum(1) for times in samples(len(labels))])
    spread = redrawn_spread(gain, redrawn, len(labels))
    return Ensemble(
        dataset,
        split,
        tuple(map(Member, opened, alone, places.long().tolist())),
        together,
        _evaluation(first, torch.tensordot(places / places.sum(), answers, 1), labels) if places.any() else None,
        gain,
        spread.interval,
        tuple(unreadable),
    )


def _that_chose_nothing(runs: Sequence[Run], dataset: Dataset, split: str) -> Indices:
    """The pictures of a split; of "test" without those by which one of the runs, such as a fold, chose its weights."""
    asked = members(dataset, split)
    if split != "test":
        return asked
    chose = [run.recorded(dataset).splits.get(CHOSEN_ON, asked[:0]) for run in runs]
    return asked[~np.isin(asked, np.concatenate(chose))]


def greedy(answers: Tensor, labels: Tensor) -> Tensor:
    """How often each of R runs is worth taking, float32 (R,): again and again the one that lowers cross-entropy most.

    answers: probabilities, (R, N, classes). labels: (N,). It ends where none lowers it any more.

    >>> sure, wrong = torch.tensor([[0.9, 0.1]]), torch.tensor([[0.1, 0.9]])
    >>> greedy(torch.stack([wrong, sure]), torch.tensor([0])).tolist()
    [0.0, 1.0]
    """
    places, sums, least = torch.zeros(len(answers)), torch.zeros_like(answers[0]), float("inf")
    for taken in range(ROUNDS * len(answers)):
        losses = torch.stack([_loss((sums + each) / (taken + 1), labels) for each in answers])
        if losses.min() >= least:
            break
        best = int(losses.argmin())
        least, sums = float(losses[best]), sums + answers[best]
        places[best] += 1
    return places


def _loss(probabilities: Tensor, labels: Tensor) -> Tensor:
    return F.nll_loss(probabilities.clamp_min(torch.finfo(torch.float32).tiny).log(), labels)


def _evaluation(run: Run, probabilities: Tensor, labels: Tensor) -> Evaluation:
    """Of averaged probabilities: their logarithms are logits."""
    metric = ClassificationMetric(run.classes)
    logits = probabilities.clamp_min(torch.finfo(torch.float32).tiny).log()
    metric.count(logits, labels)
    return metric.result()


def _answers(
    asked: Sequence[Views],
    dataset: Dataset,
    pictures: Indices,
    split: str,
    bar: Bar,
    unreadable: list[DecodeError],
) -> tuple[Tensor, Tensor]:
    """Probabilities of each run, float32 (R, N, classes), by the classes of the first; and the true ones, (N,).

    split: its name, for the bar. unreadable: gets the pictures that cannot be read.
    """
    answers, labels = [], torch.empty(0)
    first = asked[0].run
    for each in asked:
        run = each.run
        with bar(f"{run.path}, {split}") as progress:
            gathered = each.measure(replace(run.task, metric=Gathered), dataset, pictures, progress, unreadable)
        pictures = readable(pictures, dataset, unreadable)
        probabilities, own = gathered.result()
        order = torch.tensor([run.classes.index(name) for name in first.classes])
        answers.append(probabilities[:, order])
        labels = own if run is first else labels
    return torch.stack(answers), labels
