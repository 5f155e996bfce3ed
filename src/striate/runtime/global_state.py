"""What a process shares: a caller finds it as it was, whatever was computed in between."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image


def seed_everything(seed: int) -> None:
    """Seed the generators of torch, numpy and random, which code of a person's own may draw from.

    >>> seed_everything(5)
    >>> first = random.random(), np.random.rand(), torch.rand(1).item()
    >>> seed_everything(5)
    >>> first == (random.random(), np.random.rand(), torch.rand(1).item())
    True
    """
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the one that others draw from
    random.seed(seed)


@contextmanager
def generators_kept() -> Iterator[None]:
    """The context after which the random generators of torch (on GPUs too), numpy and random are as before."""
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    generators = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002 - the caller's own
    try:
        yield
    finally:
        torch.set_rng_state(generators[0])
        np.random.set_state(generators[1])  # noqa: NPY002
        random.setstate(generators[2])
        if on_gpus is not None:
            torch.cuda.set_rng_state_all(on_gpus)


@contextmanager
def global_state_kept() -> Iterator[None]:
    """The context, or decorator, after which random generators and settings of the process are as before.

    These are the generators of torch (on GPUs too, once one is in use), numpy and random, torch's number of threads and
    default type, Pillow's limit of pixels, and the filters of warnings.

    >>> before = torch.get_rng_state()
    >>> with global_state_kept():
    ...     _ = torch.manual_seed(5)
    >>> torch.equal(torch.get_rng_state(), before)
    True
    """
    threads, dtype, pixels = torch.get_num_threads(), torch.get_default_dtype(), Image.MAX_IMAGE_PIXELS
    try:
        with generators_kept(), warnings.catch_warnings():
            yield
    finally:
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        Image.MAX_IMAGE_PIXELS = pixels
