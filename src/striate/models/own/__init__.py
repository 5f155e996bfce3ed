"""Networks of a person's own: from an `nn.Module`, or what makes one, to a network that everything here takes."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from striate.answers.classes import CLASSIFICATION
from striate.answers.masks import SEGMENTATION
from striate.core.errors import StriateError
from striate.core.own_code import OwnCode, Written, as_code
from striate.core.records import Fit, Preprocess
from striate.core.values import shown
from striate.meta.own_lines import place_and_reason
from striate.models.network import Network, replace_classifier
from striate.models.own.last_layers import last_layer, score_layers
from striate.models.own.network import OwnNetwork
from striate.models.own.outputs import answer_of
from striate.models.own.stages import modules_by_stage, stages_of
from striate.models.own.walk import Walk, walk, walk_or_refuse

USUAL_CLASSES = 1000
# Sides in pixels that networks are made for, likelier ones first; the first of them may be tried with numbers.
USUAL_PX = (
    *(224, 32, 28, 64, 96, 128, 256, 299, 227, 384, 48, 36, 40, 56, 60, 72, 80, 84, 100, 112, 120, 144, 150, 160, 180),
    *(192, 200, 240, 288, 300, 320, 336, 400, 416, 448, 480, 512),
)
USUAL_SIZES = tuple((px, px) for px in USUAL_PX)
MOST_RUN = 8
CLASSES_ARGUMENTS = ("num_classes", "classes", "n_classes", "num_labels", "nb_classes", "n_class", "nclass", "c_out")
CROPS: dict[str, Fit] = {"center": "cover", "border": "contain", "squash": "stretch"}
"""timm's words for how a picture of another shape is fitted."""
PROBABILITIES = ("_softmax", "sigmoid")


def code_for(given: Any) -> OwnCode | None:
    """What a person gave as a network: code by its name, or it itself; None for any other text.

    A network that was built here keeps its name: that in the zoo, its pattern, or where its code stands. Raises
    StriateError for what is nothing of the kind.
    """
    if not (isinstance(given, str | OwnCode | nn.Module) or callable(given)):
        raise StriateError(
            "model must be the name of a network, FILE.py:NAME, an nn.Module, or a class or function that makes one, "
            f"got {shown(given)}"
        )
    if isinstance(given, Network) and (given.written or given.architecture):
        return OwnCode(given, given.written or Written(given.architecture))
    return as_code(given)


def own_network(
    code: OwnCode,
    classes: int | None = None,
    in_channels: int | None = None,
    size: tuple[int, int] | None = None,
) -> Network:
    """A network of a person's own, for a number of classes, at a size of pictures.

    code: an `nn.Module`, of which a copy is taken, or what makes one: it is called with the number of classes, as
    num_classes= or another of CLASSES_ARGUMENTS, or as its one argument that has no default. Where it takes none, or
    the module is there, a last layer for other classes is replaced, as its `remarks` say. in_channels, size:
    of the pictures; as `own_preprocess` finds them if not given.
    Raises StriateError, in one sentence, for what is no module, cannot be built, has no weights or cannot run.
    """
    module, told = _module(code, classes)
    if isinstance(module, Network) and not isinstance(module, OwnNetwork):
        return _of_the_zoo(module, code, classes, size)
    behind = module.behind if isinstance(module, OwnNetwork) else module
    refuse_no_network(behind, code.name)
    cast = _in_fp32(behind, code.name)
    if isinstance(module, OwnNetwork):
        preprocess = module.preprocess if size is None else module.preprocess.at(size)
    else:
        preprocess = own_preprocess(behind, code.name, in_channels, size)
    network = OwnNetwork(behind, code.name, preprocess, "", 0)
    network.remarks = cast
    network.written = code.written
    look_at(network, classes, told=told)
    return network


def _module(code: OwnCode, classes: int | None) -> tuple[nn.Module, bool]:
    """The module, and whether it was told the number of classes."""
    thing = getattr(code.thing, "_orig_mod", code.thing)  # what torch.compile has been given
    if isinstance(thing, nn.Module):
        try:
            return copy.deepcopy(thing), False
        except Exception as error:  # whatever a person's code raises
            raise StriateError(
                f"{code.name} cannot be copied ({error}); give what makes it, such as its class"
            ) from error
    if not callable(thing):
        raise StriateError(
            f"{code.name} is {type(thing).__name__}, and no network; give an nn.Module, or a class or function that "
            "makes one for a number of classes"
        )
    arguments, told = _arguments(code, thing, classes)
    try:
        made = _made(thing, arguments)
    except StriateError:
        raise
    except Exception as error:  # whatever a person's code raises
        at, reason = place_and_reason(error)
        raise StriateError(
            f"{code.name} cannot be built: {type(error).__name__}{f': {reason}' if reason else ''}{at}"
        ) from error
    made = getattr(made, "_orig_mod", made)
    if not isinstance(made, nn.Module):
        raise StriateError(f"{code.name} makes {type(made).__name__}, and no nn.Module")
    return made, told


