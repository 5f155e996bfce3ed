"""The zoo: one file per paper, and the literal that lists them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from striate.core import bounds
from striate.core.errors import StriateError, unknown_name
from striate.core.on_demand import on_demand
from striate.core.own_code import OwnCode
from striate.models.airbench import airbench94
from striate.models.alexnet import alexnet, alexnet_single
from striate.models.alexnet_tv import alexnet_tv
from striate.models.densenet import (
    densenet40_12,
    densenet100_12,
    densenet100_24,
    densenet121,
    densenet161,
    densenet169,
    densenet201,
    densenet_bc100_12,
    densenet_bc190_40,
    densenet_bc250_24,
)
from striate.models.fractalnet import fractalnet20, fractalnet40
from striate.models.googlenet import googlenet
from striate.models.googlenet_tv import googlenet_tv
from striate.models.imagenet import FILES
from striate.models.inception_v4 import inception_v4
from striate.models.lenet import lenet5
from striate.models.lenet_1998 import lenet5_1998
from striate.models.loading import load
from striate.models.localisation import BOX_PER_CLASS, ONE_BOX, localiser_named, with_box
from striate.models.network import Network, set_dropout
from striate.models.nin import nin, nin_cifar
from striate.models.own import code_for, own_network
from striate.models.pattern import is_pattern, pattern_network
from striate.models.perceptron import mlp, perceptron
from striate.models.quick_regnet import quick_regnet26, quick_regnet29
from striate.models.resnet import (
    plain18,
    plain34,
    resnet18,
    resnet18_a,
    resnet34,
    resnet34_a,
    resnet34_c,
    resnet50,
    resnet50_paper,
    resnet101,
    resnet101_paper,
    resnet152,
    resnet152_paper,
)
from striate.models.resnet_cifar import (
    plain20,
    plain32,
    plain44,
    plain56,
    resnet20,
    resnet32,
    resnet44,
    resnet56,
    resnet110,
    resnet1202,
)
from striate.models.resnext import resnext50_32x4d, resnext101_32x8d, resnext101_64x4d
from striate.models.stored import read_stored, stored_folder
from striate.models.vgg import vgg11, vgg11_bn, vgg11_lrn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg16_c, vgg19, vgg19_bn
from striate.models.weight_files import no_weights
from striate.models.zfnet import zfnet, zfnet_wide

if TYPE_CHECKING:
    from striate.models.detection import DETECTORS
    from striate.models.instances import INSTANCES
    from striate.models.segmentation import BEGINNING_WITH, SEGMENTATION

# fmt: off
NETWORKS: tuple[Callable[..., Network], ...] = (  # one block per paper
    perceptron, mlp,
    lenet5,
    lenet5_1998,
    alexnet, alexnet_single,
    alexnet_tv,
    zfnet, zfnet_wide,
    nin_cifar, nin,
    googlenet,
    googlenet_tv,
    inception_v4,
    vgg11, vgg11_lrn, vgg13, vgg16_c, vgg16, vgg19,
    vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn,
    resnet18, resnet34, resnet50, resnet101, resnet152,
    resnet18_a, resnet34_a, resnet34_c,
    resnet50_paper, resnet101_paper, resnet152_paper,
    plain18, plain34,
    resnet20, resnet32, resnet44, resnet56, resnet110, resnet1202,
    plain20, plain32, plain44, plain56,
    resnext50_32x4d, resnext101_32x8d, resnext101_64x4d,
    densenet121, densenet161, densenet169, densenet201,
    densenet40_12, densenet100_12, densenet100_24,
    densenet_bc100_12, densenet_bc250_24, densenet_bc190_40,
    fractalnet20, fractalnet40,
    airbench94,
    quick_regnet26, quick_regnet29,
)
ZOO = {network.__name__: network for network in NETWORKS}
"""Every network for classification by its name, in the order of the papers; those of other tasks stand in `NAMED`."""

__all__ = [  # noqa: RUF022 - in the order of the zoo; spelt out, as type checkers do not follow `*ZOO`
    "BEGINNING_WITH", "DETECTORS", "FILES", "INSTANCES", "NAMED", "SEGMENTATION", "ZOO",
    "Network", "architecture_of", "create_model", "list_models", "set_dropout",
    "perceptron", "mlp",
    "lenet5",
    "lenet5_1998",
    "alexnet", "alexnet_single",
    "alexnet_tv",
    "zfnet", "zfnet_wide",
    "nin_cifar", "nin",
    "googlenet",
    "googlenet_tv",
    "inception_v4",
    "vgg11", "vgg11_lrn", "vgg13", "vgg16_c", "vgg16", "vgg19",
    "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn",
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
    "resnet18_a", "resnet34_a", "resnet34_c",
    "resnet50_paper", "resnet101_paper", "resnet152_paper",
    "plain18", "plain34",
    "resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet1202",
    "plain20", "plain32", "plain44", "plain56",
    "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
    "densenet121", "densenet161", "densenet169", "densenet201",
    "densenet40_12", "densenet100_12", "densenet100_24",
    "densenet_bc100_12", "densenet_bc250_24", "densenet_bc190_40",
    "fractalnet20", "fractalnet40",
    "airbench94",
    "quick_regnet26", "quick_regnet29",
]
# fmt: on
__getattr__ = on_demand(  # as long to import as all of the zoo, and most runs are of one of that
    __name__,
    {
        "DETECTORS": "striate.models.detection",
        "INSTANCES": "striate.models.instances",
        "BEGINNING_WITH": "striate.models.segmentation",
        "SEGMENTATION": "striate.models.segmentation",
    },
)


class _Named(Mapping[str, Callable[..., Network]]):
    """Every network that `create_model` knows, whatever its task: the zoo, and those that are imported when asked."""

    def __getitem__(self, name: str) -> Callable[..., Network]:
        return ZOO[name] if name in ZOO else _of_other_tasks()[name]

    def __iter__(self) -> Iterator[str]:
        yield from ZOO
        yield from _of_other_tasks()

    def __len__(self) -> int:
        return len(ZOO) + len(_of_other_tasks())


NAMED = _Named()


@cache
def _of_other_tasks() -> dict[str, Callable[..., Network]]:
    from striate.models.detection import DETECTORS
    from striate.models.instances import INSTANCES
    from striate.models.segmentation import SEGMENTATION

    return {**SEGMENTATION, **DETECTORS, **INSTANCES}


def list_models(pattern: str = "*", task: str = "classification") -> list[str]:
    """Names of the networks for a task, in the order of the zoo, that match a shell pattern.

    Raises StriateError for a task without networks.

    >>> list_models("vgg*_bn")
    ['vgg11_bn', 'vgg13_bn', 'vgg16_bn', 'vgg19_bn']
    >>> list_models("fcn*s", task="segmentation")
    ['fcn32s', 'fcn16s', 'fcn8s']
    >>> list_models("quick*", task="detection")
    ['quick_detector']
    """
    from striate.models.detection import DETECTORS
    from striate.models.instances import INSTANCES
    from striate.models.segmentation import SEGMENTATION

    by_task = {"classification": [*ZOO], "segmentation": [*SEGMENTATION], "detection": [*DETECTORS]}
    by_task["instances"] = [*INSTANCES]
    by_task["localisation"] = [f"{name}{ending}" for name in ZOO for ending in (ONE_BOX, BOX_PER_CLASS)]
    if task not in by_task:
        raise unknown_name("task", task, by_task)
    return [name for name in by_task[task] if fnmatchcase(name, pattern)]


Model = str | nn.Module | Callable[..., nn.Module] | OwnCode
"""What a network is named by: its name in the zoo, FILE.py:NAME of a person's own, or that itself."""
OWN = "own"
"""As weights: those that a network of a person's own comes with."""


