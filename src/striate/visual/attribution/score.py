"""What is explained: how strongly any module answers a class of each picture, as one number that has gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from striate.answers.boxes import LOCALISATION
from striate.answers.detections import DETECTION
from striate.answers.instances import INSTANCES
from striate.core.errors import StriateError
from striate.core.units import counted
from striate.meta.weightless import every_module
from striate.models.network import Network
from striate.models.own.outputs import answer_of
from striate.models.own.walk import does_not_run


class CannotShow(StriateError):
    """What a method cannot make of a network, and why; others may do."""


@dataclass(frozen=True, eq=False)
class Score:
    """How strongly a network answers a class of each of N pictures.

    Of classes it is the logit. Of pixels it is the mean logit over those that are answered as the class in the pictures
    as they are, or over all where none is (Vinogradova, Dibrov and Myers, "Seg-Grad-CAM", arXiv:2002.11434). Of objects
    it is the sum of the scores of those of the class.

    classes: int64 (N,). pixels: of a network of pixels those that count, bool (N, H, W).
    """

    network: nn.Module
    classes: Tensor
    pixels: Tensor | None = None

    def __call__(self, images: Tensor) -> Tensor:
        """Of images (N, C, H, W), (N,), with gradients."""
        answer = _answer(self.network, images)
        if _finds_objects(self.network):
            return (answer[..., 4] * self._of_the_class(answer)).sum(1)
        if self.pixels is None:
            return answer.gather(1, self.classes[:, None])[:, 0]
        return self._over_pixels(answer)

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor | None:
        """Of images their logits (N, classes), where the network answers with such."""
        answer = _answer(self.network, images)
        of_classes = self.pixels is None and not _finds_objects(self.network)
        return answer[:, : _count(self.network, answer)] if of_classes else None

    @torch.no_grad()
    def probability(self, images: Tensor) -> Tensor:
        """The probability of the class, (N,), 0 to 1; of pixels its mean over them, of objects the best score."""
        answer = _answer(self.network, images)
        if _finds_objects(self.network):
            return (answer[..., 4] * self._of_the_class(answer)).amax(1)
        logits = answer[:, : _count(self.network, answer)].float()
        shares = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)
        if self.pixels is None:
            return shares.gather(1, self.classes[:, None])[:, 0]
        return self._over_pixels(shares)

    def _of_the_class(self, objects: Tensor) -> Tensor:
        return (objects[..., 5].long() == self.classes[:, None]).to(objects.dtype)

    def _over_pixels(self, maps: Tensor) -> Tensor:
        assert self.pixels is not None  # noqa: S101 - our own invariant
        of_class = maps[torch.arange(len(maps), device=maps.device), self.classes]
        return (of_class * self.pixels).sum((1, 2)) / self.pixels.sum((1, 2))


def score_of(network: nn.Module, images: Tensor, classes: Tensor) -> Score:
    """The score of a class of each image, tried once.

    images: (N, C, H, W), normalised. classes: int64 (N,). Raises StriateError for images that are none or do not fit,
    for classes that are not there, and for an answer that is nothing of classes, pixels or objects.
    """
    name = name_of(network)
    if not (isinstance(images, Tensor) and images.dim() == 4 and images.is_floating_point() and len(images)):
        got = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise StriateError(f"images must be a tensor (N, C, H, W) of floating-point numbers, normalised, got {got}")
    if classes.shape != images.shape[:1]:
        raise StriateError(f"there must be a class for each of {counted(len(images), 'image')}, got {len(classes)}")
    with torch.no_grad():
        answer = _tried(network, images, name)
    count = _count(network, answer)
    wrong = classes[(classes < 0) | (classes >= count)]
    if len(wrong):
        raise StriateError(f"{name} has classes 0 to {count - 1}, got {int(wrong[0])}")
    if _finds_objects(network):
        found = ((answer[..., 5].long() == classes[:, None]) & (answer[..., 4] > 0)).any(1)
        if not found.all():
            place = int((~found).nonzero()[0])
            raise CannotShow(
                f"{name} finds no object of class {int(classes[place])} in picture {place}, so nothing asks why"
            )
        return Score(network, classes)
    if not answer.isfinite().all():
        raise StriateError(f"{name} answers with numbers that are not finite, so nothing can be said of why")
    if answer.dim() == 2:
        return Score(network, classes)
    pixels = answer.argmax(1) == classes[:, None, None]
    return Score(network, classes, pixels | ~pixels.any((1, 2), keepdim=True))


def best_classes(network: nn.Module, images: Tensor) -> Tensor:
    """The class that each image is answered most strongly with, int64 (N,); of pixels the one of most of them."""
    with torch.no_grad():
        answer = _tried(network, images, name_of(network))
    if _finds_objects(network):
        return answer[:, 0, 5].long()
    best = answer[:, : _count(network, answer)].argmax(1)
    return best if best.dim() == 1 else best.flatten(1).mode(1).values


def name_of(network: nn.Module) -> str:
    """How messages call a module."""
    return network.label if isinstance(network, Network) else type(network).__name__


@contextmanager
def in_evaluation(network: nn.Module, seed: int) -> Iterator[None]:
    """The context in which a network answers as it is used, with gradients, and draws the same each time."""
    modes = [(module, module.training) for _, module in every_module(network)]
    network.eval()
    try:
        with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _tried(network: nn.Module, images: Tensor, name: str) -> Tensor:
    try:
        return _answer(network, images)
    except StriateError:
        raise
    except Exception as error:  # whatever a person's code raises
        _, *shape = images.shape
        raise does_not_run(name, (shape[0], shape[1], shape[2]), error) from error


def answer_in_logits(network: nn.Module, output: Any) -> Tensor:
    """The logits of its classes in what a network gave, (N, K) or (N, K, H, W). Raises CannotShow for objects."""
    if _finds_objects(network):
        raise CannotShow(f"{name_of(network)} finds objects and gives no logits of a class; name a layer of it")
    answer = _as_answer(network, output)
    return answer[:, : _count(network, answer)]


def _answer(network: nn.Module, images: Tensor) -> Tensor:
    return _as_answer(network, network(images))


def _as_answer(network: nn.Module, output: Any) -> Tensor:
    """Logits (N, K) or (N, K, H, W); of detectors of this house objects (N, M, 6)."""
    if isinstance(network, Network) and network.task == LOCALISATION:
        logits: Tensor = output[..., 0]  # beside the edges of a box for each class
        return logits
    if _finds_objects(network):
        objects: Tensor = output if isinstance(output, Tensor) else output[0]
        return objects
    return answer_of(output, name_of(network)).main


def _finds_objects(network: nn.Module) -> bool:
    return isinstance(network, Network) and network.task in (DETECTION, INSTANCES)


def _count(network: nn.Module, answer: Tensor) -> int:
    """Classes; behind their logits a network may have numbers of another kind, such as edges of a box."""
    return network.classes if isinstance(network, Network) else answer.shape[1]
