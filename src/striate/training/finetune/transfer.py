"""How a run goes on from weights that were trained on other pictures: what is measured, decided and said at its start.

Yosinski et al., arXiv:1411.1792: lower layers are general, upper ones belong to their pictures; how far down they do
depends on the distance between the pictures, which linear probes per depth measure (Alain and Bengio,
arXiv:1610.01644).
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.core.reading import Count, Positive, Share, read_record
from striate.frozen.extract import depths_of, form_for
from striate.frozen.linear import Validated, cross_validate
from striate.models import Network
from striate.models.linear_probe import PRE_LOGITS
from striate.models.stages import HEAD, groups_of, stages_down_to
from striate.ops.metrics import wilson_interval
from striate.report.facts import Measured, Stage, TransferFacts
from striate.tasks.classification import Evaluation
from striate.training.finetune.advice import Outlook, advice, outlook_of
from striate.training.finetune.head import Variety, layer_features, probed, solve_head
from striate.training.finetune.unfreezing import UnfreezeSchedule
from striate.training.folder.layout import STATE, TRANSFER, read_validations
from striate.training.job import Job
from striate.training.recipe import Recipe

# From how many training pictures on how many stages are tuned at the least: the rule of thumb of Stanford CS231n,
# "Transfer learning", put into numbers. Tuning that brings nothing costs time, not accuracy: the head alone stays then.
STAGES_FROM = ((100, 1), (400, 2), (2_000, 99))
GENTLE_AREA = 0.8  # of a crop, where smaller ones do harm
LEFT_OUT = {"mirrored": "mirrored pictures", "varied": "crops and changed colours"}


@dataclass(frozen=True)
class Probe:
    """How well a linear classifier of one layer's features does, by cross-validation on the training pictures."""

    layer: str
    accuracy: Share
    interval: tuple[Share, Share]


@dataclass(frozen=True)
class Transfer:
    """What was found and decided at the start.

    tuned: stages, from the top. sentence: the decision in words. strength: of the head, as scikit-learn's C. pictures:
    that it was solved on, in that many views, of the kinds up to `variety`. outlook: what more pictures and cleaner
    labels may bring. head_hits: how many of `val_pictures` it has right.
    """

    weights: str
    probes: Annotated[tuple[Probe, ...], Meta(min_length=1)]
    tuned: tuple[str, ...]
    sentence: str
    views: Positive
    variety: Variety
    strength: float
    pictures: Positive
    seconds: float
    outlook: Outlook
    head_hits: Count = 0
    val_pictures: Count = 0

    def __post_init__(self) -> None:
        if self.head_hits > self.val_pictures:
            raise StriateError(f"head_hits are {self.head_hits} of {self.val_pictures} val_pictures")

    @property
    def tuning(self) -> UnfreezeSchedule:
        """What is unfrozen when."""
        return UnfreezeSchedule(self.tuned)

    def fitted(self, recipe: Recipe) -> Recipe:
        """The recipe without what would harm these pictures, as the views of the head have shown."""
        if self.variety == "varied":
            return recipe
        gentle = replace(recipe, min_area=max(recipe.min_area, GENTLE_AREA))
        if self.variety == "mirrored":
            return gentle
        return replace(gentle, flip=False, flip_alternately=False, test_flip=False)


def read_transfer(folder: Path) -> Transfer | None:
    """What transfer.json of a run says; None where there is none. Raises StriateError when it is damaged."""
    if not (folder / TRANSFER).exists():
        return None
    return read_record(folder / TRANSFER, Transfer)


def begin(job: Job) -> Transfer:
    """Solve the head and decide what is tuned; where the run has a state already, only read what was decided.

    The network then has its head, or will have it from the state.
    """
    found = read_transfer(job.folder)
    if found is not None and any((job.folder / STATE).glob("step-*")):
        return found
    begun, network = time.monotonic(), job.network
    layers = depths_of(network)
    form = form_for(network, layers)
    by_layer, labels = layer_features(job, form, layers)
    some = probed(job, len(labels))
    head = solve_head(job, form, by_layer[PRE_LOGITS], labels)
    rows = {
        layer: cross_validate(by_layer[layer][some], labels[some], len(job.names))
        for layer in layers
        if layer != PRE_LOGITS
    }
    probes = {**rows, PRE_LOGITS: head.validated}
    if job.recipe.unfreeze_to is None:
        tuned, why = decide(job, probes)
    else:
        tuned, why = stages_down_to(network, job.recipe.unfreeze_to), "as asked"
    transfer = Transfer(
        weights=str(job.recipe.weights),
        probes=tuple(Probe(layer, v.accuracy, v.interval) for layer, v in probes.items()),
        tuned=tuned,
        sentence=sentence(tuned, why) + words_on(head.left_out),
        views=head.views,
        variety=head.variety,
        strength=head.validated.C,
        pictures=len(labels),
        seconds=time.monotonic() - begun,
        outlook=outlook_of(by_layer[PRE_LOGITS][some], head.validated, job.recipe.head),
    )
    job.watch.say(transfer.sentence)
    return transfer


