"""Numbers beyond which nothing can be meant: the one place for bounds that options, Python and files share.

Each is (lowest, highest), both allowed. They are far above all use; what lies beyond is a slip of the hand or of a
disk, and would otherwise fill the memory, never end, or fail deep inside a library.
"""

from __future__ import annotations

SEED = (0, 2**63 - 1)  # what torch's generators take
SPLIT_SEED = (0, 2**32 - 1)  # what numpy's do
THREADS = (1, 4_096)
CLASSES = (1, 1_000_000)
CHANNELS = (1, 4_096)
SIDE_PX = (1, 65_536)
ENTRIES = (1, 10_000)  # derivatives to compare in a parameter tensor