def create_model(
    name: Model,
    classes: int | None = None,
    in_channels: int | None = None,
    size: tuple[int, int] | None = None,
    weights: str | Path | None = None,
) -> Network:
    """Build a network of the zoo or of a pattern, or take one of a person's own.

    name: one of `NAMED`, for localisation with +box or +boxes behind it; a pattern, as `striate.models.pattern` has it;
    FILE.py:NAME or PACKAGE.MODULE:NAME; an `nn.Module`, of which a copy is taken; or a class or a function that makes
    one, as `own_network` has it. classes, in_channels: the paper's when not given. size: height and width in pixels
    that it will be used at; the paper's when not given (`model.preprocess` carries it). weights: None for the paper's
    initialisation, drawn from torch's global generator; "own" for those that a network of one's own has; "embedded" for
    those of the package (of quick_regnet26); a run folder; a safetensors or torch file; or "imagenet" (some also
    "imagenet_v2") for the published file, fetched into torch hub's folder if it is not there. A head of another size,
    or none, is enough when `classes` is given; otherwise the network takes the number of classes of the weights. Other
    prefixes, and a last layer of another name, are taken and said. Of "embedded" and of a run, preprocessing and class
    names come with them. A network for segmentation takes those of the classifier whose layers it begins with
    (`Network.begins_with`).
    Raises StriateError for an unknown name, a number below 1, a size that does not fit, weights that do not fit.

    >>> create_model("resnet18", classes=7, size=(64, 64)).preprocess.size
    (64, 64)
    """
    code = code_for(name)
    label = name if isinstance(name, str) else code.name if code else ""
    if code is None and label.endswith((".py", ".py:")):
        raise StriateError(
            f"{label} names a file and nothing in it; give FILE.py:NAME, such as {label.rstrip(':')}:Net"
        )
    boxed = localiser_named(label) if code is None else None
    if code is None and (boxed.body if boxed else label) not in (ZOO if boxed else NAMED) and not is_pattern(label):
        raise unknown_name("model", label, NAMED, "`striate models`")
    if code is None and weights == OWN:
        raise StriateError(
            f"weights {OWN!r} are those that a network of your own comes with, and {label} has none; see --weights"
        )
    sides = [("size", side, bounds.SIDE_PX) for side in size or ()]
    numbers = [("classes", classes, bounds.CLASSES), ("in_channels", in_channels, bounds.CHANNELS), *sides]
    for what, number, (low, high) in numbers:
        if number is not None and not low <= number <= high:
            limit = f"at least {low}" if number < low else f"at most {high:,}"
            raise StriateError(f"{label}: {what} must be {limit}, got {number}")
    if code is not None:
        model = own_network(code, classes, in_channels, size)
    elif boxed is not None:
        of_both = weights is not None and stored_folder(weights) is not None and architecture_of(weights) == label
        body = create_model(boxed.body, classes, in_channels, size, None if of_both else weights)
        model, weights = with_box(body, boxed.ending), weights if of_both else None
    else:
        model = _drawn(label, classes, in_channels, size)
    if weights not in (None, OWN):
        load(model, weights, classes, size)
    return model


