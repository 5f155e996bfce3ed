"""VGG's training section."""

from __future__ import annotations

from dataclasses import replace

from striate.recipes.alexnet import alexnet_2012
from striate.training.recipe import Recipe


def vgg_2014() -> Recipe:
    """VGG, Simonyan and Zisserman, arXiv:1409.1556, section 3.1.

    Training "generally follows Krizhevsky et al. (2012)", so this is AlexNet's recipe (rate and drops, momentum, decay,
    dropout, flips, colours) with larger batches and fewer epochs.

    striate train imagenet/ --recipe vgg_2014
    The paper reports 8.8 % top-5 error for column D at one scale. ImageNet was not at hand: tested to train, not to the
    end.
    """
    return replace(alexnet_2012(), model="vgg16", size_px=224, epochs=74, batch_size=256)
