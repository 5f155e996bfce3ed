"""What would help a network that was tuned on few pictures most: more pictures, cleaner labels, more layers tuned."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from striate.core.reading import Count, Positive
from striate.frozen.label_errors import find_suspects
from striate.frozen.linear import FOLDS, Array, Kind, Validated, held_out, one_thread
from striate.report.facts import Stage

WORTH_SAYING = 0.002  # of the accuracy


@dataclass(frozen=True)
class Outlook:
    """What linear classifiers of the features say of the pictures that were trained on.

    pictures: that were asked about. errors, errors_of_half: by classifiers trained on four fifths and on a half of
    them. suspects: labels that are likely wrong.
    """

    pictures: Positive
    errors: Count
    errors_of_half: Count
    suspects: Count

    @property
    def gain_of_twice(self) -> float:
        """Accuracy that as many pictures again would bring, if the error goes on as a power of their number.

        >>> round(Outlook(pictures=1000, errors=50, errors_of_half=80, suspects=0).gain_of_twice, 3)
        0.02
        """
        if self.errors == 0 or self.errors_of_half <= self.errors:
            return 0.0
        exponent = min(1.0, math.log(self.errors_of_half / self.errors) / math.log((1 - 1 / FOLDS) * 2))
        now = self.errors / self.pictures * (1 - 1 / FOLDS) ** exponent
        return float(now * (1 - 2.0**-exponent))


def outlook_of(features: Array, validated: Validated, kind: Kind) -> Outlook:
    """features: (N, dimensions), of the pictures that were validated."""
    labels, classes = validated.labels, validated.logits.shape[1]
    with one_thread():
        half = held_out([features], labels, classes, validated.C, kind, folds=2)
    return Outlook(
        pictures=len(labels),
        errors=len(labels) - validated.correct,
        errors_of_half=len(labels) - half.correct,
        suspects=len(find_suspects(validated.probabilities, labels)),
    )


def advice(outlook: Outlook, stages: list[Stage], groups: Iterable[str]) -> str:
    """What would help most, and what little, in one sentence. groups: of the network's layers, from the top."""
    further = _further_down(stages, list(groups))
    gains = [
        (outlook.gain_of_twice, f"more pictures (about {_points(outlook.gain_of_twice)} from twice as many)"),
        (
            outlook.suspects / max(1, outlook.pictures),
            f"cleaner labels (of {outlook.suspects} of {outlook.pictures:,} training pictures the features of this run "
            f"doubt the label, which is at most {_points(outlook.suspects / max(1, outlook.pictures))}; striate check "
            "--labels asks other features, about all pictures)",
        ),
        *([further] if further else []),
    ]
    worth = [words for gain, words in sorted(gains, key=lambda row: -row[0]) if gain > WORTH_SAYING]
    if not worth:
        return "nothing that could be seen: neither more pictures nor cleaner labels nor more layers promise a gain"
    return ", then ".join(worth)


def _further_down(stages: list[Stage], groups: list[str]) -> tuple[float, str] | None:
    """The gain of the lowest stage that was tuned, as what the next one may bring; None where tuning brought none."""
    last, before = stages[-1], stages[:-1]
    rest = groups[len(last.tuned) :]
    if not before or not last.kept or not rest:
        return None
    gain = last.best.accuracy - max(stage.best.accuracy for stage in before)
    return gain, f"more layers tuned (the last stage brought {_points(gain)}; --unfreeze-to {rest[0]})"


def _points(share: float) -> str:
    """A difference of accuracies.

    >>> _points(0.0213)
    '2.1 points'
    """
    return f"{100 * share:.1f} points"
