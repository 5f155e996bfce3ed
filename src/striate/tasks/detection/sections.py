"""What a report tells of detection: classes and sizes, precision by recall and score, where it loses, pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from striate.core.words import interval, percent
from striate.ops.average_precision import RECALLS, average_precision, interpolated, mean, means, recalls
from striate.ops.error_budget import KINDS, Kind
from striate.ops.object_hits import AREAS, THRESHOLDS, Array
from striate.ops.operating_point import Curve, precision_recall
from striate.tasks.confusion import confusion_of
from striate.tasks.detection.examples import Pictured
from striate.tasks.detection.metric import DetectionEvaluation, known
from striate.tasks.task import Fact, Headline, Section

FOLDER = "detection"
"""Below report/template/."""
MOST_CLASS_ROWS = 40
"""Classes up to which the table is not folded."""
MOST_CURVES = 8
"""Classes of which curves are drawn; there are as many colours."""
OF_MEANS = (0, 5, 8)
"""Thresholds of IoU of the mean curves: 0.5, 0.75, 0.9."""
SCORES: Array = np.linspace(0, 1, 101)
BACKGROUND = "background"
TITLES: dict[Kind, tuple[str, str]] = {
    "class": ("wrong class", "on an object of another class, IoU 0.5 or more"),
    "place": ("badly placed", "of the right class, IoU 0.1 to 0.5"),
    "both": ("wrong class and badly placed", "near an object of another class"),
    "double": ("found twice", "on an object that a surer one has found"),
    "background": ("nothing there", "IoU with every object below 0.1"),
    "missed": ("missed", "objects that nothing found, or would find if it were mended"),
}


@dataclass(frozen=True)
class Line:
    """A curve of shares: its name, what is told beside it, and its points, (x, y), each 0 to 1."""

    name: str
    told: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Loss:
    """What a kind of error costs, as a share, also of the costliest. sure: how many have the advised scores."""

    title: str
    meaning: str
    sure: int | None
    count: int
    cost: float
    beside: float


def headline(found: DetectionEvaluation, split: str) -> Headline:
    """The mean average precision in a sentence."""
    meaning = f"mean average precision (IoU 0.5 to 0.95) on {found.total:,} {split} pictures"
    return Headline(percent(found.figures()["map"]), meaning)


def facts(found: DetectionEvaluation) -> list[Fact]:
    """Average precisions, recall, the advised score, what costs most."""
    figures, ends = found.figures(), found.intervals
    costliest = max(KINDS, key=lambda kind: found.costs[kind])
    loses = found.costs[costliest] > 0
    advice = found.advice_for_all
    return [
        Fact("mAP", percent(figures["map"]), f"IoU 0.5 to 0.95; {interval(ends['map'])}"),
        Fact("mAP at IoU 0.5", percent(figures["map50"]), f"95 % interval {interval(ends['map50'])}"),
        Fact("mAP at IoU 0.75", percent(figures["map75"]), f"95 % interval {interval(ends['map75'])}"),
        Fact("Recall", percent(figures["recall_100"]), "a hundred objects a picture, IoU 0.5 to 0.95"),
        *([Fact("Best F1", percent(advice.f1), f"from a score of {advice.threshold:.2f}")] if advice else []),
        *([Fact("Loses most by", TITLES[costliest][0], f"{percent(found.costs[costliest])} of mAP")] if loses else []),
    ]


def sections(found: DetectionEvaluation, examples: list[Pictured]) -> list[Section]:
    """Classes, scores, where it loses, confusion, pictures."""
    rows = sorted(found.per_class(), key=lambda row: math.inf if row["map"] is None else row["map"])
    classes = {"rows": rows, "most_rows": MOST_CLASS_ROWS, "sizes": by_size(found), "of_all": found.figures()}
    advice = {"rows": rows, "all": found.advice_for_all, "most_rows": MOST_CLASS_ROWS}
    lines = {"of_means": mean_lines(found), "of_classes": class_lines(found), "of_scores": score_lines(found)}
    names = (*found.names, BACKGROUND)
    confusion = {"confusion": confusion_of(names, found.confusion), "classes": names}
    errors = {"losses": losses_of(found), "map50": found.figures()["map50"]}
    return [
        Section("classes", "Classes", f"{FOLDER}/classes.html", classes),
        Section("scores", "Precision, recall and scores", f"{FOLDER}/scores.html", {**advice, **lines}, link="Scores"),
        Section("errors", "Where it loses", f"{FOLDER}/errors.html", errors),
        Section("confusion", "Confusion", f"{FOLDER}/confusion.html", confusion),
        Section("pictures", "Errors and what went well", f"{FOLDER}/pictures.html", shown(examples), link="Pictures"),
    ]


def by_size(found: DetectionEvaluation) -> list[dict[str, Any]]:
    """Objects, average precision and recall of each range of area; None where there is no object."""
    objects = found.hits.present.sum((0, 2))
    return [
        {
            "size": area,
            "objects": int(count),
            "map": known(mean(average_precision(found.hits, area))),
            "recall": known(mean(recalls(found.hits, area))),
        }
        for area, count in zip(AREAS, objects, strict=True)
    ]


def _precisions(found: DetectionEvaluation) -> Array:
    """Interpolated precision of each class, (K, T, 101)."""
    once = np.ones((1, found.total), np.int64)
    return np.stack([interpolated(found.hits, label, "all", once)[0] for label in range(len(found.names))])


def mean_lines(found: DetectionEvaluation) -> list[Line]:
    """Precision by recall, the mean over the classes, at three IoUs."""
    precision = _precisions(found)
    return [
        Line(f"IoU {THRESHOLDS[place]:.2g}", percent(mean(precision[:, place])), _points(means(precision[:, place].T)))
        for place in OF_MEANS
        if not np.isnan(precision[:, place]).all()
    ]


def class_lines(found: DetectionEvaluation) -> list[Line]:
    """Precision by recall at an IoU of 0.5, of the weakest classes."""
    precision = _precisions(found)[:, 0]
    return [
        Line(found.names[label], percent(float(precision[label].mean())), _points(precision[label]))
        for label in _weakest(precision.mean(1))
    ]


def score_lines(found: DetectionEvaluation) -> list[Line]:
    """F1 by the score that is asked for, at an IoU of 0.5, of the same classes."""
    curves = [precision_recall(found.hits, label) for label in range(len(found.names))]
    lines = []
    for label in _weakest(_precisions(found)[:, 0].mean(1)):
        advice = found.advice[label]
        told = f"from {advice.threshold:.2f}" if advice else "never"
        lines.append(Line(found.names[label], told, list(zip(SCORES.tolist(), _f1_from(curves[label]), strict=True))))
    return lines


def _weakest(precision: Array) -> list[int]:
    """The classes of which curves are drawn, in their own order. precision: (K,), nan where there is no object."""
    ranked: list[int] = np.argsort(precision, kind="stable")[: int((~np.isnan(precision)).sum())].tolist()
    return sorted(ranked[:MOST_CURVES])


def _points(precision: Array) -> list[tuple[float, float]]:
    return list(zip(RECALLS.tolist(), precision.tolist(), strict=True))


def _f1_from(curve: Curve) -> list[float]:
    """F1 of all detections with at least each of SCORES; 0 where there is none."""
    count = np.searchsorted(-curve.score, -SCORES, side="right")
    f1: list[float] = np.concatenate([[0.0], curve.f1])[count].tolist()
    return f1


def losses_of(found: DetectionEvaluation) -> list[Loss]:
    """The kinds of error, the costliest first."""
    counts, most = found.errors.count(), max(found.costs.values())
    losses = []
    for place, kind in sorted(enumerate(KINDS), key=lambda each: -found.costs[each[1]]):
        cost = found.costs[kind]
        sure = None if kind == "missed" else int((found.sure & (found.errors.kind == place)).sum())
        losses.append(Loss(*TITLES[kind], sure, counts[kind], cost, cost / most if most else 0.0))
    return losses


def shown(examples: list[Pictured]) -> dict[str, Any]:
    """Pictures by kind, in their order, and those that went well."""
    kinds = dict.fromkeys(each.kind for each in examples if each.kind != "right")
    wrong = [(TITLES[kind][0], [each for each in examples if each.kind == kind]) for kind in kinds]
    return {"wrong": wrong, "right": [each for each in examples if each.kind == "right"]}
