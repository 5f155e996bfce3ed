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
        shown_at_most=400_000,
        batch_size=64,
        optimizer="adamw",
        peak_lr=2e-3,
        layer_decay=0.35,
        weight_decay=0.01,
        schedule="one_cycle",
        warmup_epochs=0.5,
        ema_decay=0.99,
        loss=("iou", "l1"),
        label_smoothing=0.1,
        start_px=48,
        full_size_at=0.6,
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
        start_px=None,
        full_size_at=Recipe.full_size_at,
        min_area=0.35,
        max_aspect=4 / 3,
    )
