"""The chart of a comparison as SVG, and a page with it and the table; both fit light and dark, alone."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from striate.analysis.zoo import Overview, columns
from striate.report.colours import FAMILIES
from striate.report.comparison.bubble_chart import HEIGHT, WIDTH, Chart
from striate.report.comparison.drawing import BASELINE, TEXT_PX, TITLE, facts, marks_of
from striate.report.offline import rendered

WORDS = ("model", "picture", "source", "paper")  # columns that are no numbers


def as_page(networks: Sequence[Overview], chart: Chart | None, remarks: Sequence[str]) -> str:
    """One offline page: the chart, if there is one, the table and the remarks."""
    return rendered(
        "comparison.html",
        names=[network.name for network in networks],
        svg=Markup(as_svg(chart)) if chart else "",  # ours; all text in it is escaped already
        columns=columns(networks),
        words=WORDS,
        remarks=remarks,
    )


def as_svg(chart: Chart, *, alone: bool = False) -> str:
    """The chart as SVG; alone: with colours and a ground of its own."""
    by_cost = sorted(chart.bubbles, key=lambda bubble: bubble.network.macs)
    return rendered(
        "comparison.svg",
        width=WIDTH,
        height=HEIGHT,
        title=TITLE,
        told="; ".join(facts(bubble, chart.protocol) for bubble in by_cost),
        families=len(FAMILIES),
        text_px=TEXT_PX,
        baseline=BASELINE,
        marks=marks_of(chart),
        alone=alone,
    )
