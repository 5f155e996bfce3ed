"""The recipe for pictures of about 32 px and some minutes."""

from __future__ import annotations

from striate.training.recipe import Recipe


def small_pictures() -> Recipe:
    """Eight layers on pictures of 32 px, after the record of short training on CIFAR-10: what `fast` is for these.

    striate train cifar10/ --recipe fast
    Network, whitened first layer, alternating flips, shifts by 2 px and label smoothing of 0.2 from Jordan,
    arXiv:2404.00498; Muon (Jordan 2024) in place of SGD; an answer averaged over the mirror image. docs/fast.md says
    what each choice brings.
    """
    return Recipe(
        model="airbench94",
        epochs=10,
        batch_size=256,
        optimizer="muon",
        peak_lr=0.5,
        muon_lr=0.24,
        momentum=0.6,
        weight_decay=1e-3,
        schedule="one_cycle",
        warmup_epochs=2,
        validate_every_epochs=5,
        label_smoothing=0.2,
        whiten=True,
        test_flip=True,
        crop_padding_px=2,
        flip_alternately=True,
    )
