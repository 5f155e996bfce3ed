"""What every network of the zoo can do besides `forward`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from striate.answers.classes import CLASSIFICATION
from striate.core.errors import StriateError
from striate.core.own_code import Written
from striate.core.records import Feature, Preprocess
from striate.meta.stand_ins import META
from striate.meta.weightless import MetaMode, weightless
from striate.models.places import overrun

if TYPE_CHECKING:
    from typing_extensions import Self


class Network(nn.Module):
    """A network of the zoo: features, then a head that ends in one layer with a unit per class.

    A subclass fills `features_info`, `classifier_name`, `smallest_px` and `preprocess`, and writes
    `forward_features` and `forward_head`.
    """

    classifier_name: str
    """Module path of the layer that gives the logits."""
    smallest_px: int = 1
    """The smallest height and width that the arithmetic allows; the tests search for it by trial."""

    only_size: tuple[int, int] | None = None
    """The height and width of its pictures, in pixels, where it takes no others."""
    auxiliary_classifiers: ClassVar[tuple[str, ...]] = ()
    """The same of auxiliary heads, each inside a child of its own; a weight file without those children is whole."""

    names_elsewhere: ClassVar[Mapping[str, str]] = {}
    """Of layers that other libraries call otherwise: their paths there, and here."""

    task: str = CLASSIFICATION
    """What it answers."""
    repeatable: ClassVar[bool] = True
    """Whether a pass may be recorded to be repeated, which holds on to all that it computes."""
    takes_proposals: ClassVar[bool] = False
    """Whether its `forward` can be given the boxes in which to look."""
    begins_with: str = ""
    """The network of the zoo whose weights `begin_with` takes."""

    architecture: str = ""
    """The name it has in the zoo; `create_model` fills it in."""
    written: Written | None = None
    """Of a network of a person's own: where its code stands."""
    remarks: tuple[str, ...] = ()
    """What there is to say of how it was built."""
    class_names: tuple[str, ...] = ()
    """Names of the classes, in the order of the logits, where they came with the weights."""
    frozen: tuple[str, ...] = ()
    """Paths of the modules that `freeze` has pinned."""
    eval_only: tuple[str, ...] = ()
    """Paths of the modules that stay in evaluation although their weights may change."""
    modules_by_stage: Mapping[str, tuple[str, ...]] | None = None
    """As `groups_of` gives them, where the order of names does not tell them."""
    features_info: tuple[Feature, ...]
    preprocess: Preprocess

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to the last feature maps."""
        raise NotImplementedError

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """Feature maps to logits (N, classes), or with `pre_logits` to what the last layer reads."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, classes). Raises StriateError for a shape that does not fit."""
        self.require_fit(images)
        return self.forward_head(self.forward_features(images))

    def training_logits(self, images: Tensor) -> list[tuple[float, Tensor]]:
        """What the loss is taken of: (weight, logits) of the main head, weight 1, then of auxiliary heads.

        The training loss is the sum of weight * criterion(logits, labels); most networks have the main head
        only.
        """
        self.require_fit(images)
        return self._heads(images)

    def _heads(self, images: Tensor) -> list[tuple[float, Tensor]]:
        return [(1.0, self.forward_head(self.forward_features(images)))]

    def turned_back(self, answer: Tensor) -> Tensor:
        """What was answered of mirror images, as it holds for the pictures: places in them change, classes do not."""
        return answer

    def notes(self) -> tuple[str, ...]:
        """What there is to say of it: its remarks, and what depends on the size of its pictures."""
        return self.remarks

    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill its first layers from the state dict of another network, which `begins_with` names."""
        raise NotImplementedError

    def get_classifier(self) -> nn.Module:
        """The layer that gives the logits; in nearly every network an `nn.Linear`."""
        return self.get_submodule(self.classifier_name)

    def freeze(self, paths: Iterable[str], eval_only: Iterable[str] = ()) -> None:
        """Freeze the modules at these paths, and only these: weights, batch norm's statistics, dropout.

        eval_only: paths of modules whose weights are free, but which stay in evaluation, such as batch norms that keep
        their statistics. All stay so when `train()` is called.
        """
        self.frozen, self.eval_only = tuple(paths), tuple(eval_only)
        for path, module in self.named_modules():
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(path not in self.frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Training mode, or evaluation; what is frozen stays in evaluation."""
        super().train(mode)
        self.hold_frozen()
        return self

    def hold_frozen(self) -> None:
        """Put what is frozen, and what is never trained, into evaluation mode."""
        for path in (*self.frozen, *self.eval_only):
            self.get_submodule(path).training = False

    def reset_classifier(self, classes: int) -> None:
        """Replace the layer that gives the logits by a fresh one for another number of classes.

        Drawn as the published networks draw theirs: N(0, 0.01), biases 0.
        """
        self.require_classes(classes)
        for path in (self.classifier_name, *self.auxiliary_classifiers):
            replace_classifier(self, path, classes)

    def require_classes(self, classes: int) -> None:
        """Raise StriateError unless a head can have this number of classes."""
        if classes < 1:
            raise StriateError(f"{self.label}: classes must be at least 1, got {classes}")

    @property
    def against_channels_last(self) -> str:
        """Why it cannot work on maps whose channels lie last in memory; "" where it can."""
        path = overrun(self)
        return path and f"torch's gradient of {path}, a 1x1 convolution with a stride, writes past its memory there"

    @property
    def classes(self) -> int:
        """How many logits it gives."""
        weight = self.get_classifier().weight
        assert isinstance(weight, Tensor)  # noqa: S101 - our own invariant
        return self.classes_of(weight.shape[0])

    @staticmethod
    def classes_of(rows: int) -> int:
        """How many classes a last layer of so many units is for; more than one unit may be a class's."""
        return rows

    @property
    def label(self) -> str:
        """How messages call it: its name in the zoo, or its class when `create_model` did not build it."""
        return self.architecture or type(self).__name__

    @property
    def in_channels(self) -> int:
        """Channels of the pictures it takes."""
        return self.preprocess.channels

    def require_fit(self, images: Tensor) -> None:
        """Raise StriateError unless `images` is (N, in_channels, H, W) of real numbers with H and W large enough."""
        if not isinstance(images, Tensor):
            raise StriateError(
                f"{self.label}: pictures must be a tensor (N, {self.in_channels}, H, W), got {type(images).__name__}; "
                "run.predict takes arrays, Pillow's pictures and paths"
            )
        if images.dim() != 4 or images.shape[1] != self.in_channels:
            raise StriateError(
                f"{self.label}: pictures must be (N, {self.in_channels}, H, W), got {tuple(images.shape)}"
            )
        if not images.is_floating_point():
            raise StriateError(
                f"{self.label}: pictures must be floating-point numbers that are normalised, got {images.dtype}; "
                "striate.data.picture.normalise(pictures, network.preprocess) makes them of 0..255"
            )
        self.require_size(images.shape[2], images.shape[3])

    def require_size(self, height: int, width: int) -> None:
        """Raise StriateError that names the layer, what arrives there and the smallest size that works."""
        if self.only_size is not None and (height, width) != self.only_size:
            fits = "x".join(map(str, self.only_size))
            raise StriateError(
                f"{self.label} takes pictures of {fits} px and no others, got {height}x{width}: leave the size out, "
                "and they are brought to it"
            )
        if min(height, width) < self.smallest_px:
            raise self._does_not_fit(height, width)

    def _does_not_fit(self, height: int, width: int) -> StriateError:
        layer, kind, arriving = self._first_failure(height, width)
        return StriateError(
            f"{self.label}: a {height}x{width} picture is too small: layer {layer!r} ({kind}) gets "
            f"{arriving[0]}x{arriving[1]}; the smallest that works is {self.smallest_px}x{self.smallest_px}"
        )

    def _first_failure(self, height: int, width: int) -> tuple[str, str, tuple[int, int]]:
        """Path and kind of the layer that cannot take what arrives, and what arrives, by trial on meta."""
        entered: list[tuple[str, str, tuple[int, int]]] = []
        with ExitStack() as hooks:
            for path, module in self.named_modules():
                if next(module.children(), None) is None:

                    def note(module: nn.Module, inputs: tuple[Tensor, ...], path: str = path) -> None:
                        shape = inputs[0].shape
                        entered.append((path, type(module).__name__, (shape[-2], shape[-1])))

                    hooks.enter_context(module.register_forward_pre_hook(note))
            with weightless(self), MetaMode(), torch.no_grad(), suppress(RuntimeError):
                self._heads(META.blank((2, self.in_channels, height, width), torch.float32))
        return entered[-1]


