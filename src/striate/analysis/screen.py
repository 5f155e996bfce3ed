"""A network's cost on one screen: the table that a terminal shows, with everything that is told below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from striate.analysis.effective_field import EffectiveField, effective_field
from striate.analysis.kept_by_row import kept_by_row
from striate.analysis.stages import NOTHING, Line, measured, readable, stages
from striate.analysis.summary import Summary, summarize
from striate.analysis.table import notes, title
from striate.analysis.timing import Timing, time_layers
from striate.analysis.zoo import training_params
from striate.core.errors import StriateError
from striate.core.units import compact, counted, in_bytes, in_megabytes

EVERY_ROW = 10**6  # a depth that no module path has


@dataclass(frozen=True)
class Screen:
    """What is shown.

    batch: pictures of a training step, and of a measured run. folding: what is not shown, in words. weights: whose
    field was measured.
    """

    summary: Summary
    batch: int
    lines: tuple[Line, ...]
    folding: str
    timing: Timing | None
    effective: EffectiveField | None = None
    weights: str = "drawn weights"

    def columns(self) -> dict[str, list[str]]:
        """Heading to cells: one per line, then the total."""
        rows = [line.row for line in self.lines]
        told = {
            "layer": [*(row.path or row.kind for row in rows), "total"],
            "kind": [*(row.kind if row.path else "" for row in rows), ""],
            "output": [*("x".join(map(str, row.out_shape[1:])) for row in rows), ""],
            "params": _summed([row.params for row in rows]),
            "MACs": _summed([row.macs for row in rows]),
        }
        if self.timing:
            return told | _speed(self.lines, self.batch, self.timing.ceiling_gflops_per_s)
        told["activations"] = _summed([row.activations for row in rows])
        told["field px"] = [*(f"{row.field_px:g}" if row.field else "" for row in rows), ""]
        kept = [line.kept.at(self.batch) for line in self.lines]
        return told | {"kept MB": [in_megabytes(count) for count in (*kept, sum(kept))]}

    def sentences(self) -> list[str]:
        """Below the table: folding, totals, memory, what is not counted and not seen, speed."""
        cost, said = self.summary, [self.folding] if self.folding else []
        said.append(f"{compact(cost.macs)}MACs = {compact(cost.flops)}FLOP for one picture")
        if unread := training_params(cost):
            said.append(f"{unread:,} of the parameters are read by training only, in auxiliary heads")
        if cost.kept and self.batch > 1:
            said.append(f"training keeps {in_bytes(cost.kept.at(self.batch))} for a batch of {self.batch}")
        said += notes(cost)
        if self.effective:
            said.append(
                f"effective field of {self.effective.layer}, with {self.weights}: as many pixels as a square of "
                f"{self.effective.diameter_px:.1f} px pass 4.55 % of the strongest one's contribution"
            )
        if self.timing:
            said.append(
                f"forward pass: {self.timing.forward_ms:.2f} ms for {counted(self.batch, 'picture')}, "
                f"{2 * cost.macs * self.batch / self.timing.forward_ms / 1e6:.1f} GFLOP/s; "
                f"3x3 convolutions of this machine reach {self.timing.ceiling_gflops_per_s:.0f} GFLOP/s"
            )
        return said

    def to_dict(self) -> dict[str, Any]:
        """Everything about every row, for JSON; folding is for the eye only."""
        cost = self.summary
        kept = {"batch": self.batch, "kept_bytes": cost.kept.at(self.batch) if cost.kept else None}
        timing = {"timing": asdict(self.timing)} if self.timing else {}
        field = self.effective
        effective = {"effective_field": {"layer": field.layer, "diameter_px": field.diameter_px}} if field else {}
        extras = {**kept, **timing, **effective}
        return {**cost.to_dict(), "flops": cost.flops, "training_params": training_params(cost), **extras}

    def __str__(self) -> str:
        return title(self.summary)


def screen(
    model: nn.Module, batch: int = 1, depth: int | None = None, *, timed: bool = False, effective: str | None = None
) -> Screen:
    """What a network of the zoo costs, for a screen.

    depth: fold to module paths of so many names; None for what fits a screen, `EVERY_ROW` for all. timed: also run it,
    on random pictures. effective: a layer whose effective field is measured. For both, the model must have weights.
    Raises StriateError for numbers below 1, and as `effective_field` does.

    >>> from striate.models import create_model
    >>> screen(create_model("perceptron")).columns()["params"]
    ['0', '0', '7,850', '7,850']
    """
    for name, number in (("batch", batch), ("depth", depth)):
        if number is not None and number < 1:
            raise StriateError(f"{name} must be at least 1, got {number}")
    cost = summarize(model)
    kept = kept_by_row(model, cost.rows, cost.input_shape[1:]) if cost.kept else [NOTHING] * len(cost.rows)
    timing = time_layers(model, batch=batch) if timed else None
    lines = measured(cost, kept, timing)
    shown, folding = readable(lines) if depth is None else (stages(lines, depth), "")
    field = effective_field(model, layer=effective) if effective else None
    return Screen(cost, batch, tuple(shown), folding, timing, field)


def _summed(numbers: Sequence[int]) -> list[str]:
    return [f"{number:,}" for number in (*numbers, sum(numbers))]


def _speed(lines: Sequence[Line], batch: int, ceiling_gflops_per_s: float) -> dict[str, list[str]]:
    """Milliseconds, what is reached with them, and how near that is to what the machine can do."""
    works = [(batch * line.row.macs, line.forward_ms) for line in lines]
    works.append((sum(macs for macs, _ in works), sum(ms for _, ms in works)))
    reached = [2 * macs / ms / 1e6 if macs and ms else 0.0 for macs, ms in works]
    return {
        "ms": [f"{ms:,.3f}" for _, ms in works],
        "GFLOP/s": [f"{speed:,.1f}" if speed else "" for speed in reached],
        "of ceiling": [f"{speed / ceiling_gflops_per_s:.0%}" if speed else "" for speed in reached],
    }
