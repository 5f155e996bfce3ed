"""The network of a plan, its weights drawn or read, its size fitted to the pictures."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.dataset import Dataset, Pictures
from striate.data.decode import DecodeError
from striate.meta.weightless import blueprint
from striate.models import SEGMENTATION, Model, Network, create_model
from striate.models.linear_probe import LinearProbe
from striate.models.network import set_dropout
from striate.models.stages import stages_down_to
from striate.runtime.global_state import seed_everything
from striate.training.plan import Plan
from striate.training.recipe import Recipe

SAMPLED_PICTURES = 100
SIZE_STEP_PX = 32


def build_network(plan: Plan, dataset: Dataset, begun: Preprocess | None = None) -> Network:
    """The network of a plan, its weights drawn from the plan's seed, its size fitted to the pictures.

    begun: the preprocessing of a run that goes on, whatever the pictures are now.
    """
    recipe, task = plan.recipe, plan.task_of(dataset)
    _refuse_other_task(plan.model, task.name)
    classes = task.outputs(dataset.targets.names)
    if "model" in plan.code:
        seed_everything(plan.seed)
        size = begun.size if begun else recipe.size if recipe.size_px is not None else None
        network = create_model(plan.model, classes, size=size, weights=recipe.weights)
        preprocess = begun or own_size(network, recipe, dataset.pictures)
    elif recipe.weights is not None:
        torch.manual_seed(plan.seed)
        network = create_model(recipe.model, classes, weights=recipe.weights)
        preprocess = begun or fit_size(network, recipe, dataset.pictures)
        network.require_size(*preprocess.size)
    else:
        draft = blueprint(lambda: create_model(recipe.model))  # its preprocessing and smallest size, before any draw
        preprocess = begun or fit_size(draft, recipe, dataset.pictures)
        torch.manual_seed(plan.seed)
        network = create_model(recipe.model, classes, size=preprocess.size)
    network.preprocess = preprocess
    if recipe.layers:
        network = LinearProbe(network, recipe.layers, classes)
    if recipe.dropout is not None:
        set_dropout(network, recipe.dropout)
    if recipe.unfreeze_to is not None:
        stages_down_to(network, recipe.unfreeze_to)  # a misspelt stage is refused before anything is decoded
    return network


def _refuse_other_task(model: Model, task: str) -> None:
    """Raise StriateError for a network that answers for every pixel where one answer a picture is asked for."""
    if isinstance(model, str) and model in SEGMENTATION and task == "classification":
        raise StriateError(
            f"{model} answers for every pixel, and {task} asks for one answer a picture; `striate models` lists the "
            "networks that give it"
        )


def own_size(network: Network, recipe: Recipe, pictures: Pictures) -> Preprocess:
    """As `fit_size`, but the network's own size where a smaller one is no size for it, as for a transformer.

    Raises StriateError, with the line of its own code, where it cannot run at the size that the recipe has.
    """
    fitted = fit_size(network, recipe, pictures)
    try:
        network.require_size(*fitted.size)
    except StriateError:
        if recipe.size_px is not None or fitted.size == network.preprocess.size:
            raise
        return fit_size(network, replace(recipe, size_px=network.preprocess.size), pictures)
    return fitted


def fit_size(network: Network, recipe: Recipe, pictures: Pictures) -> Preprocess:
    """The network's preprocessing at the recipe's size, or at a smaller one where the pictures are smaller.

    Small pictures are not blown up to 224 px: the size becomes the next multiple of 32 that holds half of them, which
    costs a fraction and loses nothing, unless the weights were trained on larger ones; `least_px` at least, and times
    `test_enlargement`. Where the pictures do not fill the usual margin, there is none, and the working size is what
    training ends at, or that multiple of 32: what is larger is enlarged from it on the way into the network. Where
    pictures are not cut (`fit`), their longer side counts, and there is no margin either: all of them is to be seen.
    """
    own = network.preprocess if recipe.fit is None else replace(network.preprocess, fit=recipe.fit)
    cut = own.fit == "cover"
    typical_px = typical_side_px(pictures, longer=not cut)
    holding_px = SIZE_STEP_PX * math.ceil(max(typical_px, network.smallest_px) / SIZE_STEP_PX)
    if recipe.size_px is not None:
        size = recipe.size
    elif recipe.weights is not None:  # at the size that they were last used at
        size = own.size
    else:
        side = max(holding_px, recipe.least_px)
        # A network for tiny pictures is made for its one size.
        height, width = (min(side, own_px) if own_px >= 2 * SIZE_STEP_PX else own_px for own_px in own.size)
        size = (round(height * recipe.test_enlargement), round(width * recipe.test_enlargement))
    height, width = (round(s * r / o) if cut else s for s, r, o in zip(size, own.resize, own.size, strict=True))
    if typical_px < max(height, width):
        end = min(round(side / recipe.test_enlargement) for side in size)
        least = min(height, width, end, holding_px)  # the shorter side; the longer one keeps the shape
        height, width = (round(side * least / min(size)) for side in size)
    return own.at(size, (height, width))


def typical_side_px(pictures: Pictures, *, longer: bool = False) -> int:
    """Median of the shorter (or longer) sides of up to 100 pictures, evenly spread; unreadable ones left out."""
    sides = []
    for index in np.linspace(0, len(pictures) - 1, min(len(pictures), SAMPLED_PICTURES)).round().astype(int).tolist():
        with suppress(DecodeError):
            sides.append((max if longer else min)(pictures.size(index)))
    return int(np.median(sides)) if sides else 0
