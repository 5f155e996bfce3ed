"""R-CNN: proposals cut out of the picture, warped to one size, and each sent through a classifier.

Girshick, Donahue, Darrell and Malik, "Rich feature hierarchies for accurate object detection and semantic
segmentation", arXiv:1311.2524. Steps fine-tune the classifier for K classes and none; a linear SVM and a regression of
the box of each class are solved for at the end, on the features that it has come to. R regions, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.models.alexnet import alexnet
from striate.models.detection.coder import PLAIN
from striate.models.detection.detector import Detector, Truth
from striate.models.detection.fast_rcnn import WINDOWS_PX, proposed_in, windows
from striate.models.detection.matcher import match
from striate.models.detection.proposals import Proposed
from striate.models.detection.rcnn_solving import Own, Solving, own
from striate.models.detection.regions import (
    Learning,
    Regions,
    all_regions,
    class_loss,
    drawn_regions,
    objects_of,
    with_truth,
)
from striate.models.network import Network
from striate.models.quick_regnet import quick_regnet26
from striate.models.weights import fill
from striate.ops.roi import roi_align

# Section 2.3, "Domain-specific fine-tuning": 32 positives and 96 of background a batch. DEVIATES arXiv:1311.2524: they
# are drawn picture by picture, 4 and 12 of each, which are as many where a batch is of eight pictures.
LEARNING = Learning(partial(match, low=0.5, high=0.5), 16, 0.0)
SUPPRESSED = 0.3
"""The IoU of suppression. Source: the paper's code."""
AT_ONCE_PX = 2**22
"""Pixels of warped regions that go through the classifier together, or its maps would take gigabytes."""


class Read(NamedTuple):
    """What the classifier has of R regions: its last maps, (R, places), and what its last layer reads, (R, units)."""

    maps: Tensor
    units: Tensor


class Solved(nn.Module):
    """An affine map that is solved for, not learned by steps: zeros until then. solved: of each class, bool (K,)."""

    weight: Tensor
    bias: Tensor
    solved: Tensor

    def __init__(self, inputs: int, outputs: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(outputs, inputs))
        self.register_buffer("bias", torch.zeros(outputs))
        self.register_buffer("solved", torch.zeros(classes, dtype=torch.bool))

    def forward(self, features: Tensor) -> Tensor:
        """(R, inputs) to (R, outputs)."""
        return F.linear(features, self.weight, self.bias).float()

    @torch.no_grad()
    def take(self, weight: Tensor, bias: Tensor) -> None:
        """The solution for all classes."""
        self.weight.copy_(weight)
        self.bias.copy_(bias)
        self.solved |= True


