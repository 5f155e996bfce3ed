"""Weights into networks: whose names differ, whose heads differ, and the refusal of all that does not fit."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.models.network import Network
from striate.models.weight_files import SHOWN, read_weights

COUNTERS = "num_batches_tracked"  # of batch norms, which old files lack

log = logging.getLogger("striate")


def classes_in(model: Network, tensors: dict[str, Tensor]) -> int | None:
    """The number of classes of the head in a state dict; None when it has none that fits the network."""
    for key, value in model.get_classifier().state_dict(prefix=f"{model.classifier_name}.").items():
        if key in tensors and tensors[key].shape[1:] == value.shape[1:]:
            return model.classes_of(tensors[key].shape[0])
    return None


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill a network from a weight file; the head's number of classes may differ, all else must be its own.

    A head of another size stays as it is in the network, and a line of the log says so.
    Raises StriateError that lists the keys that are missing, unexpected or of another shape.
    """
    fit_in(model, named_for(model, read_weights(path), str(path)), source=str(path))


def named_for(model: nn.Module, tensors: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """The tensors under the network's own names, where they stand under others: each change is a line of the log.

    A prefix under which the network's names stand, such as "model." of Lightning, is taken off, with what stands beside
    it. A last layer of another name is taken for the network's where its shapes are the same but for the classes.
    """
    if isinstance(model, Network):
        tensors = _with_own_names(model, tensors, source)
    tensors = _without_prefix(model, tensors, source)
    return _with_own_head(model, tensors, source) if isinstance(model, Network) else tensors


def _with_own_names(model: Network, tensors: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """The tensors of layers that another library calls otherwise; a linear layer may be a convolution there."""
    own, found = model.state_dict(), dict[str, Tensor]()
    for name, tensor in tensors.items():
        path, _, leaf = name.rpartition(".")
        there = next((each for each in model.names_elsewhere if path == each or path.endswith(f".{each}")), None)
        if there is None:
            found[name] = tensor
            continue
        here = f"{model.names_elsewhere[there]}.{leaf}"
        linear = here in own and own[here].dim() == 2 and tensor.dim() == 4
        found[path.removesuffix(there) + here] = tensor.flatten(1) if linear else tensor
    if found.keys() != tensors.keys():
        called = ", ".join(f"{there} is {here}" for there, here in model.names_elsewhere.items())
        log.warning("%s: layers have other names than in %s: %s", source, model.label, called)
    return found


def _without_prefix(model: nn.Module, tensors: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    body = _body(model)
    if not body or body <= tensors.keys():
        return tensors
    first = min(body)
    prefixes = [name.removesuffix(first) for name in tensors if name.endswith(f".{first}")]
    fitting = [prefix for prefix in prefixes if all(prefix + name in tensors for name in body)]
    if not fitting:
        return tensors
    prefix = min(fitting, key=len)
    inside = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    left = len(tensors) - len(inside)
    others = f"; {counted(left, 'tensor')} beside them {'is' if left == 1 else 'are'} left out" if left else ""
    log.warning("%s: the names stand under %r, which is taken off%s", source, prefix, others)
    return inside


def _body(model: nn.Module) -> set[str]:
    """Names of the tensors that every file of these weights has: neither heads nor counters."""
    heads: tuple[str, ...] = ()
    if isinstance(model, Network):
        auxiliary = {path.partition(".")[0] for path in model.auxiliary_classifiers}
        heads = tuple(f"{path}." for path in (model.classifier_name, *auxiliary))
    return {name for name in model.state_dict() if not name.startswith(heads) and not name.endswith(COUNTERS)}


def _with_own_head(model: Network, tensors: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    own = model.state_dict()
    head = {name.rpartition(".")[2]: own[name] for name in own if name.startswith(f"{model.classifier_name}.")}
    if any(f"{model.classifier_name}.{leaf}" in tensors for leaf in head):
        return tensors
    foreign = [name for name in tensors if name not in own]
    for path in dict.fromkeys(name.rpartition(".")[0] for name in foreign):
        named = {leaf: f"{path}.{leaf}" for leaf in head}
        alike = all(name in tensors and tensors[name].shape[1:] == head[leaf].shape[1:] for leaf, name in named.items())
        if path and alike and set(foreign) == set(named.values()):
            log.warning(
                "%s: %s is taken for the last layer, which %s calls %s",
                source,
                path,
                model.label,
                model.classifier_name,
            )
            return {
                f"{model.classifier_name}.{name.rpartition('.')[2]}" if name in foreign else name: tensor
                for name, tensor in tensors.items()
            }
    return tensors


def fit_in(model: nn.Module, tensors: dict[str, Tensor], source: str, *, new_head: bool = False) -> None:
    """`fill`, with what weight files of other libraries may lack or have otherwise: counters and heads.

    new_head: whether the network's head is to be trained anyway, so that a file without one is enough.
    """
    own = model.state_dict()
    counters = {key: value for key, value in own.items() if key.endswith(COUNTERS)}
    tensors = {**counters, **tensors}
    if isinstance(model, Network):
        for path in model.auxiliary_classifiers:
            part = path.partition(".")[0] + "."
            if not any(key.startswith(part) for key in tensors.keys() - counters.keys()):
                tensors.update({key: value for key, value in own.items() if key.startswith(part)})
        for path in (model.classifier_name, *model.auxiliary_classifiers):
            tensors.update(_fresh_head(model, path, own, tensors, source, new_head=new_head))
        _refuse_without_head(model, own, tensors, source)
    fill(model, tensors, source)


def _refuse_without_head(model: Network, own: dict[str, Tensor], tensors: dict[str, Tensor], source: str) -> None:
    """Raise StriateError for the network's tensors without those of its last layer, and nothing else."""
    body = {key for key in own if not key.startswith(f"{model.classifier_name}.")}
    if tensors.keys() == body != own.keys() and all(tensors[key].shape == own[key].shape for key in body):
        raise StriateError(
            f"{source} holds {model.architecture} without its last layer ({model.classifier_name}), so it names no "
            "class: it cannot be evaluated or predicted with, only trained from (--weights)"
        )


def _fresh_head(
    model: Network, path: str, own: dict[str, Tensor], tensors: dict[str, Tensor], source: str, *, new_head: bool
) -> dict[str, Tensor]:
    """The network's own tensors of a head that the file lacks or has with other classes, otherwise nothing."""
    head = {key: value for key, value in own.items() if key.startswith(f"{path}.")}
    if new_head and not head.keys() & tensors.keys():
        log.warning("%s: %s holds no head; %s starts fresh", model.label, source, path)
        return head
    for key, value in head.items():
        other = tensors.get(key)
        if other is None or other.shape[1:] != value.shape[1:]:
            return {}
    classes = {value.shape[0]: tensors[key].shape[0] for key, value in head.items()}
    if all(mine == theirs for mine, theirs in classes.items()):
        return {}
    if path == model.classifier_name or model.classes_of(1) == 1:  # of layers beside it that are larger, no word
        mine, theirs = map(model.classes_of, next(iter(classes.items())))
        log.warning(
            "%s: %s has %d classes in %s; its %d-class head starts fresh", model.label, path, theirs, source, mine
        )
    return head


def begin(model: Network, tensors: Mapping[str, Tensor], source: str) -> None:
    """Fill the first layers of a network with those that it may begin with. Raises StriateError, by their source."""
    try:
        model.begin_with(tensors)
    except StriateError as error:
        raise StriateError(
            f"{source} holds the weights neither of {model.architecture} nor of {model.begins_with}, with which it may "
            f"begin; name others ({error})"
        ) from error


def fill_body(body: nn.Module, tensors: Mapping[str, Tensor], source: str, prefix: str = "") -> None:
    """Fill the first layers of a network, by the names of their children, from a state dict of all of it.

    prefix: what stands before these names there. Raises StriateError that names what differs.
    """
    children = tuple(f"{prefix}{name}." for name, _ in body.named_children())
    own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(children)}
    fill(body, own, source)


def fill(model: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Fill a network from tensors by name, all of them and no others; `source` names them in the error.

    Raises StriateError that names what differs, one missing and one unexpected tensor first.
    """
    own = model.state_dict()
    missing = [f"missing {key} {tuple(own[key].shape)}" for key in own if key not in tensors]
    unexpected = [f"unexpected {key} {tuple(tensors[key].shape)}" for key in tensors if key not in own]
    other_shapes = [
        f"{key} is {tuple(tensors[key].shape)}, the network has {tuple(own[key].shape)}"
        for key in own
        if key in tensors and tensors[key].shape != own[key].shape
    ]
    problems = [*missing[:1], *unexpected[:1], *other_shapes, *missing[1:], *unexpected[1:]]
    if problems:
        name = getattr(model, "architecture", "") or type(model).__name__
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise StriateError(f"the weights in {source} are not those of {name}: {'; '.join(problems[:SHOWN])}{more}")
    model.load_state_dict(tensors)
