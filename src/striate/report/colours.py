"""The colours of pages and drawings: on light ground and on dark ground."""

from __future__ import annotations

INK = ("#1b1f27", "#e8ebf0")
SOFT = ("#59616e", "#a3acb9")
LINE = ("#dfe2e7", "#313843")
CARD = ("#ffffff", "#1b1f26")

# of what has no order, in that of first mention
FAMILIES = (
    ("#2464cf", "#7db0ff"), ("#b8500a", "#ffa35c"), ("#177245", "#5fd39a"), ("#8b3fb0", "#d39cf0"),
    ("#b02a4b", "#ff8fa8"), ("#7a6a00", "#e0cc4a"), ("#0b7285", "#5fd0e0"), ("#555e6b", "#aab4c2"),
)  # fmt: skip
