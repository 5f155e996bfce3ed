"""What a network costs and sees: parameters, multiply-accumulates, memory, receptive fields, from one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from striate.core.on_demand import on_demand

if TYPE_CHECKING:
    from striate.analysis.rows import Row
    from striate.analysis.summary import Summary, summarize
    from striate.analysis.timing import Timing, time_layers
    from striate.meta.weightless import blueprint

__all__ = ["Row", "Summary", "Timing", "blueprint", "summarize", "time_layers"]

__getattr__ = on_demand(
    __name__,
    {
        "Row": "striate.analysis.rows",
        "Summary": "striate.analysis.summary",
        "summarize": "striate.analysis.summary",
        "Timing": "striate.analysis.timing",
        "time_layers": "striate.analysis.timing",
        "blueprint": "striate.meta.weightless",
    },
)
