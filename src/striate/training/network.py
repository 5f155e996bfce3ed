"""The network of a plan, its weights drawn or read, its size fitted to the pictures."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from striate.core.errors import IdleField, StriateError, unknown_name
from striate.core.records import Preprocess
from striate.data.dataset import Dataset, Pictures
from striate.data.decode import DecodeError
from striate.data.proposals import method_named
from striate.meta.weightless import blueprint
from striate.models import Model, Network, create_model
from striate.models.for_tasks import instead_of, task_of
from striate.models.linear_probe import LinearProbe
from striate.models.network import set_dropout
from striate.models.stages import stages_down_to
from striate.runtime.global_state import seed_everything
from striate.tasks import require_targets, task_named
from striate.tasks.classification import CLASSIFICATION
from striate.tasks.task import Task
from striate.training.plan import Plan
from striate.training.recipe import Recipe

SAMPLED_PICTURES = 100
SIZE_STEP_PX = 32
LONGEST_PX = 512  # of pictures of which all is seen, where nobody says a size


def build_network(plan: Plan, dataset: Dataset, begun: Preprocess | None = None) -> Network:
    """The network of a plan, its weights drawn from the plan's seed, its size fitted to the pictures.

    begun: the preprocessing of a run that goes on, whatever the pictures are now.
    """
    recipe, task = plan.recipe, plan.task_of(dataset)
    require_targets(dataset, task)
    require_losses(recipe, task)
    _refuse_other_task(plan.model, task)
    classes = task.outputs(dataset.targets.names)
    if "model" in plan.code:
        seed_everything(plan.seed)
        size = begun.size if begun else recipe.size if recipe.size_px is not None else None
        network = create_model(plan.model, classes, size=size, weights=recipe.weights)
        preprocess = begun or own_size(network, recipe, dataset.pictures, task)
    elif recipe.weights is not None:
        torch.manual_seed(plan.seed)
        network = create_model(recipe.model, classes, weights=recipe.weights)
        preprocess = begun or fit_size(network, recipe, dataset.pictures, task)
        network.require_size(*preprocess.size)
    else:
        draft = blueprint(lambda: create_model(recipe.model))  # its preprocessing and smallest size, before any draw
        preprocess = begun or fit_size(draft, recipe, dataset.pictures, task)
        torch.manual_seed(plan.seed)
        network = create_model(recipe.model, classes, size=preprocess.size)
    network.preprocess = preprocess
    if recipe.layers:
        network = LinearProbe(network, recipe.layers, classes)
    _require_answers(network, task)
    if recipe.dropout is not None:
        set_dropout(network, recipe.dropout)
    if recipe.unfreeze_to is not None:
        stages_down_to(network, recipe.unfreeze_to)  # a misspelt stage is refused before anything is decoded
    return network


def require_losses(recipe: Recipe, task: Task) -> None:
    """Raise StriateError for a loss that a task does not have, and for what nothing would use: weights of classes,
    pictures mixed with each other, and a probe or a head that is solved where pictures have more than one class each.
    """
    for field in (*task.idle, *(() if task.mix else ("cut_mix",))):
        if getattr(recipe, field):
            raise IdleField(field, f"{CLASSIFICATION.answers_with}, and this is {task.name}")
    if recipe.mosaic and not task.finds_objects:
        raise IdleField("mosaic", f"objects to find in each picture, and this is {task.name}")
    if task.at_own_size and recipe.least_px != Recipe.least_px:
        raise IdleField("least_px", f"a size that is fitted to the network, and {task.name} is at that of the pictures")
    for name in recipe.loss:
        if name not in task.loss_names:
            raise unknown_name(f"loss of {task.name}", name, task.loss_names)
        if recipe.loss.count(name) > 1:
            raise StriateError(f"loss={','.join(recipe.loss)} names {name} more than once; name each loss once")
    if recipe.class_weights is not None and not task.at_own_size:
        raise IdleField("class_weights", f"a task of pixels, and this is {task.name}")
    if recipe.balance != "none" and task.name != CLASSIFICATION.name:
        instead = "; class_weights=median_frequency is for pixels" if task.at_own_size else ""
        raise IdleField("balance", f"one class for each picture, and this is {task.name}{instead}")


def require_proposals(recipe: Recipe, network: Network) -> None:
    """Raise StriateError for proposals that there are not, that nothing looks at, or that mosaics would misplace."""
    if recipe.proposals is None:
        return
    method_named(recipe.proposals)
    if not network.takes_proposals:
        raise IdleField("proposals", "a network that looks in given boxes, as R-CNN and Fast R-CNN do")
    if recipe.mosaic:
        raise StriateError("mosaics of pictures have no proposals of their own: leave mosaic or proposals out")


def _refuse_other_task(model: Model, task: Task) -> None:
    """Raise StriateError, before anything is built, for a named network that gives another kind of answer."""
    gives = task_of(model) if isinstance(model, str) else None
    if gives not in (None, task.answered_by):
        asked, given = (task_named(each).answers_with for each in (task.needs, str(gives)))
        do = instead_of(str(model), task.answered_by)
        raise StriateError(f"{model} answers with {given}, and {task.name} asks for {asked}; {do}")


def _require_answers(network: Network, task: Task) -> None:
    """Raise StriateError for a network, such as one of a person's own, that says nothing of what is asked."""
    if network.task != task.answered_by:
        raise StriateError(
            f"{network.label} answers with no {task_named(task.needs).one_answer}, as {task.name} asks, but with "
            f"{task_named(network.task).answers_with}; take a network of the zoo: {instead_of('', task.answered_by)}"
        )


