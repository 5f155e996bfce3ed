"""The colours of pages and drawings, by name: on light ground and on dark ground. Each is a variable of their CSS."""

from __future__ import annotations

# of what has no order, in that of first mention
FAMILIES = (
    ("#2464cf", "#7db0ff"), ("#b8500a", "#ffa35c"), ("#177245", "#5fd39a"), ("#8b3fb0", "#d39cf0"),
    ("#b02a4b", "#ff8fa8"), ("#7a6a00", "#e0cc4a"), ("#0b7285", "#5fd0e0"), ("#555e6b", "#aab4c2"),
)  # fmt: skip

PALETTE = {
    "page": ("#f7f7f5", "#13161b"),
    "card": ("#ffffff", "#1b1f26"),
    "ink": ("#1b1f27", "#e8ebf0"),
    "soft": ("#59616e", "#a3acb9"),
    "line": ("#dfe2e7", "#313843"),
    "track": ("#eceef2", "#2a303a"),
    "blue": FAMILIES[0],
    "orange": FAMILIES[1],
    "note": ("#fff6e5", "#2b2415"),
    "note-line": ("#e0a63a", "#b98a2f"),
    **{f"family{number}": pair for number, pair in enumerate(FAMILIES)},
}
