"""What one training is made of, and one step of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from striate.data.augment import alternating_flips, augment
from striate.data.batches import Batch, Batches, step_generator
from striate.data.mixing import cut_mix
from striate.data.picture import normalise, scaled
from striate.models import Network
from striate.report.facts import ReportFacts
from striate.tasks import classification
from striate.tasks.placement import Placement
from striate.training.recipe import Recipe
from striate.training.schedule import side_px
from striate.training.state import Counters

UNSCALED = torch.amp.GradScaler("cpu", enabled=False)


class Watch(Protocol):
    """Who is told how training goes."""

    def say(self, text: str) -> None:
        """Something happened that a person should know."""

    def step(self, counters: Counters, lr: float) -> None:
        """Some steps were made."""

    def epoch(self, line: dict[str, Any]) -> None:
        """An epoch was finished and validated."""

    def result(self, facts: ReportFacts) -> None:
        """The run was tested and its report is written."""


@dataclass(frozen=True)
class Job:
    """All that one training is made of. scaler: of the loss, which fp16 needs; see `Placement.loss_scaler`."""

    network: Network
    classes: tuple[str, ...]
    train: Batches
    val: Batches
    recipe: Recipe
    seed: int
    placement: Placement
    folder: Path
    watch: Watch
    scaler: torch.amp.GradScaler = UNSCALED


def train_step(job: Job, batch: Batch, optimizer: torch.optim.Optimizer, lr: float, step: int) -> tuple[Tensor, Tensor]:
    """One update. Returns the mean loss and the number of right answers, detached, not yet read."""
    made = gradients(job, batch, step)
    update(job, optimizer, lr)
    return made


def gradients(job: Job, batch: Batch, step: int) -> tuple[Tensor, Tensor]:
    """Fill in the gradients of one step. Returns the mean loss and the number of right answers, detached.

    The gradients are scaled as `scaler` says. Everything random follows from (seed, step): the augmentation, and
    dropout through torch's global generator.
    """
    generator = step_generator(job.seed, step)
    torch.manual_seed(generator.initial_seed())
    images, labels = training_images(job, batch, generator, step), job.placement.move(batch.labels)
    if job.recipe.cut_mix:
        images, labels = cut_mix(images, labels, len(job.classes), job.recipe.cut_mix, generator)
    return accumulate_gradients(job, images, labels)


def update(job: Job, optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Move the weights by their gradients, and forget these; where fp16 has overflown, they stay where they are."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_factor"]
    job.scaler.unscale_(optimizer)  # here, so that whoever looks at the gradients sees them as they are
    job.scaler.step(optimizer)
    job.scaler.update()
    optimizer.zero_grad(set_to_none=True)


def accumulate_gradients(job: Job, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Add the gradients of a batch, in nearly equal parts of at most `placement.micro_batch` pictures.

    Returns the mean loss and the number of right answers, detached. The gradient is that of the whole batch, each part
    weighted by its share, except that batch norm sees the statistics of a part: "ghost batch norm" of Hoffer et al.,
    arXiv:1705.08741, section 4.
    """
    parts = math.ceil(len(labels) / job.placement.at_once(len(labels)))
    means, hits = [], []
    for some_images, some_labels in zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True):
        with job.placement.autocast():
            loss, right = loss_of(job.placement)(job.network, some_images, some_labels, job.recipe.label_smoothing)
        loss = loss * (len(some_labels) / len(labels))
        job.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        means.append(loss.detach())
        hits.append(right)
    return torch.stack(means).sum(), torch.stack(hits).sum()


@cache
def compiled_loss() -> Callable[..., tuple[Tensor, Tensor]]:
    """`classification.loss` translated by torch.compile, once for each network and size that it is called with."""
    return torch.compile(classification.loss)


def loss_of(placement: Placement) -> Callable[..., tuple[Tensor, Tensor]]:
    """The loss as it is, or translated."""
    return compiled_loss() if placement.compiled else classification.loss


def training_images(job: Job, batch: Batch, generator: torch.Generator, step: int) -> Tensor:
    """A batch as the network sees it in training, float32 (N, C, H, W): augmented, of the step's size, normalised."""
    recipe, preprocess, steps = job.recipe, job.network.preprocess, job.train.steps
    mirrored = alternating_flips(batch.numbers, job.seed, step // steps) if recipe.flip_alternately else None
    share = side_px(recipe, min(preprocess.size), step, steps) / min(preprocess.size)
    small = preprocess.at((round(preprocess.size[0] * share), round(preprocess.size[1] * share)), preprocess.resize)
    # Whoever resamples anyway samples at once to the step's size; whole pixels are cut out first and scaled then.
    size = small if recipe.augmentation.resamples else preprocess
    pictures = augment(job.placement.move(batch.pictures), recipe.augmentation, size, generator, mirrored)
    return job.placement.images(normalise(scaled(pictures, small.size), preprocess))
