"""Statistics of batch norms of weights that no training has run with: estimated on training pictures."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.dataset import Dataset
from striate.data.picture import to_batch
from striate.data.streaming import BATCH_SIZE, Undecoded, read_batches
from striate.runtime.inference import network_input
from striate.runtime.runtime import Runtime

PICTURES = 1024  # their places make some 50,000 numbers for each channel of the last maps, 7x7


def some_pictures(dataset: Dataset, preprocess: Preprocess) -> Tensor:
    """Up to PICTURES training pictures, evenly from all, uint8 (N, C, h, w); those that cannot be read are left out.

    Raises StriateError where there are none.
    """
    train = dataset.splits.get("train", ())
    if not len(train):
        raise StriateError(
            f"{dataset.source} has no training pictures, and on these the statistics of batch norms are estimated that "
            "a mean of weights needs; name data that has some"
        )
    chosen = train[np.linspace(0, len(train) - 1, min(PICTURES, len(train)), dtype=np.int64)]
    given = (Undecoded(dataset.pictures.name(i), partial(dataset.pictures.decode, i)) for i in chosen.tolist())
    return to_batch(np.concatenate([batch.pictures for batch in read_batches(given, preprocess)]))


def norms_of(network: nn.Module) -> list[_BatchNorm]:
    """The batch norms of a network that keep statistics."""
    return [each for each in network.modules() if isinstance(each, _BatchNorm) and each.track_running_stats]


def statistics_of(network: nn.Module) -> list[str]:
    """Names of the means and variances that batch norms keep."""
    norms = {path for path, each in network.named_modules() if isinstance(each, _BatchNorm)}
    return [name for name, _ in network.named_buffers() if name.rpartition(".")[0] in norms and "running" in name]


@torch.no_grad()
def estimate_anew(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> None:
    """Have every batch norm of a network in evaluation mode keep the mean statistics over some pictures.

    pictures: uint8 (N, C, h, w) of the working size; batches are of BATCH_SIZE, a smaller rest is left out.

    >>> network = nn.Sequential(nn.BatchNorm2d(1)).eval()
    >>> pictures, grey = torch.full((32, 1, 2, 2), 255, dtype=torch.uint8), Preprocess((2, 2), (2, 2), (0.5,), (0.5,))
    >>> estimate_anew(network, pictures, grey, Runtime("cpu", "fp32", channels_last=False, threads=1))
    >>> network[0].running_mean.item(), network.training
    (1.0, False)
    """
    norms = norms_of(network)
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for the mean of all batches
        norm.train()
    whole = [some for some in torch.split(pictures, BATCH_SIZE) if len(some) in (BATCH_SIZE, len(pictures))]
    with runtime.processor_threads():
        for some in whole:
            network(network_input(some, preprocess, runtime))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
