"""What a network costs and sees: parameters, multiply-accumulates, memory, receptive fields, from one run."""

from striate.analysis.rows import Row
from striate.analysis.summary import Summary, summarize

__all__ = ["Row", "Summary", "summarize"]
