"""What a network costs and sees: parameters, multiply-accumulates, memory, receptive fields, from one run."""

from striate.analysis.rows import Row
from striate.analysis.summary import Summary, summarize
from striate.analysis.timing import Timing, time_layers
from striate.meta.weightless import blueprint

__all__ = ["Row", "Summary", "Timing", "blueprint", "summarize", "time_layers"]
