"""Recipes: a paper's training section as a function that returns a frozen record.

Each docstring is the first line of a lab notebook: the paper, the command, what was measured.
"""

from __future__ import annotations

from collections.abc import Callable

from striate.core.errors import unknown_name
from striate.recipes.alexnet import alexnet_2012
from striate.recipes.default import default
from striate.recipes.digits import digits_lenet5
from striate.recipes.fast import fast
from striate.recipes.finetune import finetune, probe
from striate.recipes.localisation import localisation, quick_box
from striate.recipes.mask_rcnn import instances, mask_rcnn
from striate.recipes.quick_detector import detection, quick_detector
from striate.recipes.quick_fcn import quick_fcn
from striate.recipes.quick_labels import quick_labels
from striate.recipes.resnet import cifar_resnet, resnet_2015
from striate.recipes.segmentation import segmentation
from striate.recipes.small_pictures import small_pictures
from striate.recipes.vgg import vgg_2014
from striate.training.recipe import Recipe

RECIPES: dict[str, Callable[[], Recipe]] = {
    "default": default,
    "fast": fast,
    "small_pictures": small_pictures,
    "finetune": finetune,
    "probe": probe,
    "quick_labels": quick_labels,
    "quick_box": quick_box,
    "localisation": localisation,
    "quick_fcn": quick_fcn,
    "segmentation": segmentation,
    "quick_detector": quick_detector,
    "detection": detection,
    "mask_rcnn": mask_rcnn,
    "instances": instances,
    "digits_lenet5": digits_lenet5,
    "alexnet_2012": alexnet_2012,
    "vgg_2014": vgg_2014,
    "resnet_2015": resnet_2015,
    "cifar_resnet": cifar_resnet,
}

__all__ = ["RECIPES", "get_recipe", "list_recipes"]


def list_recipes() -> list[str]:
    """Names of the recipes, `default` first.

    >>> list_recipes()[0]
    'default'
    """
    return list(RECIPES)


def get_recipe(name: str) -> Recipe:
    """A recipe by name. Raises StriateError, with the nearest name, when there is none.

    >>> get_recipe("digits_lenet5").model
    'lenet5'
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]()
