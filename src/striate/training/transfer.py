"""How a run goes on from weights that were trained on other pictures: what is measured, decided and said at its start.

Yosinski et al., arXiv:1411.1792: lower layers are general, upper ones belong to their pictures; how far down they do
depends on the distance between the pictures, which linear probes per depth measure (Alain and Bengio,
arXiv:1610.01644).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from striate.core.errors import StriateError
from striate.core.files import read_json, write_json
from striate.models.tapped import LAST
from striate.tasks.features import depths_of
from striate.tasks.linear import Validated, cross_validate
from striate.training.folder import STATE
from striate.training.head import MOST_PROBED, layer_features, solve_head
from striate.training.step import Job
from striate.training.tuning import HEAD, Tuning, stages_down_to

TRANSFER = "transfer.json"
# From how many training pictures on how many stages may be tuned: CS231n's rule of thumb, in numbers that were measured
# with the embedded weights (benchmarks/transfer.md).
STAGES_FROM = ((40, 1), (400, 2), (2_000, 99))


@dataclass(frozen=True)
class Probe:
    """How well a linear classifier of one layer's features does, by cross-validation on the training pictures."""

    layer: str
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Transfer:
    """What was found and decided at the start. tuned: stages, from the top. sentence: the decision in words."""

    weights: str
    probes: tuple[Probe, ...]
    tuned: tuple[str, ...]
    sentence: str
    views: int
    strength: float
    pictures: int
    seconds: float

    @property
    def tuning(self) -> Tuning:
        """What is thawed when."""
        return Tuning(self.tuned)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Transfer:
        """The inverse of `dataclasses.asdict`, after JSON."""
        probes = tuple(Probe(p["layer"], p["accuracy"], tuple(p["interval"])) for p in fields["probes"])
        return cls(**{**fields, "probes": probes, "tuned": tuple(fields["tuned"])})


def read_transfer(folder: Path) -> Transfer | None:
    """What transfer.json of a run says; None where there is none. Raises StriateError when it is damaged."""
    if not (folder / TRANSFER).exists():
        return None
    try:
        return Transfer.from_dict(read_json(folder / TRANSFER))
    except (KeyError, TypeError) as error:
        raise StriateError(f"{folder / TRANSFER} is damaged: {error!r}") from error


def begin(job: Job) -> Transfer:
    """Solve the head, decide what is tuned, say and write both; where the run has a state already, only read them.

    The network then has its head, or will have it from the state.
    """
    found = read_transfer(job.folder)
    if found is not None and any((job.folder / STATE).glob("step-*")):
        return found
    begun, network = time.monotonic(), job.network
    layers = depths_of(network)
    by_layer, labels = layer_features(job, job.train, layers)
    some = np.sort(np.random.default_rng([job.seed, 2]).permutation(len(labels))[:MOST_PROBED])
    head = solve_head(job, by_layer[LAST], labels)
    rows = {
        layer: cross_validate(by_layer[layer][some], labels[some], len(job.classes))
        for layer in layers
        if layer != LAST
    }
    probes = {**rows, LAST: head.validated}
    if job.recipe.unfreeze_to is None:
        tuned, why = decide(job, probes)
    else:
        tuned, why = stages_down_to(network, job.recipe.unfreeze_to), "as asked"
    transfer = Transfer(
        weights=str(job.recipe.weights),
        probes=tuple(Probe(layer, v.accuracy, v.interval) for layer, v in probes.items()),
        tuned=tuned,
        sentence=sentence(tuned, why),
        views=head.views,
        strength=head.validated.C,
        pictures=len(labels),
        seconds=time.monotonic() - begun,
    )
    write_json(job.folder / TRANSFER, asdict(transfer))
    job.watch.say(transfer.sentence)
    return transfer


def decide(job: Job, probes: dict[str, Validated]) -> tuple[tuple[str, ...], str]:
    """The stages to tune, from the top, and why.

    The number of pictures says how many stages can be learned from them. Where the features of a lower stage tell the
    classes apart better than the last ones do, the pictures are far from those of the weights: then everything above
    that stage is tuned, however few pictures there are.
    """
    pictures = len(job.train.indices)
    stages = [feature.name for feature in job.network.features_info][::-1]
    allowed = max((count for least, count in STAGES_FROM if pictures >= least), default=0)
    best = max(probes, key=lambda layer: probes[layer].accuracy)
    gain = probes[best].accuracy - probes[LAST].accuracy
    noise = (probes[LAST].interval[1] - probes[LAST].interval[0]) / 4  # one standard error
    far = best != LAST and gain > noise
    needed = stages.index(best) if far else 0
    tuned = tuple(stages[: max(allowed, needed)])
    described = ", ".join(f"{layer} {found.accuracy:.1%}" for layer, found in probes.items())
    distance = f"{best} tells them apart better than the last layer, so they are of another kind" if far else (
        "the last layer tells them apart best, so they are of a kind that the weights know"
    )  # fmt: skip
    return tuned, f"{pictures:,} pictures to train on; linear probes by depth: {described}; {distance}"


def sentence(tuned: tuple[str, ...], why: str) -> str:
    """The decision in one sentence.

    >>> sentence(("layer3", "layer2"), "as asked")
    'tuning the head, then layer3, then layer2: as asked'
    """
    if not tuned:
        return f"tuning the {HEAD} alone: {why}"
    return f"tuning the {HEAD}, {', '.join(f'then {stage}' for stage in tuned)}: {why}"
