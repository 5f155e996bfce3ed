"""Write docs/numbers.md: printed numbers beside ours, with a verdict.

    python docs/make_numbers.py

A test computes everything anew and compares it with the file.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from printed import lectures, papers
from printed.record import RIGHT, ROUNDED, WRONG, Answer, Printed, verdict

from striate.models.catalog import CATALOG

PAGE = Path(__file__).with_name("numbers.md")
SECTIONS: dict[str, list[Printed]] = papers.SECTIONS | lectures.SECTIONS
INTRODUCTION = """\
# Printed numbers, and ours

What papers and lectures print about networks, beside what Striate computes. `docs/printed/` has the printed numbers
and which computation answers each; `python docs/make_numbers.py` computes them and writes this page; a test does the
same and compares.

The verdict follows a rule. *right*: equal, or what is claimed (`<`, `>`) holds. *rounded*: within one unit of the last
printed digit, up or down, as papers cut off as often as they round. *wrong*: anything else, and the last column says
why. Words, and whole numbers printed in full, are right or wrong; so is what is off by more than half of itself. Zeros
at the end are digits, unless marked ≈: ≈ 400 k for 401,408. k, M, G, P are 10³, 10⁶, 10⁹, 10¹⁵; Ki is 1024.

MACs are multiply-accumulates of convolutions and dense layers; many papers call them FLOPs. Weights are parameters
without biases, activations are numbers in the outputs of convolutions, dense layers and pooling.
"""


def page() -> str:
    """The whole page."""
    judged = {title: [judge(row) for row in rows] for title, rows in SECTIONS.items()}
    counts = Counter(word for rows in judged.values() for _, _, word in rows)
    total = f"{counts.total()} numbers: {counts[RIGHT]} right, {counts[ROUNDED]} rounded, {counts[WRONG]} wrong."
    wrong = [entry for rows in judged.values() for entry in rows if entry[2] == WRONG]
    parts = [INTRODUCTION, f"{total}\n", table("What is wrong", wrong)]
    parts += [table(title, rows) for title, rows in judged.items()]
    return "\n".join([*parts, errors()])


def judge(row: Printed) -> tuple[Printed, Answer, str]:
    """A printed number with ours and the verdict."""
    answer = row.ours()
    return row, answer, verdict(row, answer)


def table(title: str, rows: list[tuple[Printed, Answer, str]]) -> str:
    """A section."""
    lines = [f"## {title}", "", "| where | quantity | printed | ours | verdict | |", "|---|---|---:|---:|---|---|"]
    for row, answer, word in rows:
        about = "≈ " if row.zeros else ""
        cells = (row.where, row.quantity, about + row.printed, shown(answer), word, row.why)
        lines.append("| " + " | ".join(cell.replace("_", "\\_") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def shown(answer: Answer) -> str:
    """Whole numbers in full, others with five digits."""
    return answer if isinstance(answer, str) else f"{answer:,}" if isinstance(answer, int) else f"{answer:.5g}"


def errors() -> str:
    """Published errors: facts of the papers, not measured here."""
    lines = [
        "## Published top-5 errors on ImageNet",
        "",
        "As printed at the source, of one network; not measured here.",
    ]
    lines += [
        "Errors of different protocols do not compare: 1 crop is the centre, 10 crops are averaged, dense is the whole."
    ]
    lines += ["", "| network | top-5 error, % | protocol | source |", "|---|---:|---|---|"]
    for name, entry in CATALOG.items():
        for error in entry.errors:
            lines.append(f"| {name} | {error.top5_pct:g} | {error.protocol} | {error.source} |".replace("_", "\\_"))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