def replace_classifier(model: nn.Module, path: str, outputs: int) -> None:
    """Put a fresh linear layer, or convolution of that window, at a module path, same device: N(0, 0.01), biases 0."""
    old = model.get_submodule(path)
    assert isinstance(old, nn.Linear | nn.Conv2d)  # noqa: S101 - our own invariant
    where: dict[str, Any] = {"device": old.weight.device, "dtype": old.weight.dtype}
    new: nn.Linear | nn.Conv2d
    if isinstance(old, nn.Linear):
        new = nn.Linear(old.in_features, outputs, **where)
    else:
        window: dict[str, Any] = {"kernel_size": old.kernel_size, "padding": old.padding}
        new = nn.Conv2d(old.in_channels, outputs, **window, **where)
    assert new.bias is not None  # noqa: S101 - our own invariant
    nn.init.normal_(new.weight, std=0.01)
    nn.init.zeros_(new.bias)
    parent, _, leaf = path.rpartition(".")
    setattr(model.get_submodule(parent), leaf, new)


def set_dropout(model: nn.Module, probability: float) -> None:
    """Set the probability with which every `nn.Dropout` of a network drops.

    Raises StriateError when it is not in [0, 1) or the network has no dropout.

    >>> network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    >>> set_dropout(network, 0.2)
    >>> network[1]
    Dropout(p=0.2, inplace=False)
    """
    if not 0 <= probability < 1:
        raise StriateError(f"dropout must be at least 0 and below 1, got {probability}")
    layers = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    if not layers:
        name = getattr(model, "label", type(model).__name__)
        raise StriateError(f"{name} has no dropout layer, so its dropout cannot be set to {probability}")
    for layer in layers:
        layer.p = probability