def own_size(network: Network, recipe: Recipe, pictures: Pictures, task: Task = CLASSIFICATION) -> Preprocess:
    """As `fit_size`, but the network's own size where another is no size for it, as for a transformer; of a network
    that answers for pixels, first the nearest one that is.

    Raises StriateError, with the line of its own code, where it cannot run at the size that the recipe has.
    """
    fitted = fit_size(network, recipe, pictures, task)
    try:
        network.require_size(*fitted.size)
    except StriateError:
        if recipe.size_px is not None or fitted.size == network.preprocess.size:
            raise
        if (near := _near_size(network, fitted.size)) is not None and task.at_own_size:
            return replace(fitted, size=near, resize=near)
        return fit_size(network, replace(recipe, size_px=network.preprocess.size), pictures, task)
    return fitted


def _near_size(network: Network, size: tuple[int, int]) -> tuple[int, int] | None:
    """The nearest size that a network takes: of multiples of 8, 16, 32 or 64 px, as halving maps asks for them."""
    for step in (8, 16, 32, 64):
        height, width = (max(step, round(side / step) * step) for side in size)
        with suppress(StriateError):
            network.require_size(height, width)
            return height, width
    return None


def at_only_size(plan: Plan, network: Network) -> Recipe:
    """The plan's recipe; of a network of one size without pictures that are smaller in training, unless asked for."""
    plain: dict[str, Any] = {"test_enlargement": 1.0, "start_px": None} if network.only_size is not None else {}
    return replace(plan.recipe, **{name: value for name, value in plain.items() if name not in plan.changed})


def require_whole(recipe: Recipe) -> None:
    """Raise StriateError for another `fit` than the one that shows all of a picture, and nothing else."""
    if recipe.fit not in (None, "stretch"):
        raise StriateError(
            f"fit={recipe.fit} cuts pictures or adds bars, and here all of a picture is asked: leave it out"
        )


def whole_size(network: Network, recipe: Recipe, pictures: Pictures) -> Preprocess:
    """The network's preprocessing at the recipe's size, or at that of the pictures, of which all is seen.

    Of larger ones the longer side is LONGEST_PX. Pictures of another shape are stretched: what is said of a place in
    the network's input holds for the same place in the picture.
    """
    if recipe.size_px is not None:
        size = recipe.size
    else:
        height, width = typical_size_px(pictures)
        scale = min(1.0, LONGEST_PX / max(height, width, 1))
        size = max(network.smallest_px, round(height * scale)), max(network.smallest_px, round(width * scale))
    return replace(network.preprocess, fit="stretch", size=size, resize=size)


def fit_size(network: Network, recipe: Recipe, pictures: Pictures, task: Task = CLASSIFICATION) -> Preprocess:
    """The network's preprocessing at the recipe's size, or at a smaller one where the pictures are smaller.

    Small pictures are not blown up to 224 px: the size becomes the next multiple of 32 that holds half of them, which
    costs a fraction and loses nothing, unless the weights were trained on larger ones; `least_px` at least, and times
    `test_enlargement`. Where the pictures do not fill the usual margin, there is none, and the working size is what
    training ends at, or that multiple of 32: what is larger is enlarged from it on the way into the network. Where
    pictures are not cut (`fit`), their longer side counts, and there is no margin either: all of them is to be seen.
    """
    if task.sees_all:
        require_whole(recipe)
    if network.only_size is not None and recipe.size_px is None:
        return network.preprocess
    if task.at_own_size:
        return whole_size(network, recipe, pictures)
    fit = "stretch" if task.sees_all else recipe.fit or network.preprocess.fit
    own = replace(network.preprocess, fit=fit)
    if recipe.tiles:
        _require_tiles(network, recipe.size)
        return own.at(recipe.size, recipe.size)
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


def _require_tiles(network: Network, size: tuple[int, int]) -> None:
    """Raise StriateError for tiles of another size than the only one that a network takes."""
    only, (height, width) = network.only_size, size
    if only is not None and only != size:
        fits = "x".join(map(str, only))
        raise StriateError(f"{network.label} takes tiles of {fits} px and no others, got {height}x{width}")


def typical_size_px(pictures: Pictures) -> tuple[int, int]:
    """Median height and median width of up to 100 pictures, evenly spread; unreadable ones left out."""
    sizes = sampled_sizes_px(pictures)
    height, width = np.median(sizes, axis=0).round().astype(int).tolist() if sizes else (0, 0)
    return height, width


def typical_side_px(pictures: Pictures, *, longer: bool = False) -> int:
    """Median of the shorter (or longer) sides of up to 100 pictures, evenly spread; unreadable ones left out."""
    sides = list(map(max if longer else min, sampled_sizes_px(pictures)))
    return int(np.median(sides)) if sides else 0


def sampled_sizes_px(pictures: Pictures) -> list[tuple[int, int]]:
    """Height and width of up to 100 pictures, evenly spread; unreadable ones left out."""
    sizes = []
    for index in np.linspace(0, len(pictures) - 1, min(len(pictures), SAMPLED_PICTURES)).round().astype(int).tolist():
        with suppress(DecodeError):
            sizes.append(pictures.size(index))
    return sizes
