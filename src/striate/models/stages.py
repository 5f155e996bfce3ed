"""The stages of a network from the top: which modules belong to each, and what sets them apart in tuning."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from striate.core.errors import unknown_name
from striate.models.network import Network

HEAD = "head"


def without_head(network: Network) -> nn.Sequential:
    """The children of a network up to its last stage, by their names, in order."""
    children = list(network.named_children())
    last = [name for name, _ in children].index(network.features_info[-1].name)
    return nn.Sequential(OrderedDict(children[: last + 1]))


def groups_of(network: Network) -> dict[str, tuple[str, ...]]:
    """Paths of modules by group, from the top: HEAD, then each stage with what leads to it from the stage below.

    Auxiliary heads belong to HEAD.

    >>> from striate.models import create_model
    >>> {name: paths[0] for name, paths in groups_of(create_model("resnet20")).items()}
    {'head': 'avgpool', 'layer3': 'layer3.0.conv1', 'layer2': 'layer2.0.conv1', 'layer1': 'conv1'}
    """
    if network.modules_by_stage is not None:
        return dict(network.modules_by_stage)
    paths = [path for path, module in network.named_modules() if path and is_one(module)]
    auxiliary = tuple(path.partition(".")[0] + "." for path in network.auxiliary_classifiers)
    groups: dict[str, tuple[str, ...]] = {}
    rest = [path for path in paths if not path.startswith(auxiliary)] if auxiliary else paths
    for stage in (feature.name for feature in network.features_info):
        end = max(place for place, path in enumerate(rest) if f"{path}.".startswith(f"{stage}."))
        groups[stage], rest = tuple(rest[: end + 1]), rest[end + 1 :]
    groups[HEAD] = (*rest, *(path for path in paths if auxiliary and path.startswith(auxiliary)))
    return dict(reversed(groups.items()))


def is_one(module: nn.Module) -> bool:
    """Whether a module is a leaf, or has weights besides those of its children."""
    return next(module.children(), None) is None or next(module.parameters(recurse=False), None) is not None


def stages_down_to(network: Network, lowest: str) -> tuple[str, ...]:
    """The stages from the top down to one, which is among them; none for HEAD.

    Raises StriateError, with the nearest name, for what is neither.
    """
    groups = list(groups_of(network))
    if lowest not in groups:
        raise unknown_name(f"stage of {network.label}", lowest, groups)
    return tuple(groups[1 : groups.index(lowest) + 1])


def rate_factors(network: Network, layer_decay: float) -> dict[nn.Parameter, float]:
    """What the rate of every parameter is multiplied by: 1 in the head, layer_decay in the stage below it, and so on.

    What a network holds outside of its layers, as a transformer its positions, counts to the lowest stage.
    Source: Howard and Ruder, "ULMFiT", arXiv:1801.06146, section 3.2, discriminative fine-tuning.
    """
    groups = groups_of(network)
    lowest = layer_decay ** (len(groups) - 1)
    return dict.fromkeys(network.parameters(recurse=False), lowest) | {
        parameter: layer_decay**depth
        for depth, paths in enumerate(groups.values())
        for path in paths
        for parameter in network.get_submodule(path).parameters(recurse=False)
    }


def norms_of(network: Network) -> list[str]:
    """Paths of the batch norms."""
    return [path for path, module in network.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
