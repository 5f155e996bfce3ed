"""The chart of a comparison as SVG, and a page with it and the table; both fit light and dark, alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from striate.analysis.zoo import Overview, columns
from striate.report.colours import FAMILIES
from striate.report.comparison.bubble_chart import HEIGHT, WIDTH, Chart
from striate.report.comparison.drawing import BASELINE, TITLE, Line, Mark, Text, facts, marks_of


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
        facts(bubble, chart.protocol) for bubble in sorted(chart.bubbles, key=lambda bubble: bubble.network.macs)
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="comparison">',
        f"<title>{escape(TITLE)}</title><desc>{escape(told)}</desc><style>{_style()}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>' if ground else "",
        *map(_element, marks_of(chart)),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def _element(mark: Mark) -> str:
    if isinstance(mark, Line):
        return f'<path class="{mark.kind}" d="M{mark.x0:.1f} {mark.y0:.1f}L{mark.x1:.1f} {mark.y1:.1f}"/>'
    if isinstance(mark, Text):
        place = f'x="{mark.x:.1f}" y="{mark.y:.1f}" dy="{BASELINE}em" text-anchor="{mark.anchor}"'
        return f'<text class="{mark.kind}" {place}>{escape(mark.text)}</text>'
    place = f'cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius:.1f}"'
    if mark.kind == "key":
        return f'<circle class="key" {place}/>'
    return f'<circle class="network family{mark.family}" {place}><title>{escape(mark.told)}</title></circle>'


def _style() -> str:
    light = "".join(f"--family{number}:{colour[0]};" for number, colour in enumerate(FAMILIES))
    dark = "".join(f"--family{number}:{colour[1]};" for number, colour in enumerate(FAMILIES))
    families = "".join(
        f".family{number}{{fill:var(--family{number});stroke:var(--family{number})}}" for number in range(len(FAMILIES))
    )
    return STYLE.replace("LIGHT", light).replace("DARK", dark) + families


STYLE = """
.comparison{--ground:#fff;--ink:#1b1f27;--soft:#59616e;--grid:#dfe2e7;LIGHT
font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
@media (prefers-color-scheme:dark){.comparison{--ground:#1b1f26;--ink:#e8ebf0;--soft:#a3acb9;--grid:#313843;DARK}}
.ground{fill:var(--ground)}.grid,.pointer{stroke:var(--grid);fill:none}.pointer{stroke:var(--soft)}
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
