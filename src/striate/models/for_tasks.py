"""Which networks are for which task, by their names."""

from __future__ import annotations

from striate.answers.boxes import LOCALISATION
from striate.answers.classes import CLASSIFICATION
from striate.answers.detections import DETECTION
from striate.answers.instances import INSTANCES as SHAPES
from striate.answers.masks import SEGMENTATION as PIXELS
from striate.core.commands import command
from striate.models import DETECTORS, INSTANCES, SEGMENTATION, ZOO
from striate.models.detection import BEGINNING_WITH as DETECTORS_BEGINNING_WITH
from striate.models.instances import BEGINNING_WITH as SHAPES_BEGINNING_WITH
from striate.models.localisation import ONE_BOX, localiser_named
from striate.models.segmentation import BEGINNING_WITH

OTHERS = {PIXELS: BEGINNING_WITH, DETECTION: DETECTORS_BEGINNING_WITH, SHAPES: SHAPES_BEGINNING_WITH}
"""By task, the networks whose first layers are those of a classifier, by its name."""


def task_of(name: str) -> str | None:
    """The task that a network of this name answers; None where the zoo has none of it.

    >>> [task_of(name) for name in ("vgg16", "unet", "vgg16+box", "conv8-relu-gap")]
    ['classification', 'segmentation', 'localisation', None]
    """
    if name in SEGMENTATION:
        return PIXELS
    if name in DETECTORS:
        return DETECTION
    if name in INSTANCES:
        return SHAPES
    if localiser_named(name):
        return LOCALISATION
    return CLASSIFICATION if name in ZOO else None


def beginning_with(classifier: str, task: str) -> str:
    """The network for a task that begins with the weights of a classifier; the classifier itself where there is none.

    >>> tasks = ("segmentation", "detection", "instances", "localisation")
    >>> [beginning_with("quick_regnet26", task) for task in tasks]
    ['quick_fcn', 'quick_detector', 'mask_rcnn_quick_regnet26_fpn', 'quick_regnet26+box']
    """
    if task in OTHERS:
        return OTHERS[task].get(classifier, classifier)
    return classifier + ONE_BOX if task == LOCALISATION and classifier in ZOO else classifier


def instead_of(name: str, task: str) -> str:
    """What does for a task, in place of a network of this name that does not; to end a sentence.

    >>> instead_of("unet", "localisation")
    'resnet18+box does, as any network that `striate models` lists'
    """
    if task == LOCALISATION:
        return f"{name if name in ZOO else 'resnet18'}{ONE_BOX} does, as any network that `striate models` lists"
    return f"{command('models', '--task', task)} lists the networks that do"
