"""One step of a training: a batch varied, its gradients, the update."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from striate.core.records import Preprocess
from striate.data.augment import alternating_flips, augment
from striate.data.batches import Batch, step_generator
from striate.data.dataset import Indices
from striate.data.mixing import cut_mix
from striate.data.picture import normalise, scaled
from striate.runtime.runtime import Runtime
from striate.tasks import classification
from striate.training.job import Job
from striate.training.optim.schedule import side_px


def train_step(job: Job, batch: Batch, optimizer: torch.optim.Optimizer, lr: float, step: int) -> tuple[Tensor, Tensor]:
    """One update. Returns the mean loss and the number of correct answers, detached, not yet read."""
    made = gradients(job, batch, step)
    update(job, optimizer, lr)
    return made


def gradients(job: Job, batch: Batch, step: int) -> tuple[Tensor, Tensor]:
    """Fill in the gradients of one step. Returns the mean loss and the number of correct answers, detached.

    The gradients are scaled as `scaler` says. Everything random follows from (seed, step): the augmentation, and
    dropout through torch's global generator.
    """
    torch.manual_seed(step_generator(job.seed, step).initial_seed())
    return accumulate_gradients(job, *training_batch(job, batch, step))


def update(job: Job, optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Move the weights by their gradients, and forget these; where fp16 has overflown, they stay where they are."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_factor"]
    job.scaler.unscale_(optimizer)  # here, so that whoever looks at the gradients sees them as they are
    job.scaler.step(optimizer)
    job.scaler.update()
    optimizer.zero_grad(set_to_none=True)


def accumulate_gradients(job: Job, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Add the gradients of a batch, in nearly equal parts of at most `runtime.micro_batch` pictures.

    Returns the mean loss and the number of correct answers, detached. The gradient is that of the whole batch, each
    part weighted by its share, except that batch norm sees the statistics of a part: "ghost batch norm" of Hoffer et
    al., arXiv:1705.08741, section 4.
    """
    parts = math.ceil(len(labels) / job.runtime.at_once(len(labels)))
    means, hits = [], []
    for some_images, some_labels in zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True):
        with job.runtime.autocast():
            loss, right = loss_of(job.runtime)(job.network, some_images, some_labels, job.recipe.label_smoothing)
        loss = loss * (len(some_labels) / len(labels))
        job.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        means.append(loss.detach())
        hits.append(right)
    return torch.stack(means).sum(), torch.stack(hits).sum()


@cache
def compiled_loss() -> Callable[..., tuple[Tensor, Tensor]]:
    """`classification.loss` translated by torch.compile, once for each network and size that it is called with."""
    return torch.compile(classification.loss)


def loss_of(runtime: Runtime) -> Callable[..., tuple[Tensor, Tensor]]:
    """The loss as it is, or translated."""
    return compiled_loss() if runtime.compiled else classification.loss


def training_batch(job: Job, batch: Batch, step: int) -> tuple[Tensor, Tensor]:
    """What the network is trained on in a step: images, float32 (N, C, H, W), normalised, and labels as below."""
    pictures, labels = varied_batch(job, batch, step)
    return job.runtime.images(normalise(pictures, job.network.preprocess)), labels


def varied_batch(job: Job, batch: Batch, step: int) -> tuple[Tensor, Tensor]:
    """A batch as the network sees it in a step, but for scale and layout: varied, mixed, of the step's size.

    Returns pictures (N, C, H, W) on the 0..255 scale, uint8 or float32, and their labels, int64 (N,), or of mixed
    pictures probabilities (N, classes). Everything random follows from (seed, step). What is trained on, and what is
    shown of it, comes from here.
    """
    recipe, preprocess, steps = job.recipe, job.network.preprocess, job.train.steps
    generator = step_generator(job.seed, step)
    share = side_px(recipe, min(preprocess.size), step, steps) / min(preprocess.size)
    small = preprocess.at((round(preprocess.size[0] * share), round(preprocess.size[1] * share)), preprocess.resize)
    pictures = varied(job, job.runtime.move(batch.pictures), batch.indices, small, generator, step // steps)
    labels = job.runtime.move(batch.labels)
    if recipe.cut_mix:
        pictures, labels = cut_mix(pictures, labels, len(job.classes), recipe.cut_mix, generator)
    return pictures, labels


def varied(
    job: Job, pictures: Tensor, indices: Indices, seen: Preprocess, generator: torch.Generator, epoch: int
) -> Tensor:
    """Pictures varied as the recipe says, at the size that the network sees.

    pictures: uint8 (N, C, h, w) of the working size, `indices` theirs in the dataset. seen: size of the result. epoch:
    says which pictures are mirrored where they are in turn.
    """
    recipe = job.recipe
    mirrored = alternating_flips(indices, job.seed, epoch) if recipe.flip_alternately else None
    # Whoever resamples anyway samples at once to the size seen; whole pixels are cut out first and scaled then.
    cut = seen if recipe.augmentation.resamples else job.network.preprocess
    return scaled(augment(pictures, recipe.augmentation, cut, generator, mirrored), seen.size)
