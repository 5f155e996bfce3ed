"""What a report tells of several labels a picture: key figures, each label, which are named together, pictures."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from striate.core.words import interval, percent
from striate.tasks.multilabel.examples import LabelledPicture
from striate.tasks.multilabel.metric import LabelEvaluation
from striate.tasks.task import Fact, Headline, Section

FOLDER = "multilabel"
"""Below report/template/."""
MOST_CLASS_ROWS = 40
"""Labels up to which the table is not folded."""
MOST_PAIRS = 15


class Together(NamedTuple):
    """Two labels: pictures that have both, that were given both names, and how often one has the other by chance."""

    one: str
    other: str
    pictures: int
    named: int
    by_chance: float


def headline(found: LabelEvaluation, split: str) -> Headline:
    """The mean average precision in a sentence."""
    return Headline(
        percent(found.values["map"]),
        f"mean average precision of {len(found.names)} labels on {found.total:,} {split} pictures",
    )


def facts(found: LabelEvaluation) -> list[Fact]:
    """Mean average precision against that of the prior, F1, exact answers, loss."""
    values, ends = found.values, found.intervals
    return [
        Fact("mAP", percent(values["map"]), f"95 % interval {interval(ends['map'])}"),
        Fact("mAP of the prior", percent(found.prior_map), "how frequent each label is, said of every picture"),
        Fact("F1, all together", percent(values["micro_f1"]), f"micro; {interval(ends['micro_f1'])}"),
        Fact("F1, mean of labels", percent(values["macro_f1"]), f"macro; {interval(ends['macro_f1'])}"),
        Fact("Exactly right", percent(values["exact"]), f"of the pictures; {interval(ends['exact'])}"),
        Fact("Loss", f"{values['loss']:.3f}", "binary cross-entropy, nats"),
    ]


def sections(found: LabelEvaluation, examples: list[LabelledPicture]) -> list[Section]:
    """Labels, hardest first; labels that stand together; the worst and the best pictures."""

    def hardness(row: dict[str, object]) -> float:
        precision = row["average_precision"]
        return math.inf if not isinstance(precision, float) else precision

    rows = sorted(found.per_class(), key=hardness)
    values = {"rows": rows, "most_rows": MOST_CLASS_ROWS}
    made = [Section("classes", "Labels", f"{FOLDER}/classes.html", values)]
    if pairs := together(found):
        made.append(Section("together", "Labels that stand together", f"{FOLDER}/together.html", {"pairs": pairs}))
    return [*made, Section("pictures", "Worst and best", f"{FOLDER}/pictures.html", {"examples": examples})]


def together(found: LabelEvaluation) -> list[Together]:
    """The pairs of labels that most pictures have, the most frequent first."""
    present, named = (each.astype(np.int64) for each in (found.present, found.named))
    there, answered, counts = present.T @ present, named.T @ named, present.sum(0)
    ones, others = np.nonzero(np.triu(there, 1))
    most = np.argsort(-there[ones, others], kind="stable")[:MOST_PAIRS]
    return [
        Together(
            found.names[one],
            found.names[other],
            int(there[one, other]),
            int(answered[one, other]),
            float(counts[one] * counts[other] / found.total),
        )
        for one, other in zip(ones[most].tolist(), others[most].tolist(), strict=True)
    ]
