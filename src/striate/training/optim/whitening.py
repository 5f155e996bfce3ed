"""A first layer that whitens: its filters are the principal patches of the pictures, scaled to unit variance."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.batches import Batches
from striate.data.picture import normalise, to_batch, to_network_size
from striate.models import Network

SAMPLED_PICTURES = 2_000
SAMPLED_PATCHES = 200_000
FLOOR = 0.01  # of the mean eigenvalue, added to each: the weakest patterns are mostly noise of the JPEG files


def whiten_first_layer(network: Network, train: Batches, preprocess: Preprocess, seed: int) -> None:
    """Set the filters of the first convolution to whitening ones and freeze them.

    The strongest patterns come first, each once with either sign, so that nothing is lost in the ReLU that follows;
    filters beyond these keep their drawn values. The same for the same pictures and seed.
    Raises StriateError when the network does not begin with a convolution over the pictures.
    Source: Jordan, arXiv:2404.00498, section 3.1, after Page's "How to train your ResNet", part 8 (2019).
    """
    layer = first_convolution(network)
    chosen = np.random.default_rng([seed, 1]).permutation(train.indices)[:SAMPLED_PICTURES]
    pictures = to_network_size(to_batch(train.working.take(np.sort(chosen), {})), preprocess)
    filters = whitening_filters(normalise(pictures, preprocess), layer, seed)
    with torch.no_grad():
        layer.weight[: len(filters)] = filters.to(layer.weight)
    layer.requires_grad_(False)


def first_convolution(network: Network) -> nn.Conv2d:
    """The layer that reads the pictures. Raises StriateError when it is not a plain convolution."""
    layer = next((m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))), None)
    if not isinstance(layer, nn.Conv2d) or layer.in_channels != network.in_channels or layer.groups != 1:
        raise StriateError(
            f"whiten needs a network that begins with a convolution over the pictures; {network.label} does not. "
            "Leave it out: --set whiten=false"
        )
    return layer


def whitening_filters(images: Tensor, layer: nn.Conv2d, seed: int) -> Tensor:
    """Filters (2 n, channels, height, width) that give the patches of `images` unit variance and no correlation.

    n: half of the layer's filters, at most the numbers in a patch. The second n are the negatives of the first.

    >>> filters = whitening_filters(torch.randn(8, 3, 16, 16), nn.Conv2d(3, 8, 2), seed=0)
    >>> filters.shape, bool((filters[:4] == -filters[4:]).all())
    (torch.Size([8, 3, 2, 2]), True)
    """
    height, width = layer.kernel_size
    stride = (layer.stride[0], layer.stride[1])
    patches = F.unfold(images, (height, width), stride=stride).transpose(1, 2).flatten(0, 1)
    generator = torch.Generator().manual_seed(seed)
    patches = patches[torch.randperm(len(patches), generator=generator)[:SAMPLED_PATCHES]].double()
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))  # the weakest first
    count = min(layer.out_channels // 2, len(values))
    scaled = vectors / (values + FLOOR * values.mean()).sqrt()
    filters = scaled.T.flip(0)[:count].reshape(count, layer.in_channels, height, width)
    return torch.cat([filters, -filters])
