"""Batch norms that see one value per channel in a single picture, and so cannot be trained on one at a time.

That is so behind poolings or strides that leave maps of 1x1. The variance of one value is zero: torch refuses it, and
a kernel that does not would learn nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from striate.analysis.calls import evaluating
from striate.core.errors import StriateError
from striate.meta.stand_ins import META
from striate.meta.weightless import weightless
from striate.models import Network
from striate.training.job import Job
from striate.training.optim.schedule import side_px
from striate.training.recipe import Recipe

# Of parts of nearly equal size, those of at most three pictures are never of one, unless there is one in all.
NEVER_LONE = 3


def lone_norms(network: Network, recipe: Recipe) -> list[str]:
    """Paths of the batch norms to which a picture brings one value per channel, at the smallest size of training."""
    side = side_px(recipe, min(network.preprocess.size), 0, 1)
    paths: list[str] = []
    handles = []
    for path, module in network.named_modules():
        if isinstance(module, _BatchNorm):

            def note(_: nn.Module, inputs: tuple[Tensor, ...], path: str = path) -> None:
                if inputs[0].numel() == inputs[0].shape[1]:
                    paths.append(path)

            handles.append(module.register_forward_pre_hook(note))
    try:
        with evaluating(network), weightless(network), torch.no_grad():
            height, width = (round(whole * side / min(network.preprocess.size)) for whole in network.preprocess.size)
            network.training_logits(META.blank((1, network.in_channels, height, width), torch.float32))
    except Exception:  # what a network of one's own raises that cannot run without numbers: then nobody can know
        if network.written is None:
            raise
        return []
    finally:
        for handle in handles:
            handle.remove()
    return paths


def fewest_at_once(network: Network, recipe: Recipe) -> int:
    """The fewest pictures that training may take at once, so that no batch norm ever sees a single value."""
    return NEVER_LONE if lone_norms(network, recipe) else 1


def smallest_part(pictures: int, steps: int, at_once: int) -> int:
    """Pictures in the smallest part that an epoch's steps compute at once.

    >>> smallest_part(12, 6, 64), smallest_part(12, 6, 1), smallest_part(7, 4, 2), smallest_part(9, 3, 2)
    (2, 1, 1, 1)
    """
    batches = {pictures // steps, math.ceil(pictures / steps)}
    return min(batch // math.ceil(batch / at_once) for batch in batches if batch)


def refuse_lone_pictures(job: Job) -> None:
    """Raise StriateError where a step would take a single picture through a batch norm that needs more values."""
    recipe, pictures = job.recipe, job.train.pictures
    at_once = job.runtime.at_once(recipe.batch_size)
    if not pictures or smallest_part(pictures, job.train.steps, at_once) > 1:
        return
    tuned = not (recipe.staged and (recipe.keep_statistics or recipe.unfreeze_to == "head"))
    if not tuned or not (paths := lone_norms(job.network, recipe)):
        return
    height, width = job.preprocess.size
    setting = f"--micro-batch {at_once}" if at_once < recipe.batch_size else f"batch_size {recipe.batch_size}"
    raise StriateError(
        f"{job.network.label} cannot be trained on one picture of {height}x{width} px at a time, as {setting} with "
        f"{pictures:,} training pictures does: its batch norm {paths[0]!r} gets one value per channel of it, which has "
        "no variance; take --set batch_size=4 without a smaller --micro-batch, or a larger --size"
    )
