"""How far two ways of computing the same network agree in the objects that they find and in the masks of these."""

from __future__ import annotations

import numpy as np

from striate.answers.detections import SHOWN_FROM
from striate.tasks.agreement import Agreement, Numbers
from striate.tasks.detection.agreement import of_objects, partners

NUMBERS = 6
"""Of a row, before its cells: a box, a score, a class number."""


def of_instances(expected: Numbers, found: Numbers, close: float) -> Agreement:
    """Of rows (N, R, 6 + S * S) as `Instances.of` reads them: objects as `of_objects` has them, then their masks.

    Those of objects that both ways have, of a score from `SHOWN_FROM` by either: the mean over a mask's cells, which
    are chances, of how far they are apart is no more than `close`. The mean, since an edge that rounding moves by the
    least may exchange the level of the pyramid that a mask is read from, which moves single cells by more.

    >>> one = np.array([[[0.1, 0.1, 0.5, 0.5, 0.9, 0, 1.0]]], np.float32)
    >>> of_instances(one, np.where(one == 1, 0.25, one), 0.01).apart.tolist()
    [True]
    """
    agreement = of_objects(expected[..., :NUMBERS], found[..., :NUMBERS], close)
    apart = np.array([_masks_apart(*rows) for rows in zip(expected, found, strict=True)])
    difference = np.maximum(agreement.difference, apart)
    return agreement._replace(difference=difference, apart=~(difference <= close))


def _masks_apart(ours: Numbers, theirs: Numbers) -> float:
    """The largest mean difference of two masks of one object, of a picture; infinite where some are no numbers."""
    if not np.isfinite(theirs).all():
        return np.inf
    largest = 0.0
    for some, others in ((ours, theirs), (theirs, ours)):
        some, others = some[some[:, 4] >= SHOWN_FROM], others[others[:, 4] > 0]
        partner = partners(some[:, :NUMBERS], others[:, :NUMBERS])
        pairs = some[partner >= 0, NUMBERS:] - others[partner[partner >= 0], NUMBERS:]
        largest = max(largest, float(np.abs(pairs).mean(1).max(initial=0)))
    return largest
