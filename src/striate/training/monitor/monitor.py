"""A run that watches itself: when it looks, what it writes down, and that nothing is said twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from striate.analysis.calls import evaluating
from striate.answers.classes import CLASSIFICATION
from striate.data.batches import Batch
from striate.data.targets.classes import ClassTargets
from striate.models import Network
from striate.tasks.finding import Finding, Validated
from striate.tasks.task import Metric
from striate.training.folder.layout import read_validations
from striate.training.folder.state import Counters
from striate.training.job import Job
from striate.training.monitor.findings import findings, first_loss_finding
from striate.training.monitor.health import ActivationStats, UpdateStats, UpdateStatsHook, activation_stats
from striate.training.monitor.status import RunStatus, are_photographs

PICTURES_LOOKED_AT = 128
EVERY_PICTURES = 100 * PICTURES_LOOKED_AT  # trained on between two looks: looking costs a third of a per cent


class TrainingMonitor:
    """Looks after a job, at most once an epoch and every 12,800 pictures, and adds what it saw to the epoch's line.

    What it has said is read from metrics.jsonl, so a resumed run repeats exactly what it discards.
    """

    def __init__(self, job: Job, optimizers: Sequence[torch.optim.Optimizer], counters: Counters) -> None:
        self.job, self.counters = job, counters
        self.said_early = ""
        optimizers[0].register_step_pre_hook(self._say_first_loss)
        self.takers = [UpdateStatsHook(job.network, each, self._at_the_end_of_a_due_epoch) for each in optimizers]
        self.classes, self.head_weights, self.prior_entropy, self.chance = 0, 1.0, 0.0, 0.0
        targets = job.train.targets
        if job.task.name == CLASSIFICATION and isinstance(targets, ClassTargets):
            self.classes, self.head_weights = len(job.names), head_weights(job.network)
            counts = np.bincount(targets.labels[job.train.indices])
            self.prior_entropy = self.head_weights * entropy(counts, job.recipe.label_smoothing, self.classes)
            in_val = np.bincount(targets.labels[job.val.indices])
            self.chance = float(in_val.max()) / max(1, len(job.val.indices))

    def is_due(self, epoch: int) -> bool:
        """Whether to look at the end of an epoch, counted from 1: the first, the first after the warm-up, the last, and
        whenever enough pictures have passed since the validation before.
        """
        recipe, pictures = self.job.recipe, len(self.job.train.indices)
        if epoch in (recipe.validate_every_epochs, recipe.epochs, math.ceil(recipe.warmup_epochs) + 1):
            return True
        before = (epoch - recipe.validate_every_epochs) * pictures
        return epoch * pictures // EVERY_PICTURES > before // EVERY_PICTURES

    def _at_the_end_of_a_due_epoch(self) -> bool:
        epoch, rest = divmod(self.counters.step + 1, self.job.train.steps)
        return not rest and self.is_due(epoch)

    def look(self, network: Network, line: dict[str, Any], metric: Metric) -> dict[str, Any]:
        """What to add to an epoch's line: grad_norm, update_ratio, dead_share, clean_accuracy; findings, as records.

        network: the one that was validated. metric: what was counted then. clean_accuracy: of some training pictures
        as they are.
        """
        update_stats = self._taken()
        seen: dict[str, Any] = {}
        asked, pictures = None, None
        if update_stats is not None:
            pictures = self._pictures(line["epoch"])
            asked = activation_stats(self.job.task, network, pictures, self.job.preprocess, self.job.runtime)
            seen = {
                "grad_norm": update_stats.grad_norm,
                "update_ratio": update_stats.update_ratio,
                "dead_share": asked.dead_share,
                **({"clean_accuracy": asked.correct / asked.pictures} if self.classes else {}),
            }
        history = read_validations(self.job.folder)
        said = {record["kind"] for old in history for record in old.get("findings", ())}
        status = self._status([*history, line | seen], update_stats, asked)
        done = line["epoch"] / self.job.recipe.epochs
        preprocess = self.job.preprocess
        run = Validated(metric, pictures, done, status.had_its_chance, network, preprocess, line)
        found = [*findings(status), *self.job.task.findings(run)]
        new = [self._record(finding, line) for finding in found if finding.kind not in said]
        return seen | ({"findings": new} if new else {})

    def _taken(self) -> UpdateStats | None:
        """What the newest updates that were looked at did, those of all phases of a step together."""
        taken = [taker.update_stats for taker in self.takers if taker.update_stats is not None]
        for taker in self.takers:
            taker.update_stats = None
        layers = [layer for stats in taken for layer in stats.layers]
        return UpdateStats(math.hypot(*(stats.grad_norm for stats in taken)), layers) if taken else None

    def _status(
        self,
        history: list[dict[str, Any]],
        update_stats: UpdateStats | None = None,
        activations: ActivationStats | None = None,
    ) -> RunStatus:
        return RunStatus(
            recipe=self.job.recipe,
            history=history,
            first_loss=self.counters.first_loss or 0.0,
            classes=self.classes,
            head_weights=self.head_weights,
            prior_entropy=self.prior_entropy,
            chance=self.chance,
            val_pictures=len(self.job.val.indices),
            train_pictures=len(self.job.train.indices) if are_photographs(self.job.preprocess) else 0,
            share_seen=self.job.share_seen,
            update_stats=update_stats,
            activations=activations,
        )

    def _record(self, finding: Finding, line: dict[str, Any]) -> dict[str, Any]:
        early = finding.text == self.said_early
        return {
            "kind": finding.kind,
            "epoch": line["epoch"],
            "step": 1 if early else line["step"],
            "text": finding.text,
        }

    def _say_first_loss(self, *_: Any) -> None:
        """Before the second step, for a run that begins badly may not see the end of its first epoch."""
        if self.classes and self.counters.step == 1 and (finding := first_loss_finding(self._status([]))) is not None:
            self.said_early = finding.text
            self.job.watch.say(f"seen in step 1: {finding.text}")

    def _pictures(self, epoch: int) -> Batch:
        """Some training pictures, others in each epoch."""
        train = self.job.train
        chosen = np.random.default_rng([self.job.seed, epoch, 1]).permutation(train.indices)[:PICTURES_LOOKED_AT]
        return next(replace(train, indices=chosen, batch_size=PICTURES_LOOKED_AT, workers=0).in_order())


def entropy(counts: np.ndarray, label_smoothing: float, classes: int) -> float:
    """Loss in nats of always answering with the frequencies of the classes, the best that can be known blindly.

    >>> round(entropy(np.array([5, 5]), 0.0, 2), 4), round(entropy(np.array([9, 1]), 0.0, 2), 4)
    (0.6931, 0.3251)
    """
    shares = np.zeros(classes)
    shares[: len(counts)] = counts / counts.sum()
    shares = (1 - label_smoothing) * shares + label_smoothing / classes
    known = shares[shares > 0]
    return float(-(known * np.log(known)).sum())


@torch.no_grad()
def head_weights(network: Network) -> float:
    """Sum of the weights that a network's heads have in the loss."""
    if not network.auxiliary_classifiers:
        return 1.0
    device = next(network.parameters()).device
    picture: Tensor = torch.zeros(1, network.in_channels, *network.preprocess.size, device=device)
    with evaluating(network):
        return sum(weight for weight, _ in network.training_logits(picture))
