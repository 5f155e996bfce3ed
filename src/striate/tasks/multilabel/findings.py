"""What is wrong with a run on several labels a picture that its loss does not tell."""

from __future__ import annotations

import numpy as np

from striate.core.units import counted
from striate.tasks.finding import Finding, Missed, Validated
from striate.tasks.multilabel.metric import LabelEvaluation

NEVER_FROM = 0.5  # of the epochs: a rare label is learned late


def findings_of(run: Validated) -> list[Finding]:
    """Labels that validation pictures have, that are told no better than by chance, and are named of none of them."""
    if not run.judged or run.done < NEVER_FROM:
        return []
    found: LabelEvaluation = run.metric.result()
    frequent, there = found.present.mean(0), found.present.sum(0)
    never = (there > 0) & ~found.named.any(0) & (np.nan_to_num(found.precisions) <= 2 * frequent)
    if not never.any():
        return []
    told = [f"{found.names[n]!r} ({counted(int(there[n]), 'picture')})" for n in np.flatnonzero(never)]
    which, named = Missed.of(told)
    return [
        Finding(
            "never named",
            f"no validation picture is named {which} in them: {named}. Usually such labels are rare: more pictures "
            "with them help most; then longer training, or --set loss=focal, which counts what is easy little",
        )
    ]
