"""VGG's training section."""

from __future__ import annotations

from striate.training.recipe import Recipe


def vgg_2014() -> Recipe:
    """VGG, Simonyan and Zisserman, arXiv:1409.1556, section 3.1.

    striate train imagenet/ --recipe vgg_2014
    The paper reports 8.8 % top-5 error for column D at one scale. ImageNet was not at hand: tested to train, not to the
    end.
    """
    return Recipe(
        model="vgg16",
        size_px=224,
        epochs=74,
        batch_size=256,
        peak_lr=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        decay_norms_and_biases=True,
        schedule="plateau",
        drop_factor=0.1,
        patience_epochs=5,
        dropout=0.5,
        flip=True,
        lighting_std=0.1,
    )
