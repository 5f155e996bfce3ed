"""Much of the same work in several threads, its results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

UNDER_WAY_PER_THREAD = 4

T = TypeVar("T")
R = TypeVar("R")


def in_threads(
    work: Callable[[T], R], items: Iterable[T], threads: int | None = None, under_way: int | None = None
) -> Iterator[R]:
    """Results of `work` in the order of `items`, which are taken as they are needed.

    threads: all cores when not given. under_way: how many results may be under way or wait for the caller, 4 per thread
    when not given. When the caller stops, or `work` raises, nothing else is begun.
    Threads suffice: Pillow releases the interpreter's lock while it decodes and resizes.

    >>> list(in_threads(len, ["one", "three"]))
    [3, 5]
    """
    threads = threads or os.cpu_count() or 1
    left = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        pending = deque(pool.submit(work, item) for item in islice(left, under_way or UNDER_WAY_PER_THREAD * threads))
        try:
            while pending:
                yield pending.popleft().result()
                pending.extend(pool.submit(work, item) for item in islice(left, 1))
        finally:
            for future in pending:
                future.cancel()
