"""What R-CNN solves for at the end of training: a linear SVM, and a regression of the box, of each class.

Girshick et al., arXiv:1311.2524, sections 2.3 and 3.5 (SVMs), appendices B and C. Proposals come picture by picture; of
them positives of the regression are kept, and of negatives those that are hard. P proposals of a picture, M boxes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from striate.models.detection.coder import encode
from striate.models.detection.detector import Truth
from striate.models.detection.matcher import IN_IGNORED
from striate.ops.boxes import box_area, intersection, pairwise_iou
from striate.ops.hard_negatives import MinedSVM
from striate.ops.ridge import ridge

NEGATIVE_BELOW = 0.3
"""The IoU with all objects of a class below which a proposal is a negative of its SVM. Section 2.3."""
NEAR = 0.6
"""The IoU from which a proposal teaches where its object is. Appendix C, which has 1,000 for the penalty too."""
PENALTY = 1000.0
MEAN_NORM = 20.0
"""To which features are scaled, or neither the penalties nor C would mean anything. Source: the paper's code."""
NEVER = -10.0
"""The margin of a class without objects."""


class Own(NamedTuple):
    """The boxes of one picture: (M, 4), labels (M,), and which are ignored, bool (M,)."""

    boxes: Tensor
    labels: Tensor
    ignored: Tensor


def own(truth: Truth, number: int) -> Own:
    """Those of one picture of a batch."""
    here = truth.picture == number
    return Own(truth.boxes[here], truth.labels[here], truth.ignored[here])


class Solving:
    """First sees the objects of all pictures, then the proposals of each."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self._objects: list[tuple[Tensor, Tensor]] = []
        self._near: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(classes)]
        self._machines: list[MinedSVM] = []
        self._scale = 1.0

    def see_objects(self, units: Tensor, labels: Tensor) -> None:
        """Take up the positives of the SVMs: features (M, D) and classes (M,) of objects."""
        self._objects.append((units, labels))

    def see_proposals(self, boxes: Tensor, units: Tensor, maps: Tensor, truth: Own) -> None:
        """Take up what the proposals of a picture teach.

        boxes: (P, 4). units, maps: what the SVMs and what the regressions read of each, (P, D) and (P, places).
        """
        overlap = pairwise_iou(truth.boxes, boxes)  # M, P
        untouched = _outside(truth.boxes[truth.ignored], boxes)
        for label, machine in enumerate(self._begun()):
            of_class = overlap[(truth.labels == label) & ~truth.ignored]
            most = of_class.amax(0) if len(of_class) else torch.zeros_like(boxes[:, 0])
            machine.look(units[(most < NEGATIVE_BELOW) & untouched] * self._scale)
        counted = overlap.masked_fill(truth.ignored[:, None], 0.0)
        if not len(counted):
            return
        most, which = counted.max(0)
        for label, near in enumerate(self._near):
            chosen = ((most > NEAR) & (truth.labels[which] == label)).nonzero()[:, 0]
            near.append((maps[chosen], encode(truth.boxes[which[chosen]], boxes[chosen])))

    def _begun(self) -> list[MinedSVM]:
        """The SVM of each class, once all objects have been seen."""
        if not self._machines:
            units, labels = (torch.cat(each) for each in zip(*self._objects, strict=True))
            self._scale = scale_of(units)
            self._machines = [MinedSVM(units[labels == label] * self._scale) for label in range(self.classes)]
        return self._machines

    def svms(self) -> tuple[Tensor, Tensor]:
        """Weight (K, D) and bias (K,) of margins."""
        for machine in self._begun():
            machine.solve()
        weight = torch.stack([machine.weight * self._scale for machine in self._begun()])
        bias = [machine.bias if len(machine.positives) else NEVER for machine in self._begun()]
        return weight, torch.tensor(bias)

    def boxes(self) -> tuple[Tensor, Tensor]:
        """Weight (4 * K, places) and bias (4 * K,) of codes of boxes; zeros of a class that no proposal was near."""
        rows = []
        for near in self._near:
            maps, codes = (torch.cat(each) for each in zip(*near, strict=True))
            scale = scale_of(maps)
            if not len(maps):
                rows.append((maps.new_zeros(4, maps.shape[1]), maps.new_zeros(4)))
                continue
            weight, bias = ridge(maps * scale, codes, PENALTY)
            rows.append((weight * scale, bias))
        weight, bias = (torch.cat(each) for each in zip(*rows, strict=True))
        return weight, bias


def scale_of(features: Tensor) -> float:
    """What features (N, D) are multiplied by; DEVIATES from the paper's code, which measures some of all proposals.

    >>> scale_of(torch.tensor([[3.0, 4.0], [0.0, 5.0]]))
    4.0
    """
    norm = float(features.norm(dim=1).mean()) if len(features) else 0.0
    return MEAN_NORM / norm if norm else 1.0


def _outside(ignored: Tensor, boxes: Tensor) -> Tensor:
    """Which boxes (P, 4) lie in none that is ignored, bool (P,)."""
    inside = box_area(intersection(ignored[:, None], boxes[None])) >= IN_IGNORED * box_area(boxes)
    return ~inside.any(0)
