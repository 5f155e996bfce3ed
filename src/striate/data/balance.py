"""Pictures of unequally large classes, so that each class is shown equally often."""

from __future__ import annotations

from typing import Literal

import numpy as np

from striate.data.targets import Indices

Balance = Literal["none", "weights", "sampler"]


def balanced_order(indices: Indices, labels: Indices, seed: int, epoch: int) -> Indices:
    """As many pictures as there are, of every class equally many, in an order of (seed, epoch); int64 (N,).

    indices: of the pictures, (N,). labels: their classes, (N,). Of a large class an epoch shows some, others in the
    next one; of a small one each as often as another, or once more.

    >>> order = balanced_order(np.arange(6), np.array([0, 0, 0, 0, 0, 1]), 0, 0)
    >>> int((order == 5).sum()), len(set(order.tolist()))
    (3, 4)
    """
    random = np.random.default_rng([seed, epoch])
    classes = random.permutation(np.unique(labels))  # those at its head are shown once more
    shown = []
    for place, label in enumerate(classes.tolist()):
        own = indices[labels == label]
        wanted = len(indices) // len(classes) + (place < len(indices) % len(classes))
        rounds = [random.permutation(own) for _ in range(-(-wanted // len(own)))]
        shown.append(np.concatenate([own[:0], *rounds])[:wanted])
    return random.permutation(np.concatenate(shown))
