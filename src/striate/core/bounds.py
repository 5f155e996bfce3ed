"""Numbers beyond which nothing can be meant: the one place for bounds that options, Python and files share.

Each is (lowest, highest), both allowed. They are far above all use; what lies beyond is a slip of the hand or of a
disk, and would otherwise fill the memory, never end, or fail deep inside a library.
"""

from __future__ import annotations

from striate.core.errors import StriateError

SEED = (0, 2**63 - 1)  # what torch's generators take
SPLIT_SEED = (0, 2**32 - 1)  # what numpy's do
THREADS = (1, 4_096)
CLASSES = (1, 1_000_000)
CHANNELS = (1, 4_096)
SIDE_PX = (1, 65_536)
TRAINING_SIDE_PX = (1, 8_192)
BATCH_PICTURES = (1, 1_000_000)
ENTRIES = (1, 10_000)  # derivatives to compare in a parameter tensor


def require_within(name: str, value: float | None, bounds: tuple[float, float]) -> None:
    """Raise StriateError where a number is beyond its bounds, or NaN; None, which is no number, may pass.

    >>> require_within("threads", 0, THREADS)
    Traceback (most recent call last):
    striate.core.errors.StriateError: threads must be between 1 and 4,096, got 0
    """
    low, high = bounds
    if value is not None and not low <= value <= high:
        raise StriateError(f"{name} must be between {low} and {high:,}, got {value}")
