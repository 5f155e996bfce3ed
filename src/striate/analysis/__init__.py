"""What a network costs: parameters, multiply-accumulates, activations, from one run on tensors without memory."""

from striate.analysis.rows import Row
from striate.analysis.summary import Summary, summarize
from striate.analysis.trace import Trace, trace

__all__ = ["Row", "Summary", "Trace", "summarize", "trace"]
