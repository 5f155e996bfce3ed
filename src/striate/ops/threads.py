"""How many threads torch computes with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from striate.core.processor import threads_beside_others


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """The context in which torch uses so many threads; its number is restored afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def threads_left_by_others() -> Iterator[None]:
    """The context in which torch uses as many of its threads as other programs leave cores for."""
    with torch_threads(threads_beside_others(torch.get_num_threads())):
        yield
