"""The recipe for a person with pictures of their own and no opinion."""

from __future__ import annotations

from striate.training.recipe import Recipe


def default() -> Recipe:
    """ResNet-18 from scratch: SGD with Nesterov momentum, warm-up and cosine, mild crops, flips and colours.

    striate train photos/
    10 classes of Tiny-ImageNet (400 pictures each, 64 px), 10 epochs: 54.6 and 53.0 % on 500 pictures (seeds 0 and 1)
    in 3 minutes on 2 cores; see docs/measured.md.
    """
    return Recipe(
        model="resnet18",
        epochs=30,
        batch_size=32,
        peak_lr=0.05,
        nesterov=True,
        weight_decay=5e-4,
        schedule="cosine",
        warmup_epochs=1,
        label_smoothing=0.1,
        min_area=0.35,
        max_aspect=4 / 3,
        flip=True,
        jitter=0.2,
    )
