"""What every network of the zoo can do besides `forward`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from striate.core.errors import StriateError
from striate.core.records import Feature, Preprocess


class Network(nn.Module):
    """A network of the zoo: features, then a head that ends in one linear layer.

    A subclass fills `features_info`, `classifier_name`, `smallest_px` and `preprocess`, and writes
    `forward_features` and `forward_head`.
    """

    classifier_name: ClassVar[str]
    """Module path of the last linear layer."""
    smallest_px: ClassVar[int] = 1
    """The smallest height and width that the arithmetic allows; the tests search for it by trial."""

    architecture: str = ""
    """The name it has in the zoo; `create_model` fills it in."""
    features_info: tuple[Feature, ...]
    preprocess: Preprocess

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to the last feature maps."""
        raise NotImplementedError

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """Feature maps to logits (N, classes), or with `pre_logits` to what the last linear layer reads."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, classes). Raises StriateError for a shape that does not fit."""
        self.require_fit(images)
        return self.forward_head(self.forward_features(images))

    def get_classifier(self) -> nn.Linear:
        """The last linear layer."""
        layer = self.get_submodule(self.classifier_name)
        assert isinstance(layer, nn.Linear)  # noqa: S101 - our own invariant
        return layer

    def reset_classifier(self, classes: int) -> None:
        """Replace the last linear layer by a fresh one for another number of classes.

        Drawn as the published networks draw theirs: N(0, 0.01), biases 0.
        """
        if classes < 1:
            raise StriateError(f"{self.architecture or type(self).__name__}: classes must be at least 1, got {classes}")
        old = self.get_classifier()
        new = nn.Linear(old.in_features, classes, device=old.weight.device, dtype=old.weight.dtype)
        nn.init.normal_(new.weight, std=0.01)
        nn.init.zeros_(new.bias)
        parent, _, leaf = self.classifier_name.rpartition(".")
        setattr(self.get_submodule(parent), leaf, new)

    @property
    def in_channels(self) -> int:
        """Channels of the pictures it takes."""
        return self.preprocess.channels

    def require_fit(self, images: Tensor) -> None:
        """Raise StriateError unless `images` is (N, in_channels, H, W) with H and W large enough."""
        if images.dim() != 4 or images.shape[1] != self.in_channels:
            raise StriateError(
                f"{self.architecture}: pictures must be (N, {self.in_channels}, H, W), got {tuple(images.shape)}"
            )
        self.require_size(images.shape[2], images.shape[3])

    def require_size(self, height: int, width: int) -> None:
        """Raise StriateError that names the layer, what arrives there and the smallest size that works."""
        if min(height, width) < self.smallest_px:
            raise self._does_not_fit(height, width)

    def _does_not_fit(self, height: int, width: int) -> StriateError:
        layer, kind, arriving = self._first_failure(height, width)
        return StriateError(
            f"{self.architecture}: a {height}x{width} picture is too small: layer {layer!r} ({kind}) gets "
            f"{arriving[0]}x{arriving[1]}; the smallest that works is {self.smallest_px}x{self.smallest_px}"
        )

    def _first_failure(self, height: int, width: int) -> tuple[str, str, tuple[int, int]]:
        """Path and kind of the layer that cannot take what arrives, and the size that arrives, by trial on meta."""
        entered: list[tuple[str, str, tuple[int, int]]] = []
        weights = {n: torch.empty_like(t, device="meta") for n, t in self.state_dict(keep_vars=True).items()}
        images = torch.empty(2, self.in_channels, height, width, device="meta")
        with ExitStack() as hooks:
            for path, module in self.named_modules():
                if next(module.children(), None) is None:

                    def note(module: nn.Module, inputs: tuple[Tensor, ...], path: str = path) -> None:
                        shape = inputs[0].shape
                        entered.append((path, type(module).__name__, (shape[-2], shape[-1])))

                    hooks.enter_context(_removing(module.register_forward_pre_hook(note)))
            try:
                functional_call(_Features(self), {f"network.{n}": t for n, t in weights.items()}, images)
            except RuntimeError:
                pass
        return entered[-1]


class _Features(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.forward_features(images)


class _removing:  # noqa: N801 - reads as the context manager it is
    def __init__(self, handle: torch.utils.hooks.RemovableHandle) -> None:
        self.handle = handle

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.handle.remove()
