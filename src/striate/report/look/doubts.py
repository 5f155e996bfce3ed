"""The part of doubts: the pictures that a network is surest wrong about, and those that it hesitates on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from striate.core.errors import StriateError
from striate.data.decode import Pixels
from striate.data.scan import Progress
from striate.report.look.part import Found
from striate.report.look.subject import Subject
from striate.visual.attribution.score import Score, in_evaluation, name_of

SHOWN = 16
BATCH = 32


@dataclass(frozen=True)
class Doubted:
    """A picture, its two likeliest classes with their probabilities, and its class, "" where nobody knows it."""

    name: str
    pixels: Pixels
    answer: str
    probability: float
    second: str
    second_probability: float
    truth: str


def look_at_doubts(subject: Subject, progress: Progress) -> Found:
    """Wrong answers, surest first, and answers whose two likeliest classes are nearly as likely, nearest first."""
    sample, found = subject.sample, []
    with in_evaluation(subject.network, subject.seed):
        for images in sample.batches(BATCH):
            logits = Score(subject.network, torch.zeros(len(images), dtype=torch.int64)).logits(images)
            if logits is None or logits.dim() != 2 or logits.shape[1] < 2:
                raise StriateError(f"{name_of(subject.network)} tells no classes of whole pictures, so it doubts none")
            found.append(logits.float().softmax(1).cpu())
            progress(min(len(sample), BATCH * len(found)), len(sample))
    best, classes = (each.numpy() for each in torch.cat(found).topk(2))
    known = sample.labels >= 0
    wrong = np.flatnonzero(known & (classes[:, 0] != sample.labels))
    surest = wrong[np.argsort(-best[wrong, 0], kind="stable")]
    hesitating = np.argsort(best[:, 0] - best[:, 1], kind="stable")

    def doubted(place: int) -> Doubted:
        (answer, second), (first, other) = classes[place].tolist(), best[place].tolist()
        truth = subject.class_name(int(sample.labels[place])) if known[place] else ""
        names = subject.class_name(answer), subject.class_name(second)
        return Doubted(sample.names[place], sample.shown[place], names[0], first, names[1], other, truth)

    shown = {
        "surest": [doubted(place) for place in surest[:SHOWN].tolist()],
        "hesitating": [doubted(place) for place in hesitating[:SHOWN].tolist()],
    }
    facts = {"pictures": len(sample), "with_known_class": int(known.sum()), "wrong": len(wrong)}
    told = {what: [_fact(each) for each in several] for what, several in shown.items()}
    return Found({**shown, **facts}, {**facts, **told})


def _fact(one: Doubted) -> dict[str, object]:
    return {name: value for name, value in vars(one).items() if name != "pixels"}