def write_transfer(folder: Path, transfer: Transfer, head: Evaluation) -> None:
    """Write transfer.json, with what the head alone reaches on validation."""
    write_json(folder / TRANSFER, asdict(replace(transfer, head_hits=head.correct, val_pictures=head.total)))


def head_alone(transfer: Transfer, found: Evaluation) -> str:
    """A line on what the head alone reaches."""
    probe, (low, high) = transfer.probes[-1], found.interval
    return (
        f"the head alone: val {found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}); cross-validated on the "
        f"training pictures {probe.accuracy:.2%} ({probe.interval[0]:.2%} to {probe.interval[1]:.2%})"
    )


def transfer_facts(folder: Path, network: Network, epochs: int, best_epoch: int) -> TransferFacts | None:
    """What the report tells of a staged run; None of another. epochs: of the recipe."""
    transfer = read_transfer(folder)
    if transfer is None:
        return None

    def stage(tuned: tuple[str, ...], lines: list[dict[str, Any]]) -> Stage:
        first, last = (lines[0]["epoch"], lines[-1]["epoch"]) if lines else (0, 0)
        correct = [round(line["val_accuracy"] * transfer.val_pictures) for line in lines] or [transfer.head_hits]
        frozen = tuple(name for name in groups_of(network) if name not in (HEAD, *tuned))
        found = Measured(max(correct) / transfer.val_pictures, wilson_interval(max(correct), transfer.val_pictures))
        words = "" if not lines else str(first) if first == last else f"{first} to {last}"
        return Stage((HEAD, *tuned), frozen, words, found, kept=first <= best_epoch <= last)

    by_stage = groupby(
        read_validations(folder), key=lambda line: transfer.tuning.unfrozen_stages(line["epoch"] - 1, epochs)
    )
    stages = [stage((), []), *(stage(tuned, list(lines)) for tuned, lines in by_stage)]
    return TransferFacts(
        weights=transfer.weights,
        sentence=transfer.sentence,
        probes={probe.layer: Measured(probe.accuracy, probe.interval) for probe in transfer.probes},
        stages=stages,
        pictures=transfer.pictures,
        views=transfer.views,
        advice=advice(transfer.outlook, stages, groups_of(network)),
    )


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
    gained = probes[best].is_correct - probes[PRE_LOGITS].is_correct
    far = best != PRE_LOGITS and gained.mean() > 2 * gained.std(ddof=1) / math.sqrt(len(gained))  # two standard errors
    needed = stages.index(best) if far else 0
    tuned = tuple(stages[: max(allowed, needed)])
    described = ", ".join(f"{layer} {found.accuracy:.1%}" for layer, found in probes.items())
    distance = (
        f"{best} tells them apart clearly better than the last layer, so they are of another kind"
        if far
        else "no lower layer is clearly better than the last, so they are of a kind that the weights know"
    )
    return tuned, f"{pictures:,} pictures to train on; linear probes by depth: {described}; {distance}"


def sentence(tuned: tuple[str, ...], why: str) -> str:
    """The decision in one sentence.

    >>> sentence(("layer3", "layer2"), "as asked")
    'tuning the head, then layer3, then layer2: as asked'
    """
    if not tuned:
        return f"tuning the {HEAD} alone: {why}"
    return f"tuning the {HEAD}, {', '.join(f'then {stage}' for stage in tuned)}: {why}"


def words_on(left_out: tuple[Variety, ...]) -> str:
    """What the sentence adds on views that do harm.

    >>> words_on(("varied",)), words_on(())
    ('; crops and changed colours make the answers worse and are left out', '')
    """
    named = " and ".join(LEFT_OUT[kind] for kind in left_out)
    return f"; {named} make the answers worse and are left out" if named else ""
