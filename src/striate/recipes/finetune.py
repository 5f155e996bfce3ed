"""Recipes that begin from weights which were trained on other pictures."""

from __future__ import annotations

from dataclasses import replace

from striate.training.recipe import Recipe


def finetune() -> Recipe:
    """Staged fine-tuning: the head alone on cached features, then stages from the top at a tenth of the usual rate.

    striate train photos/ --weights embedded
    Yosinski et al., arXiv:1411.1792; gradual unfreezing and lower rates for lower layers are Howard and Ruder's,
    arXiv:1801.06146, section 3. The head alone stays the result where tuning does not better it on validation. Batch
    norms keep their statistics: those of a few pictures differ from batch to batch, and the head was solved on these.
    """
    return Recipe(
        model="quick_regnet26",
        weights="embedded",
        staged=True,
        keep_statistics=True,
        epochs=20,
        batch_size=32,
        optimizer="adamw",
        peak_lr=3e-4,
        layer_decay=0.5,
        weight_decay=0.01,
        schedule="cosine",
        warmup_epochs=3,
        ema_decay=0.98,
        best_by="loss",
        stop_after_epochs=6,
        test_flip=True,
        min_area=0.35,
        max_aspect=4 / 3,
        flip=True,
        jitter=0.2,
    )


def probe() -> Recipe:
    """Features off the shelf and a linear classifier, its strength cross-validated; nothing of the network is tuned.

    striate train photos/ --recipe probe --layer layer2,last
    Donahue et al., "DeCAF", arXiv:1310.1531; Razavian et al., arXiv:1403.6382. Seconds, and hard to beat on few
    pictures.
    """
    return replace(finetune(), unfreeze_to="head")
