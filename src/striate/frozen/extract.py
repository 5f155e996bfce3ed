"""What the layers of a network make of pictures, as one vector per picture and layer.

Off-the-shelf features: Donahue et al., "DeCAF", arXiv:1310.1531; Razavian et al., arXiv:1403.6382. The vectors feed
linear classifiers (`striate.frozen.linear`), maps and neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from striate.core.records import Preprocess
from striate.data.picture import normalise, to_network_size
from striate.models import Network
from striate.models.linear_probe import PRE_LOGITS, read_layers, require_layers
from striate.runtime.folding import inference_form
from striate.runtime.runtime import Runtime


def depths_of(network: Network) -> tuple[str, ...]:
    """The stages of a network from the pictures up, then PRE_LOGITS: where its features are looked at by depth.

    >>> from striate.models import create_model
    >>> depths_of(create_model("resnet20"))
    ('layer1', 'layer2', 'last')
    """
    stages = [feature.name for feature in network.features_info]
    return (*stages[:-1], PRE_LOGITS)


@torch.inference_mode()
def features_of(
    network: Network, pictures: Iterable[Tensor], preprocess: Preprocess, layers: Sequence[str], runtime: Runtime
) -> dict[str, Tensor]:
    """Float32 (N, channels) on the CPU for each layer, maps averaged over their places.

    pictures: uint8 (n, C, h, w) each, of the working size. Raises StriateError for a layer that there is not.
    The network is left as it was.
    """
    images = (normalise(to_network_size(batch, preprocess), preprocess) for batch in pictures)
    return images_features(network, images, layers, runtime)


@torch.inference_mode()
def images_features(
    network: Network, images: Iterable[Tensor], layers: Sequence[str], runtime: Runtime
) -> dict[str, Tensor]:
    """The same of what the network sees, float (n, C, H, W) each."""
    require_layers(network, layers)
    was_training, form = network.training, form_for(network, layers)
    rows: list[list[Tensor]] = []
    for batch in images:
        with runtime.autocast():
            vectors = read_layers(form, runtime.images(runtime.move(batch)), layers)
        rows.append([vector.float().cpu() for vector in vectors])
    network.train(was_training)
    if not rows:
        return {layer: torch.empty(0, 0) for layer in layers}
    return {layer: torch.cat(column) for layer, column in zip(layers, zip(*rows, strict=True), strict=True)}


def form_for(network: Network, layers: Sequence[str]) -> Network:
    """The network's inference form, as quick as can be; itself where a layer inside a stage is asked for, whose output
    folding may change. Whoever looks at many views makes it once: finding out what can be folded takes a while.
    """
    network.eval()
    if set(layers) <= {PRE_LOGITS, *(feature.name for feature in network.features_info)}:
        form = inference_form(network, network.preprocess)
        assert isinstance(form, Network)  # noqa: S101 - our own invariant: a copy
        return form
    return network
