"""Where average precision is lost: each error is of one kind, and a kind costs what it would bring to have none.

D detections and M objects in N pictures of K classes.
Source: Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", arXiv:2008.08115, section 2;
kinds are tried in the order of its code (github.com/dbolya/tide).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from striate.ops.average_precision import at_recalls, mean
from striate.ops.object_hits import NO_PARTNER, Array, Detections, Flags, Objects, Overlap, Rows, by_picture, partners

Kind = Literal["class", "place", "both", "double", "background", "missed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CLASS, PLACE, BOTH, DOUBLE, BACKGROUND, MISSED = range(len(KINDS))
RIGHT, IGNORED = -1, -2
FOREGROUND, NEAR = 0.5, 0.1
"""Of IoU: what hits, and what is about an object at all (section 2.2)."""


@dataclass(frozen=True, eq=False)
class Errors:
    """What is wrong with each detection, and which objects have nothing to do with any.

    kind: place in KINDS, RIGHT or IGNORED, (D,). concerned: row of the object that it is about, or NO_PARTNER, (D,).
    iou: with that, (D,). mends: whether it would be a hit if it were mended, being the best-scored at an object that
    nothing hits, (D,). missed: whether nothing hits an object and nothing could be mended to, (M,).
    """

    kind: Rows
    concerned: Rows
    iou: Array
    mends: Flags
    missed: Flags

    def count(self) -> dict[Kind, int]:
        """How many there are of each kind."""
        counts = {kind: int((self.kind == place).sum()) for place, kind in enumerate(KINDS)}
        return {**counts, "missed": int(self.missed.sum())}


class Remaining(NamedTuple):
    """Detections and objects of which average precision is made. label, score, hit: (D,). present: objects, (K,)."""

    label: Rows
    score: Array
    hit: Flags
    present: Rows


def errors(found: Detections, truth: Objects, overlap: Overlap) -> Errors:
    """What is wrong with each detection, in the order given.

    A detection that hits no object of its class, at an IoU of 0.5, is of the first kind that fits: place, an object of
    its class is near, at 0.1 to 0.5; class, one of another class is hit; double, one of its class that another hits is;
    background, no object is near; else both. overlap: as `object_hits` has it.
    """
    count = len(found.score)
    made = Errors(
        kind=np.full(count, BACKGROUND, np.int64),
        concerned=np.full(count, NO_PARTNER, np.int64),
        iou=np.zeros(count),
        mends=np.zeros(count, np.bool_),
        missed=~truth.ignored,
    )
    for _, rows, there in by_picture(found, truth):
        _fill(made, found.label[rows], rows, truth, there, overlap(rows, there))
    return made


def _fill(made: Errors, label: Rows, rows: Rows, truth: Objects, there: Rows, overlaps: Array) -> None:
    """Write down the errors of one picture. rows, there: of its detections, best-scored first, and its objects."""
    crowd = truth.ignored[there]
    same = label[:, None] == truth.label[there]
    taken = partners(overlaps * same, crowd[None], crowd, np.array([FOREGROUND]))[:, 0, 0]
    hit = (taken != NO_PARTNER) & ~crowd[taken]
    passed = (taken != NO_PARTNER) & crowd[taken]
    used = np.zeros(len(there), np.bool_)
    used[taken[hit]] = True
    iou = np.where(crowd, 0.0, overlaps)
    own, other = iou * same, iou * ~same
    cases = [hit, passed, (own.max(1) >= NEAR) & (own.max(1) <= FOREGROUND), other.max(1) >= FOREGROUND]
    cases += [(own * used).max(1) >= FOREGROUND, iou.max(1) <= NEAR]
    kind = np.select(cases, [RIGHT, IGNORED, PLACE, CLASS, DOUBLE, BACKGROUND], BOTH)
    about = np.select(
        [hit, kind == PLACE, kind == CLASS, kind == DOUBLE, kind == BOTH],
        [taken, own.argmax(1), other.argmax(1), (own * used).argmax(1), iou.argmax(1)],
        NO_PARTNER,
    )
    made.kind[rows], made.concerned[rows] = kind, np.where(about == NO_PARTNER, NO_PARTNER, there[about])
    made.iou[rows] = np.where(about == NO_PARTNER, 0.0, overlaps[np.arange(len(rows)), about])
    mending = np.flatnonzero(((kind == CLASS) | (kind == PLACE)) & ~used[about])
    best = mending[np.unique(about[mending], return_index=True)[1]]  # the first at each object
    made.mends[rows[best]] = True
    made.missed[there] &= ~used
    made.missed[there[about[best]]] = False


def costs(found: Detections, truth: Objects, made: Errors, classes: int) -> dict[Kind, float]:
    """How much the mean average precision at an IoU of 0.5 would rise without the errors of each kind.

    What is of a wrong class or badly placed becomes a hit where it mends its object and is left out where it does not;
    all other false detections are left out; missed objects are no longer asked for (section 2.3).
    """
    before = precision_without(found, truth, made, classes, ())
    return {kind: max(0.0, precision_without(found, truth, made, classes, (kind,)) - before) for kind in KINDS}


def precision_without(found: Detections, truth: Objects, made: Errors, classes: int, kinds: tuple[Kind, ...]) -> float:
    """Mean average precision at an IoU of 0.5 without the errors of some kinds; nan where nothing is to be found."""
    numbers = [KINDS.index(kind) for kind in kinds]
    mended = np.isin(made.kind, numbers)
    label, renamed = found.label.copy(), mended & (made.kind == CLASS)
    label[renamed] = truth.label[made.concerned[renamed]]
    stays = (made.kind != IGNORED) & (~mended | made.mends)
    asked = ~truth.ignored
    known = np.bincount(truth.label[asked], minlength=classes) > 0
    asked = asked & ~made.missed if MISSED in numbers else asked
    left = Remaining(
        label[stays],
        found.score[stays],
        ((made.kind == RIGHT) | mended)[stays],
        np.bincount(truth.label[asked], minlength=classes),
    )
    return mean(np.where(known, _precisions(left), np.nan))


def _precisions(left: Remaining) -> Array:
    """Average precision of each class, (K,).

    DEVIATES arXiv:2008.08115: a class of which no object is asked for any more has 1, in the code 0: what it lacked was
    that all were missed.
    """
    made = np.ones(len(left.present))
    for label in np.flatnonzero(left.present).tolist():
        rows = np.flatnonzero(left.label == label)
        hit = left.hit[rows[np.argsort(-left.score[rows], kind="stable")]]
        seen = np.flatnonzero(hit)[None] + 1
        made[label] = at_recalls(np.arange(1, seen.size + 1)[None], seen, left.present[label : label + 1]).mean()
    return made