def _made(make: Callable[..., Any], arguments: inspect.BoundArguments) -> Any:
    """What it makes; once more without the number of classes where any keyword is taken, and that one is not."""
    try:
        return make(*arguments.args, **arguments.kwargs)
    except TypeError as error:
        if CLASSES_ARGUMENTS[0] in arguments.signature.parameters or CLASSES_ARGUMENTS[0] not in str(error):
            raise
        return make()


def _arguments(code: OwnCode, make: Callable[..., Any], classes: int | None) -> tuple[inspect.BoundArguments, bool]:
    """What to call it with. Raises StriateError for one that needs more than a number of classes."""
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):  # nobody can say
        signature = inspect.Signature()
    takes = signature.parameters
    named = next((name for name in CLASSES_ARGUMENTS if name in takes), None)
    needed = [
        name
        for name, each in takes.items()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if len(needed) > (named is None or named in needed):
        raise StriateError(
            f"{code.name} needs {', '.join(needed)}, and is given the number of classes alone; give a function that "
            "makes the network of that, or the network itself"
        )
    named = named or next(iter(needed), None)
    if named is None and any(each.kind is each.VAR_KEYWORD for each in takes.values()):
        named = CLASSES_ARGUMENTS[0]  # handed on to what it makes, as timm's and torchvision's builders do
    if named is None or (classes is None and named not in needed):
        return signature.bind(), False
    return _bound(signature, named, USUAL_CLASSES if classes is None else classes), named in takes


def _bound(signature: inspect.Signature, name: str, value: int) -> inspect.BoundArguments:
    if name in signature.parameters and signature.parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY:
        return signature.bind(value)
    return signature.bind(**{name: value})


def _of_the_zoo(network: Network, code: OwnCode, classes: int | None, size: tuple[int, int] | None) -> Network:
    """A network of the zoo that somebody has at hand, or that their function makes."""
    if not network.architecture or not isinstance(code.thing, nn.Module):
        network.architecture, network.written = code.name, code.written
    if classes is not None and classes != network.classes:
        network.reset_classifier(classes)
        network.remarks = (_replaced(network, classes),)
        network.class_names = ()
    if size is not None:
        network.preprocess = network.preprocess.at(size)
        network.require_size(*size)
    return network


def _in_fp32(module: nn.Module, name: str) -> tuple[str, ...]:
    """Make all weights float32, in which runs keep them; says so where they were others."""
    others = {p.dtype for p in module.parameters() if p.is_floating_point()} - {torch.float32}
    if not others:
        return ()
    module.float()
    return (
        f"{name}: its weights were {min(map(str, others)).removeprefix('torch.')} and are float32 now; see --precision",
    )


def refuse_no_network(module: nn.Module, name: str) -> None:
    """Raise StriateError for a module that cannot be trained: without weights, or with none yet."""
    if isinstance(module, torch.jit.ScriptModule):
        raise StriateError(
            f"{name} was compiled by torch.jit, whose modules cannot be looked into; give the module itself"
        )
    parameters = list(module.parameters())
    if any(map(is_lazy, parameters)):
        raise StriateError(f"{name} has lazy layers, whose weights have no shapes yet; run it once on a picture first")
    if not parameters:
        raise StriateError(f"{name} has no parameters, so there is nothing to train")


def own_preprocess(
    module: nn.Module, name: str, in_channels: int | None = None, size: tuple[int, int] | None = None
) -> Preprocess:
    """How pictures become the input of a module: as it says itself, or by what it runs on.

    It says so by an attribute `preprocess`, a `Preprocess`, or by timm's `pretrained_cfg` or `default_cfg`. Else the
    channels are its first convolution's, or 3 or 1, and the size 224 or another usual one, whatever it runs on.
    Raises StriateError, with the line of its own code, where it runs on none of these.
    """
    known = (getattr(each, "in_channels", None) for each in module.modules())
    first = in_channels or next((number for number in known if isinstance(number, int)), None)
    stated = getattr(module, "preprocess", None)
    config = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    if not isinstance(stated, Preprocess) and config is not None:
        stated = _as_configured(config)
    if isinstance(stated, Preprocess):
        stated = stated.for_channels(first or stated.channels)
        return stated if size is None else stated.at(size)
    sizes = (size,) if size else USUAL_SIZES
    tried = [(number, *sides) for sides in sizes for number in ((first,) if first else (3, 1))]
    shape = next((shape for shape in tried if _runs(module, shape, numbers=False)), None)
    shape = shape or next((shape for shape in tried[:MOST_RUN] if _runs(module, shape, numbers=True)), None)
    if shape is None:
        shape = tried[0]
        walk_or_refuse(module, name, shape)  # which says why it cannot
    return Preprocess(shape[1:], shape[1:] if size else (0, 0)).for_channels(shape[0])


def _runs(module: nn.Module, shape: tuple[int, int, int], *, numbers: bool) -> bool:
    try:
        walk(module, shape, numbers=numbers)
    except Exception:  # whatever a person's code raises
        return False
    return True


def _as_configured(config: Any) -> Preprocess:
    """What timm's record says, whatever form it has."""
    get = config.get if isinstance(config, Mapping) else lambda key, default=None: getattr(config, key, default)
    _, height, width = get("input_size") or (3, 224, 224)
    crop = get("crop_pct") or 0.875
    resize = (max(height, round(height / crop)), max(width, round(width / crop)))
    mean, std = get("mean"), get("std")
    plain = Preprocess((height, width), resize, fit=CROPS.get(get("crop_mode") or "center", "cover"))
    return replace(plain, mean=tuple(mean), std=tuple(std)) if mean and std else plain


def look_at(network: OwnNetwork, classes: int | None, *, told: bool) -> None:
    """Find the last layer and the stages of a network, put a last layer for the classes in place, note what is odd.

    told: whether it was built for the number of classes. Raises StriateError where it gives another number of logits
    and has no last layer to replace, or gives no logits.
    """
    seen = walk_or_refuse(network.behind, network.label, (network.in_channels, *network.preprocess.size))
    answer = answer_of(seen.output, network.label)
    network.task, network.answers = SEGMENTATION if answer.of_pixels else CLASSIFICATION, answer.main.shape[1]
    heads = score_layers(seen.calls, network.answers) if answer.of_pixels else ()
    network.classifier_name = heads[-1] if heads else last_layer(seen.calls, network.answers)
    if classes is not None and classes != network.answers:
        alone = len(heads) == 1 + len(answer.auxiliary) if answer.of_pixels else network.classifier_name != ""
        if told or not alone:
            ends = "in several layers of so many" if answer.of_pixels and heads else "in no linear layer"
            why = "although it was given that number" if told else f"and ends {ends} that could be replaced"
            what = "maps of pixels" if answer.of_pixels else "logits"
            raise StriateError(f"{network.label} gives {network.answers} {what} for {classes} classes, {why}")
        network.remarks += (_replaced(network, classes),)
        for path in heads or (network.classifier_name,):
            replace_classifier(network, path, classes)
        network.answers = classes
        seen = walk_or_refuse(network.behind, network.label, (network.in_channels, *network.preprocess.size))
    network.features_info = stages_of(seen.calls, network.preprocess.size, network.classifier_name)
    network.modules_by_stage = modules_by_stage(network, seen.calls, network.features_info)
    network.remarks += odd_things(network, seen)


def _replaced(network: Network, classes: int) -> str:
    return f"{network.label}: its last layer, {network.classifier_name}, is replaced for {classes} classes"


def odd_things(network: OwnNetwork, seen: Walk) -> tuple[str, ...]:
    """What there is to say of a network that a person may not have meant.

    Raises StriateError where nothing of it can be trained.
    """
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise StriateError(f"{network.label}: no parameter takes a gradient (requires_grad), so nothing can be trained")
    remarks = []
    if seen.last_operator in PROBABILITIES:
        remarks.append(
            f"{network.label} ends in {seen.last_operator.strip('_')}, so it gives probabilities where the loss takes "
            "logits; leave that out of its forward"
        )
    with suppress(Exception):  # what fails in training alone is named when it is trained
        if changed := walk(network.behind, (network.in_channels, *network.preprocess.size), training=True).changed:
            remarks.append(
                f"{network.label}: its forward changes {' and '.join(changed[:2])}, which is no part of the state "
                "(register_buffer makes it one), so a run that is resumed may reach other weights"
            )
    return tuple(remarks)
