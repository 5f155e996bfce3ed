"""Batch norms folded into the convolutions before them: the same network, for inference only, with half the walks.

In evaluation a batch norm is a scale and a shift per channel, (x - mean) / sqrt(variance + eps) * gamma + beta, and so
is a part of any convolution whose output it alone reads.
"""

from __future__ import annotations

import copy
from collections import Counter
from contextlib import ExitStack
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from striate.analysis.readers import readers_of
from striate.core.records import Preprocess
from striate.models.network import Network

MOST_DIFFERENCE = 1e-3  # of the largest answer

M = TypeVar("M", bound=nn.Module)


def fold_norms(network: M, shape: tuple[int, int, int]) -> M:
    """A copy in evaluation mode, every `nn.BatchNorm2d` folded that alone reads the output of one `nn.Conv2d`.

    shape: channels, height and width of a picture, for the trace that finds out who reads what. Equal up to rounding.
    Norms that come before their convolution (as in pre-activation networks), read something else, or take the
    statistics of the batch stay as they are. The copy has other keys than the network: it is not for saving.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    >>> fold_norms(network, (3, 8, 8))
    Sequential(
      (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
      (1): Identity()
      (2): ReLU()
    )
    """
    folded = copy.deepcopy(network).eval()
    for conv_path, norm_path in foldable_norms(folded, shape):
        conv, norm = folded.get_submodule(conv_path), folded.get_submodule(norm_path)
        assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)  # noqa: S101 - our own invariant
        _fold(conv, norm)
        parent, _, leaf = norm_path.rpartition(".")
        setattr(folded.get_submodule(parent), leaf, nn.Identity())
    return folded


def inference_form(network: nn.Module, preprocess: Preprocess) -> nn.Module:
    """What answers fastest: the network with its norms folded, or itself, in evaluation mode, where it has none.

    `program.quick.quick_form` puts it to use.
    """
    shape = (preprocess.channels, *preprocess.size)
    if not any(type(module) is nn.BatchNorm2d for module in network.modules()):
        return network.eval()
    if not (isinstance(network, Network) and network.written):
        return fold_norms(network, shape)
    try:
        folded = fold_norms(network, shape)
        return folded if _agree(network.eval(), folded, shape) else network.eval()
    except Exception:  # whatever a network of one's own raises that cannot run without numbers, or cannot be copied
        return network.eval()


@torch.inference_mode()
def _agree(network: nn.Module, folded: nn.Module, shape: tuple[int, int, int]) -> bool:
    """Whether two networks answer alike on two drawn pictures: code of one's own may read weights anywhere."""
    images = torch.randn((2, *shape), generator=torch.Generator().manual_seed(0))
    images = images.to(next(network.parameters()).device)
    theirs, ours = network(images), folded(images)
    return torch.allclose(theirs, ours, rtol=MOST_DIFFERENCE, atol=MOST_DIFFERENCE * float(theirs.abs().max()))


def foldable_norms(network: nn.Module, shape: tuple[int, int, int]) -> list[tuple[str, str]]:
    """Module paths of every convolution and the batch norm that can be folded into it, by one run on meta tensors."""
    paths = {module: path for path, module in network.named_modules()}
    made: dict[int, nn.Conv2d] = {}  # by the output's identity
    read: dict[int, nn.BatchNorm2d] = {}  # by the input's
    calls: Counter[nn.Module] = Counter()
    kept: list[Tensor] = []  # alive, so that no identity is given twice

    def after(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        calls[module] += 1
        if type(module) is nn.Conv2d:  # neither a subclass nor one whose weight is parametrised
            made[id(output)] = module
            kept.append(output)
        elif type(module) is nn.BatchNorm2d and module.running_mean is not None:
            read[id(inputs[0])] = module
            kept.append(inputs[0])

    with ExitStack() as hooks:
        for module in paths:
            hooks.callback(module.register_forward_hook(after).remove)
        readers = readers_of(network, network, shape)
    return [
        (paths[made[tensor]], paths[norm])
        for tensor, norm in read.items()
        if tensor in made and len(readers[tensor]) == 1 and calls[made[tensor]] == calls[norm] == 1
    ]


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Change a convolution so that it gives what the norm after it gave."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None  # noqa: S101 - `foldable_norms` saw to it
    scale = (variance.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    shift = (0.0 if conv.bias is None else conv.bias.double()) - mean.double()
    bias = shift * scale + (0.0 if norm.bias is None else norm.bias.double())
    weight = conv.weight * scale.to(conv.weight.dtype).view(-1, 1, 1, 1)  # keeps its memory layout
    conv.weight = nn.Parameter(weight.detach(), requires_grad=False)
    conv.bias = nn.Parameter(bias.detach().to(weight.dtype), requires_grad=False)
