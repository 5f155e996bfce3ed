"""What a network costs, row by row, as an offline page."""

from __future__ import annotations

from pathlib import Path

from striate.analysis.summary import Summary
from striate.analysis.table import NUMBERS_FROM, notes, printed, title
from striate.report.offline import rendered, write_page


def write_summary_page(path: Path, summary: Summary, depth: int | None = None) -> None:
    """Write the page of a summary as one HTML file, whole or not at all. depth: as in `analysis.table.as_text`.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    write_page(path, render_summary(summary, depth))


def render_summary(summary: Summary, depth: int | None = None) -> str:
    """The page of a summary, with the table that a terminal shows and the notes below it."""
    headings, *rows, total = printed(summary, depth)
    return rendered(
        "summary.html",
        title=title(summary),
        headings=headings,
        rows=rows,
        total=total,
        numbers_from=NUMBERS_FROM,
        notes=notes(summary),
    )