class RCNN(Detector):
    """A classifier of K + 1 classes on warped regions, and what is solved for on its features. Its loss: class.

    body: any classifier. side: of the warped regions, in pixels, of which `context` at every edge are from around the
    proposal. places: numbers of the classifier's last maps at that size. Until the SVMs are solved for, scores are the
    classifier's (appendix B).
    """

    repeatable: ClassVar[bool] = False  # what is computed of thousands of regions takes gigabytes
    takes_proposals: ClassVar[bool] = True
    most_proposals: int = 2000
    """Of a picture, where they are given. Section 2.2."""
    auxiliary_classifiers: ClassVar[tuple[str, ...]] = ("svm", "boxes")
    learning: ClassVar[Learning] = LEARNING

    def __init__(self, body: Network, side: int, context: int, places: int, classes: int) -> None:
        super().__init__()
        self.body, self.side, self.context, self.places = body, side, context, places
        self.classifier_name = f"body.{body.classifier_name}"
        self.features_info = tuple(replace(each, name=f"body.{each.name}") for each in body.features_info)
        self.reset_classifier(classes)

    @staticmethod
    def classes_of(rows: int) -> int:
        """Classes of so many rows of the classifier, of which the first is of no object."""
        return rows - 1

    def reset_classifier(self, classes: int) -> None:
        """A fresh last layer for another number of classes, nothing solved. Raises StriateError for one below 1."""
        self.require_classes(classes)
        self.body.reset_classifier(classes + 1)
        weight = self.get_classifier().weight
        assert isinstance(weight, Tensor)  # noqa: S101 - our own invariant
        self.svm = Solved(weight.shape[1], classes, classes).to(weight.device)
        self.boxes = Solved(self.places, 4 * classes, classes).to(weight.device)

    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill the classifier, but for its last layer. Raises StriateError that names what differs."""
        head, own = f"{self.body.classifier_name}.", self.body.state_dict()
        others = {name: tensor for name, tensor in tensors.items() if not name.startswith(head)}
        fresh = {name: tensor for name, tensor in own.items() if name.startswith(head)}
        fill(self.body, {**others, **fresh}, f"the {self.begins_with} given")

    def losses(self, images: Tensor, truth: Truth, proposed: Proposed | None = None) -> dict[str, Tensor]:
        """Cross-entropy of regions drawn from the proposals, a mean over pictures. proposed: as of `forward`."""
        self.require_fit(images)
        proposed = proposed_in(truth, images, self.most_proposals) if proposed is None else proposed
        drawn = drawn_regions(with_truth(proposed, truth), truth, self.learning)
        return {"class": class_loss(self._logits(self.read(images, drawn.regions)), drawn, truth)}

    def forward(self, images: Tensor, proposed: Proposed | None = None) -> Tensor:
        """Images (N, C, H, W) to objects (N, MOST, 6), as `Detector` has them.

        proposed: windows that are slid, where none are given.
        """
        self.require_fit(images)
        proposed = windows(images) if proposed is None else proposed.best(self.most_proposals)
        if torch.compiler.is_exporting():
            return self._objects(images, proposed)
        alone = [Proposed(boxes[None], there[None]) for boxes, there in zip(*proposed, strict=True)]
        return torch.cat([self._objects(image[None], own) for image, own in zip(images, alone, strict=True)])

    def _objects(self, images: Tensor, proposed: Proposed) -> Tensor:
        read = self.read_in_parts(images, all_regions(proposed))
        scores = torch.where(self.svm.solved, self.svm(read.units).sigmoid(), self._logits(read).softmax(1)[:, 1:])
        return objects_of(scores, self.boxes(read.maps).unflatten(1, (-1, 4)), proposed, images, PLAIN, SUPPRESSED)

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        some = Proposed(*(each[:, : self.learning.size] for each in windows(images)))
        return [(1.0, self._logits(self.read(images, all_regions(some))))]

    def finest_px(self, size: tuple[int, int]) -> float:
        """See `Detector`."""
        return WINDOWS_PX[-1]

    def read(self, images: Tensor, regions: Regions) -> Read:
        """What the classifier has of R regions of images (N, C, H, W)."""
        maps = self.body.forward_features(warped(images, regions, self.side, self.context))
        return Read(maps.flatten(1), self.body.forward_head(maps, pre_logits=True))

    def read_in_parts(self, images: Tensor, regions: Regions) -> Read:
        """The same of any number of regions, in evaluation; a file for other programs has them all at once."""
        at_once = len(regions.boxes) if torch.compiler.is_exporting() else max(1, AT_ONCE_PX // self.side**2)
        parts = map(Regions, torch.split(regions.boxes, at_once), torch.split(regions.picture, at_once))
        read = [self.read(images, part) for part in parts]
        return Read(*(torch.cat(each) for each in zip(*read, strict=True)))

    def _logits(self, read: Read) -> Tensor:
        return self.get_classifier()(read.units).float()  # type: ignore[no-any-return]

    @torch.no_grad()
    def fit_at_end(self, pictures: Iterable[tuple[Tensor, Truth]]) -> None:
        """Solve for SVMs and boxes, in evaluation mode, on images (N, C, H, W) and their truth, which are read twice.

        What comes of it depends on the classifier and the pictures alone, not on what was solved before.
        """
        self.eval()
        solving = Solving(self.classes)
        for images, truth in pictures:
            counted = ~truth.ignored
            there = Regions(truth.boxes[counted], truth.picture[counted])
            solving.see_objects(self.read_in_parts(images, there).units.double(), truth.labels[counted])
        for images, truth in pictures:
            proposed = proposed_in(truth, images, self.most_proposals)
            for number in range(truth.pictures):
                boxes = proposed.boxes[number][proposed.there[number]]
                self._look(images[number, None], boxes, own(truth, number), solving)
        self.svm.take(*solving.svms())
        self.boxes.take(*solving.boxes())

    def _look(self, image: Tensor, boxes: Tensor, truth: Own, solving: Solving) -> None:
        """Take up what the proposals (P, 4) of one picture teach."""
        read = self.read_in_parts(image, Regions(boxes, boxes.new_zeros(len(boxes)).long()))
        solving.see_proposals(boxes, read.units.double(), read.maps.float(), truth)


def warped(images: Tensor, regions: Regions, side: int, context: int) -> Tensor:
    """Regions of images (N, C, H, W) warped to squares, (R, C, side, side), `context` pixels around them at each edge.

    Appendix A, "warp". What lies outside the picture is 0, which in images is the mean colour.

    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> middle = Regions(torch.tensor([[1.0, 1.0, 3.0, 3.0]]), torch.tensor([0]))
    >>> torch.equal(warped(image, middle, 4, 1), image)
    True
    """
    centre, half = (regions.boxes[:, :2] + regions.boxes[:, 2:]) / 2, (regions.boxes[:, 2:] - regions.boxes[:, :2]) / 2
    half = half * side / (side - 2 * context)
    wider = torch.cat([centre - half, centre + half], 1)
    return roi_align(images, wider, regions.picture, (side, side), 1.0, samples=1, aligned=True)


def rcnn_alexnet(classes: int = 20, in_channels: int = 3) -> RCNN:
    """The paper's: AlexNet, regions of 227 px with 16 px of context; proposals of selective search, in training 2,000.

    >>> with torch.device("meta"):
    ...     rcnn_alexnet().svm.weight.shape
    torch.Size([20, 4096])
    """
    network = RCNN(alexnet(1, in_channels), 227, 16, 256 * 6 * 6, classes)
    network.begins_with = "alexnet"
    network.preprocess = Preprocess((500, 500), (500, 500), fit="stretch").for_channels(in_channels)
    return network


def rcnn_quick_regnet26(classes: int = 20, in_channels: int = 3) -> RCNN:
    """The same on the packaged network, for two cores: pictures of 320 px, regions of 48 px with 4 px of context."""
    regnet = quick_regnet26(1, in_channels)
    network = RCNN(regnet, 48, 4, regnet.features_info[-1].channels * 3 * 3, classes)
    network.begins_with, network.most_proposals = "quick_regnet26", 400
    network.preprocess = replace(regnet.preprocess, size=(320, 320), resize=(320, 320), fit="stretch")
    return network
