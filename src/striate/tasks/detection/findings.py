"""What is wrong with a run on boxes that its loss does not tell."""

from __future__ import annotations

from itertools import compress

import numpy as np

from striate.answers.detections import SHOWN_FROM
from striate.core.units import counted
from striate.data.targets.boxes import boxes_of
from striate.models.detection import Detector
from striate.ops.average_precision import average_precision
from striate.ops.boxes import box_area
from striate.tasks.detection.metric import Pictures
from striate.tasks.finding import Finding, Missed, Validated

EMPTY_FROM = 0.3  # of the epochs: scores of many networks begin near 0
NEVER_FROM = 0.5  # of the epochs: a rare class is learned late
MANY_SMALL = 0.25  # of the boxes: some tiny ones are in most data
LEAST_AP = 0.01  # at an IoU of 0.5: a network whose scores are low, but lie on the objects, learns

RATE = "--set peak_lr=..., ten times less, then ten times more"


def findings_of(run: Validated) -> list[Finding]:
    """Boxes that nothing is learned of, or that are too small; nothing found at all; classes that are never found."""
    found = [*_no_positives(run), *_small_boxes(run)]
    pictures: Pictures = run.metric.result().pictures
    objects = pictures.hits.present[:, 0].sum(0)
    if not run.judged or not objects.sum() or run.done < EMPTY_FROM:
        return found
    sure = pictures.found.label[pictures.found.score >= SHOWN_FROM]
    hit = average_precision(pictures.hits)[0, 0] >= LEAST_AP
    if not len(sure) and not hit.any():
        return [*found, _all_background(int(objects.sum()), float(pictures.found.score.max(initial=0)))]
    missed = (objects > 0) & (np.bincount(sure, minlength=len(objects)) == 0) & ~hit
    by_class = zip(run.metric.names, objects.tolist(), strict=True)
    return found if run.done < NEVER_FROM else [*found, *_never(list(compress(by_class, missed)))]


def _no_positives(run: Validated) -> list[Finding]:
    """The loss of what has an object to learn was 0 in all of an epoch."""
    if not isinstance(run.network, Detector) or run.line.get(f"train_{run.network.of_positives}_loss", 1.0) != 0:
        return []
    return [
        Finding(
            "no positives",
            "no anchor, cell or point had an object to learn in the whole epoch: the network learns that everything is "
            "background. Usually every box of the training pictures is marked difficult or iscrowd, or crops leave too "
            "little of each (--set min_area=1): striate check shows what the boxes are",
        )
    ]


def _small_boxes(run: Validated) -> list[Finding]:
    """Many of the boxes looked at are smaller than the smallest thing that the network looks for."""
    if run.looked_at is None or not isinstance(run.network, Detector):
        return []
    batch, (height, width) = boxes_of(run.looked_at.targets), run.preprocess.size
    shares = box_area(batch.shares[~batch.ignored]).numpy()
    sides, least = np.sqrt(shares * height * width), run.network.finest_px((height, width))
    small = sides < least
    if not len(small) or small.mean() < MANY_SMALL:
        return []
    return [
        Finding(
            "small boxes",
            f"{small.sum()} of {len(small)} boxes of the training pictures looked at are smaller than the smallest "
            f"anchor or cell of the network, {least:.3g} px of side: half of these have less than "
            f"{np.median(sides[small]):.2g} px (at {width}x{height}, as the network sees them). Few places learn such "
            f"boxes, and several may share one. {_larger(run.network)}",
        )
    ]


def _larger(network: Detector) -> str:
    """What to do about small boxes."""
    finer = "quick_detector looks at every 8 px (--model quick_detector)"
    if network.only_size is not None:
        return f"The network takes no other size; {finer}, at any --size"
    larger = "Larger pictures help (--size)"
    return larger if network.finest_px(network.preprocess.size) <= 8 else f"{larger}; {finer}"


def _all_background(objects: int, best: float) -> Finding:
    return Finding(
        "all background",
        f"nothing is found in the validation pictures at a score of {SHOWN_FROM} or more, where "
        f"{counted(objects, 'object')} {'is' if objects == 1 else 'are'}; the highest score is {best:.2g}. Usually the "
        f"rate is wrong ({RATE}), or the run is too short (--epochs)",
    )


def _never(missed: list[tuple[str, int]]) -> list[Finding]:
    """missed: classes with their objects."""
    if not missed:
        return []
    which, told = Missed.of([f"{name!r} ({counted(count, 'object')})" for name, count in missed])
    return [
        Finding(
            "never predicted",
            f"nothing in the validation pictures is taken for {which} there, at a score of {SHOWN_FROM} or more: "
            f"{told}. Usually such classes are rare or small: more pictures of them, or larger ones (--size)",
        )
    ]
