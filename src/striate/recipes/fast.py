"""The recipe for small pictures and little time."""

from __future__ import annotations

from striate.training.recipe import Recipe


def fast() -> Recipe:
    """A small residual network on pictures of 32 to 64 px, with what the record holders of short training use.

    striate train tiny-imagenet/ --recipe fast
    Muon and one cycle (Jordan, arXiv:2404.00498 and 2024; Smith, arXiv:1708.07120), growing pictures, alternating
    flips, label smoothing, averaged weights, test pictures a quarter larger than training's (Touvron et al.,
    arXiv:1906.06423), an answer averaged over the mirror image; a whitened first layer by --set whiten=true.
    """
    return Recipe(
        model="quick_regnet26",
        epochs=21,
        batch_size=256,
        optimizer="muon",
        peak_lr=0.2,
        muon_lr=0.02,
        muon_decay=0.02,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="one_cycle",
        warmup_epochs=2,
        ema_decay=0.998,
        validate_every_epochs=11,
        label_smoothing=0.1,
        least_px=48,
        start_px=32,
        full_size_at=0.75,
        test_enlargement=1.25,
        test_flip=True,
        min_area=0.3,
        max_aspect=4 / 3,
        flip_alternately=True,
    )
