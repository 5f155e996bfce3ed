"""Our own network for segmentation: the recipe for a person with pictures and masks and no opinion."""

from __future__ import annotations

from striate.training.recipe import Recipe


def quick_fcn() -> Recipe:
    """`quick_fcn` from the packaged weights: Muon, cosine, parts of a fifth to all of a picture at two thirds of its
    size, mirrored and recoloured; whole pictures in use.

    striate train camvid/
    CamVid, validation: 76.8 % mean IoU (95 % interval 76.1 to 77.4) in 54 minutes on one core of an AMD EPYC; these
    pictures are of a drive that is trained on too. benchmarks/segmentation.md; choices: docs/segmentation.md.
    """
    return Recipe(
        model="quick_fcn",
        weights="embedded",
        epochs=100,
        batch_size=8,
        optimizer="muon",
        peak_lr=0.05,
        muon_lr=0.01,
        momentum=0.9,
        schedule="cosine",
        warmup_epochs=2,
        ema_decay=0.995,
        validate_every_epochs=5,
        test_enlargement=1.5,
        min_area=0.2,
        max_aspect=1.1,
        flip=True,
        jitter=0.2,
    )
