"""Networks side by side: the same figures of each, and a chart of error, cost and size as SVG, PNG and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.analysis.zoo import Overview, overview, overview_of
from striate.core.errors import StriateError
from striate.core.files import write_bytes
from striate.models import Network
from striate.models.catalog import PROTOCOLS, Protocol
from striate.report.comparison.bubble_chart import chart_of
from striate.report.comparison.page import as_page, as_svg
from striate.report.comparison.png import as_png
from striate.report.offline import svg_file, write_page


@dataclass(frozen=True)
class Comparison:
    """Networks in the order they were asked for. size: height, width they were counted at; None for each its own."""

    networks: tuple[Overview, ...]
    size: tuple[int, int] | None = None

    @property
    def protocol(self) -> Protocol:
        """The protocol at which most of the networks have a published error: the chart shows errors of one alone."""
        return max(
            PROTOCOLS, key=lambda protocol: sum(network.error(protocol) is not None for network in self.networks)
        )

    @property
    def drawn(self) -> tuple[Overview, ...]:
        """Those with a published error at that protocol."""
        return tuple(network for network in self.networks if network.error(self.protocol) is not None)

    @property
    def not_drawn(self) -> tuple[Overview, ...]:
        """Those without."""
        return tuple(network for network in self.networks if network.error(self.protocol) is None)

    def remarks(self) -> list[str]:
        """What the table and the chart do not say themselves."""
        said = []
        if unpublished := [network.name for network in self.not_drawn if not network.errors]:
            said.append(f"not in the chart, as no top-5 error on ImageNet is published: {', '.join(unpublished)}")
        others = [
            f"{network.name} ({network.errors[0].top5_pct:g} %, {network.errors[0].protocol})"
            for network in self.not_drawn
            if network.errors
        ]
        if others:
            said.append(
                f"not in the chart of errors at {self.protocol}, as theirs are of another protocol and do not compare: "
                f"{', '.join(others)}"
            )
        if self.size and self.drawn:
            said.append(f"costs are at {self.size[0]}x{self.size[1]} pixels, errors as published at the papers' sizes")
        said += [
            f"{network.name}: {network.training_params:,} parameters more while training, in auxiliary heads"
            for network in self.networks
            if network.training_params
        ]
        return said

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, for JSON."""
        return {
            "networks": [network.to_dict() for network in self.networks],
            "not_drawn": [network.name for network in self.not_drawn],
        }


def compare(
    names: Sequence[str], size: tuple[int, int] | None = None, others: Mapping[str, Network] | None = None
) -> Comparison:
    """Count networks for a comparison. size: height, width; each paper's when not given.

    names: of the zoo, or of `others`, which have weights of their own and are as large as they are to be counted.

    Raises StriateError for an unknown name, one given twice, a size that does not fit, and fewer than two names.

    >>> compare(["alexnet", "lenet5"]).remarks()
    ['not in the chart, as no top-5 error on ImageNet is published: lenet5']
    """
    if len(names) < 2:
        raise StriateError(f"a comparison needs at least two networks, got {', '.join(names) or 'none'}")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise StriateError(f"networks are compared once each, got {', '.join(twice)} twice")
    own = others or {}
    lines = (overview_of(own[name], name) if name in own else overview(name, size) for name in names)
    return Comparison(tuple(lines), size)


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write compare.html and, if anything can be drawn, compare.svg and compare.png; returns what was written.

    Raises StriateError on a full disk or a folder that may not be written.
    """
    chart = chart_of(comparison.drawn, comparison.protocol) if comparison.drawn else None
    write_page(folder / "compare.html", as_page(comparison.networks, chart, comparison.remarks()))
    if chart is None:
        return [folder / "compare.html"]
    write_bytes(folder / "compare.svg", svg_file(as_svg(chart, alone=True)))
    write_bytes(folder / "compare.png", as_png(chart))
    return [folder / f"compare.{kind}" for kind in ("html", "svg", "png")]
