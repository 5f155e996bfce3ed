"""The recipe for pictures with any number of labels each."""

from __future__ import annotations

from striate.training.recipe import Recipe


def quick_labels() -> Recipe:
    """The packaged network with a new head: AdamW and one cycle, lower layers far slower; crops of half to all of a
    picture, mirrored and recoloured.

    striate train labels.csv
    """
    return Recipe(
        model="quick_regnet26",
        weights="embedded",
        epochs=20,
        shown_at_most=400_000,
        batch_size=32,
        optimizer="adamw",
        peak_lr=2e-3,
        layer_decay=0.35,
        weight_decay=0.01,
        schedule="one_cycle",
        warmup_epochs=0.5,
        ema_decay=0.99,
        test_flip=True,
        min_area=0.5,
        max_aspect=4 / 3,
        flip=True,
        jitter=0.2,
    )
