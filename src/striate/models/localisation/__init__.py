"""A second head, for a box, on any network of the zoo: resnet18+box, or resnet18+boxes with a box for each class."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from striate.answers.boxes import LOCALISATION
from striate.core.records import Feature
from striate.meta.stand_ins import META
from striate.meta.weightless import MetaMode, weightless
from striate.models.localisation.box_head import BoxHead
from striate.models.network import Network
from striate.ops.boxes import mirrored

ONE_BOX, BOX_PER_CLASS = "+box", "+boxes"
"""What the name of a network ends in that answers with one box, whatever the class, or with one for each class."""


class Named(NamedTuple):
    """What the name of a network for localisation says."""

    body: str
    ending: str


class Localiser(Network):
    """A network of the zoo, its own head for the class, and beside it a head for one box, which reads the same maps.

    `forward` gives (N, K, 5): for each class its logit, and the edges of its box, left, top, right and bottom, as
    shares of the input's width and height. Images show all of a picture, stretched to the network's size, so that they
    are shares of the picture too. Here the box is the same for all classes.
    """

    task = LOCALISATION
    ending: ClassVar[str] = ONE_BOX

    def __init__(self, body: Network) -> None:
        super().__init__()
        self.body = body
        self.architecture = f"{body.architecture}{self.ending}"
        self.classifier_name = f"body.{body.classifier_name}"
        self.smallest_px, self.class_names = body.smallest_px, body.class_names
        self.features_info = tuple(
            Feature(f"body.{each.name}", each.channels, each.stride) for each in body.features_info
        )
        own = body.preprocess
        self.preprocess = replace(own, fit="stretch", resize=own.resize if own.enlarges else own.size)
        self.box_head = BoxHead(_channels(body), self._boxes(body.classes))

    @staticmethod
    def _boxes(classes: int) -> int:
        """How many boxes there are to a picture."""
        return 1

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to the last maps."""
        return self.body.forward_features(images)

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """The last maps to logits and boxes, (N, K, 5), or to what the classes' last layer reads."""
        if pre_logits:
            return self.body.forward_head(features, pre_logits=True)
        logits = self.body.forward_head(features)[:, :, None]  # N, K, 1
        boxes = self.box_head(features).unflatten(1, (-1, 4))  # N, 1 or K, 4
        return torch.cat([logits, boxes.expand(-1, logits.shape[1], -1)], 2)

    def turned_back(self, answer: Tensor) -> Tensor:
        """What was answered of mirror images, (N, K, 5), as of the pictures."""
        return turned_back(answer)

    def require_size(self, height: int, width: int) -> None:
        """As the network inside."""
        self.body.require_size(height, width)

    def reset_classifier(self, classes: int) -> None:
        """Replace the layers whose weights depend on the classes. Raises StriateError for a number below 1."""
        self.body.reset_classifier(classes)


class LocaliserPerClass(Localiser):
    """The same with a box for each class."""

    ending = BOX_PER_CLASS
    auxiliary_classifiers = ("box_head.edges",)

    @staticmethod
    def _boxes(classes: int) -> int:
        """How many boxes there are to a picture."""
        return classes

    def reset_classifier(self, classes: int) -> None:
        """Replace the layers whose weights depend on the classes. Raises StriateError for a number below 1."""
        self.body.reset_classifier(classes)
        self.box_head.draw_edges(classes)


def localiser_named(name: str) -> Named | None:
    """What a name says; None for one of no network for localisation.

    >>> localiser_named("resnet18+box"), localiser_named("resnet18")
    (Named(body='resnet18', ending='+box'), None)
    """
    for ending in (ONE_BOX, BOX_PER_CLASS):
        if name.endswith(ending):
            return Named(name.removesuffix(ending), ending)
    return None


def with_box(body: Network, ending: str) -> Localiser:
    """A network of the zoo, weights and all, with a fresh head for boxes."""
    return (LocaliserPerClass if ending == BOX_PER_CLASS else Localiser)(body)


def turned_back(answer: Tensor) -> Tensor:
    """Logits and boxes of mirror images, (N, K, 5), as of the pictures: left and right change places.

    >>> turned_back(torch.tensor([[[3.0, 0.0, 0.0, 0.25, 1.0]]])).tolist()
    [[[3.0, 0.75, 0.0, 1.0, 1.0]]]
    """
    return torch.cat([answer[..., :1], mirrored(answer[..., 1:], 1.0)], -1)


def _channels(body: Network) -> int:
    """Channels of the last maps, found by a run on meta tensors."""
    images = META.blank((2, body.in_channels, *body.preprocess.size), torch.float32)
    with weightless(body), MetaMode(), torch.no_grad():
        return int(body.forward_features(images).shape[1])


__all__ = [
    "BOX_PER_CLASS",
    "ONE_BOX",
    "BoxHead",
    "Localiser",
    "LocaliserPerClass",
    "localiser_named",
    "turned_back",
    "with_box",
]
