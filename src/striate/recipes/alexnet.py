"""AlexNet's training section."""

from __future__ import annotations

from striate.training.recipe import Recipe


def alexnet_2012() -> Recipe:
    """AlexNet, Krizhevsky et al., NIPS 2012, sections 4 and 5.

    striate train imagenet/ --recipe alexnet_2012
    The paper reports 18.2 % top-5 error of one network. ImageNet was not at hand: tested to train, not to the end; it
    trains at about 23 images/s on 2 cores (benchmarks/precision.md).
    """
    return Recipe(
        model="alexnet",
        size_px=227,
        epochs=90,
        batch_size=128,
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
