"""The optimisers by name, and the rates that each is usually begun with."""

from __future__ import annotations

USUAL_RATES = {
    "sgd": 0.05,  # as most recipes here have it
    "adagrad": 0.01,  # torch's; Duchi et al. have none
    "adadelta": 1.0,  # Zeiler, arXiv:1212.5701, has no rate, which is 1
    "rmsprop": 1e-3,
    "adam": 1e-3,  # Kingma and Ba, arXiv:1412.6980
    "adamw": 1e-3,
    "muon": 0.05,  # of all but its convolutions, which SGD steps
}
OPTIMIZERS = tuple(USUAL_RATES)


def scaled_rate(peak_lr: float, there: str, wanted: str) -> float:
    """The peak rate under one optimiser for another, in the ratio of their usual rates; of one's own as it is.

    >>> scaled_rate(0.1, "sgd", "adam"), scaled_rate(0.1, "sgd", "mine.py:make")
    (0.002, 0.1)
    """
    if there not in USUAL_RATES or wanted not in USUAL_RATES:
        return peak_lr
    return float(f"{peak_lr * USUAL_RATES[wanted] / USUAL_RATES[there]:.6g}")
