"""The chart of a comparison as SVG, and a page with it and the table; both fit light and dark, alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from striate.analysis.zoo import Overview, columns, short
from striate.models.catalog import Protocol
from striate.report.comparison.bubble_chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Bubble, Chart

TITLE = "What a network costs and how often it errs"
ERROR_TITLE = "published top-5 error on ImageNet, %, at"  # and the protocol
MACS_TITLE = "multiply-accumulates for one picture"
KEY_TITLE = "area: parameters"
# by paper, in the order of first mention: on light ground, on dark ground
COLOURS = (
    ("#2464cf", "#7db0ff"), ("#b8500a", "#ffa35c"), ("#177245", "#5fd39a"), ("#8b3fb0", "#d39cf0"),
    ("#b02a4b", "#ff8fa8"), ("#7a6a00", "#e0cc4a"), ("#0b7285", "#5fd0e0"), ("#555e6b", "#aab4c2"),
)  # fmt: skip


def as_svg(chart: Chart) -> str:
    """The chart as a file of its own."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_drawing(chart, ground=True)}\n'


def as_page(networks: Sequence[Overview], chart: Chart | None, remarks: Sequence[str]) -> str:
    """One offline page: the chart, if there is one, the table and the remarks."""
    table = columns(networks)
    heads = "".join(f'<th scope="col"{_side(name)}>{escape(name)}</th>' for name in table)
    rows = "\n".join(
        f"<tr>{''.join(f'<td{_side(name)}>{escape(cell)}</td>' for name, cell in zip(table, cells, strict=True))}</tr>"
        for cells in zip(*table.values(), strict=True)
    )
    notes = "\n".join(f"<p>{escape(remark)}</p>" for remark in remarks)
    figure = f"<figure>{_drawing(chart, ground=False)}</figure>" if chart else ""
    return PAGE.format(
        title=escape(", ".join(n.name for n in networks)), figure=figure, heads=heads, rows=rows, notes=notes
    )


def _side(name: str) -> str:
    return "" if name in ("model", "picture", "source", "paper") else ' class="number"'


def _drawing(chart: Chart, *, ground: bool) -> str:
    told = "; ".join(
        _facts(bubble, chart.protocol) for bubble in sorted(chart.bubbles, key=lambda bubble: bubble.network.macs)
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="comparison">',
        f"<title>{escape(TITLE)}</title><desc>{escape(told)}</desc><style>{_style()}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>' if ground else "",
        *_frame(chart),
        *_circles(chart),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def _frame(chart: Chart) -> list[str]:
    last_x, last_radius, _ = chart.sizes[-1]
    return [
        *(f'<path class="grid" d="M{x:.1f} {TOP}V{BOTTOM}"/>' for x, _ in chart.x_ticks),
        *(f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>' for y, _ in chart.y_ticks),
        *(_text(x, BOTTOM + 18, label) for x, label in chart.x_ticks),
        *(_text(LEFT - 10, y, label, "end") for y, label in chart.y_ticks),
        _text(LEFT, 30, TITLE, "start", "title"),
        _text(LEFT, TOP - 14, f"{ERROR_TITLE} {chart.protocol}", "start"),
        _text((LEFT + RIGHT) / 2, BOTTOM + 42, MACS_TITLE),
        *(f'<circle class="key" cx="{x:.1f}" cy="{TOP - 44}" r="{r:.1f}"/>' for x, r, _ in chart.sizes),
        *(_text(x + r + 6, TOP - 44, label, "start") for x, r, label in chart.sizes),
        _text(last_x - last_radius - 14, TOP - 44, KEY_TITLE, "end"),
    ]


def _circles(chart: Chart) -> list[str]:
    lines = (bubble.line for bubble in chart.bubbles if bubble.line)
    return [
        *(
            f'<circle class="network family{bubble.family}" cx="{bubble.x:.1f}" cy="{bubble.y:.1f}" '
            f'r="{bubble.radius:.1f}"><title>{escape(_facts(bubble, chart.protocol))}</title></circle>'
            for bubble in chart.bubbles
        ),
        *(f'<path class="line" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>' for x0, y0, x1, y1 in lines),
        *(_text(b.label.x, b.label.y, b.network.name, kind="label") for b in chart.bubbles),
    ]


def _facts(bubble: Bubble, protocol: Protocol) -> str:
    network, error = bubble.network, bubble.network.error(protocol)
    published = f"{error.top5_pct:g} % at {protocol} ({error.source}), " if error else ""
    cost = f"{short(network.macs)} MACs, {short(network.inference_params)} parameters"
    return f"{network.name}: {published}{cost}"


def _text(x: float, y: float, text: str, anchor: str = "middle", kind: str = "soft") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" dy=".35em" text-anchor="{anchor}">{escape(text)}</text>'


def _style() -> str:
    light = "".join(f"--family{number}:{colour[0]};" for number, colour in enumerate(COLOURS))
    dark = "".join(f"--family{number}:{colour[1]};" for number, colour in enumerate(COLOURS))
    families = "".join(
        f".family{number}{{fill:var(--family{number});stroke:var(--family{number})}}" for number in range(len(COLOURS))
    )
    return STYLE.replace("LIGHT", light).replace("DARK", dark) + families


STYLE = """
.comparison{--ground:#fff;--ink:#1b1f27;--soft:#59616e;--grid:#dfe2e7;LIGHT
font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
@media (prefers-color-scheme:dark){.comparison{--ground:#1b1f26;--ink:#e8ebf0;--soft:#a3acb9;--grid:#313843;DARK}}
.ground{fill:var(--ground)}.grid,.line{stroke:var(--grid);fill:none}.line{stroke:var(--soft)}
.key{fill:none;stroke:var(--soft)}.network{fill-opacity:.28;stroke-width:1.5}
.soft{fill:var(--soft)}.label{fill:var(--ink)}.title{fill:var(--ink);font-size:18px;font-weight:600}
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Striate: {title}</title>
<style>
:root {{ --page: #f7f7f5; --card: #fff; --ink: #1b1f27; --soft: #59616e; --line: #dfe2e7; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --page: #13161b; --card: #1b1f26; --ink: #e8ebf0; --soft: #a3acb9; --line: #313843; }}
}}
body {{ margin: 2rem auto; max-width: 1120px; padding: 0 20px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }}
h1 {{ font-size: 28px; line-height: 1.2; }}
figure, .table {{ margin: 0 0 20px; padding: 16px; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }}
.table {{ overflow-x: auto; }}
svg {{ display: block; width: 100%; height: auto; }}
table {{ border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 5px 12px 5px 0; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }}
.number {{ text-align: right; }}
p {{ color: var(--soft); max-width: 78ch; }}
</style>
</head>
<body>
<h1>Networks side by side</h1>
{figure}
<div class="table"><table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table></div>
{notes}
</body>
</html>
"""
