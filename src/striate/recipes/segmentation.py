"""The recipe for networks for segmentation that begin with drawn weights."""

from __future__ import annotations

from striate.training.recipe import Recipe


def segmentation() -> Recipe:
    """A network for segmentation on whole pictures: AdamW, cosine, crops of half to all of a picture, flips, colours.

    striate train camvid/ --model fcn8s
    """
    return Recipe(
        model="unet_bn",
        epochs=40,
        batch_size=4,
        optimizer="adamw",
        peak_lr=1e-3,
        weight_decay=0.01,
        schedule="cosine",
        warmup_epochs=1,
        ema_decay=0.99,
        min_area=0.25,
        max_aspect=4 / 3,
        flip=True,
        jitter=0.2,
    )
