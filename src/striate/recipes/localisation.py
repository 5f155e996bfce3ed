"""The recipes for pictures of one object each and boxes around them."""

from __future__ import annotations

from dataclasses import replace

from striate.training.recipe import Recipe


def quick_box() -> Recipe:
    """The packaged network with a second head for the box: AdamW and one cycle, lower layers far slower; crops of
    two thirds to all of a picture, mirrored and recoloured; IoU and L1 of boxes.

    striate train boxes.csv
    """
    return Recipe(
        model="quick_regnet26+box",
        weights="embedded",
        epochs=20,
        batch_size=64,
        optimizer="adamw",
        peak_lr=2e-3,
        layer_decay=0.35,
        weight_decay=0.01,
        schedule="one_cycle",
        warmup_epochs=1,
        ema_decay=0.99,
        loss=("iou", "l1"),
        label_smoothing=0.1,
        test_flip=True,
        min_area=0.7,
        max_aspect=1.2,
        flip=True,
        jitter=0.2,
    )


def localisation() -> Recipe:
    """The same for any other network, from drawn weights, and smaller crops.

    striate train boxes.csv --model resnet18+box
    """
    return replace(
        quick_box(),
        model="resnet18+box",
        weights=None,
        epochs=40,
        peak_lr=1e-3,
        layer_decay=1.0,
        min_area=0.35,
        max_aspect=4 / 3,
    )