def _drawn(name: str, classes: int | None, in_channels: int | None, size: tuple[int, int] | None) -> Network:
    build = NAMED[name] if name in NAMED else partial(pattern_network, name)
    asked: dict[str, Any] = {"classes": classes, "in_channels": in_channels}
    if "size" in inspect.signature(build).parameters:
        asked["size"] = size
    model = build(**{key: value for key, value in asked.items() if value is not None})
    model.architecture = model.architecture or name
    if size is not None and size != model.preprocess.size:
        model.preprocess = model.preprocess.at(size)
        model.require_size(*size)
    return model


def is_drawn(name: str) -> bool:
    """Whether a name is of a network with drawn weights: a named one, or a pattern that is no file's name.

    >>> is_drawn("resnet18"), is_drawn("conv8-relu-gap"), is_drawn("embedded")
    (True, True, False)
    """
    boxed = localiser_named(name)
    return name in NAMED or (boxed is not None and boxed.body in ZOO) or (is_pattern(name) and not Path(name).exists())


def architecture_of(weights: str | Path) -> str:
    """The network that weights are of; "imagenet" are of many, and stand for resnet18.

    Raises StriateError for a file, which does not say so.

    >>> architecture_of("imagenet")
    'resnet18'
    """
    if (folder := stored_folder(weights)) is not None:
        stored = read_stored(folder)
        if stored.config.code is not None:
            raise StriateError(
                f"the weights in {weights} are those of {stored.architecture}, code of your own, which only runs when "
                f"it is named: --model {stored.config.code.flagged}"
            )
        return stored.architecture
    if weights == OWN:
        raise StriateError(f"weights {OWN!r} are those of a network of your own; name it by --model FILE.py:NAME")
    if weights in FILES:
        return "resnet18" if weights == "imagenet" else "resnet50"
    if Path(weights).is_file():
        raise StriateError(f"{weights} does not say of which network its weights are; name it by --model")
    raise no_weights(weights)
