"""The perceptron (one linear layer on the pixels) and the multi-layer perceptron.

Rosenblatt, "The perceptron: a probabilistic model for information storage", Psychological Review 65 (1958).
Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323 (1986).
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_
from striate.models.network import Network

HIDDEN_UNITS = (300, 100)  # LeCun et al., Proc. IEEE 1998, section III.C: the 28x28-300-100-10 network


class Perceptron(Network):
    """Linear layers with ReLU between them, on all pixels at once; without hidden units, the perceptron."""

    classifier_name = "classifier"

    def __init__(self, hidden_units: tuple[int, ...], classes: int, in_channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        widths = (in_channels * size[0] * size[1], *hidden_units)
        rows: list[nn.Module] = [nn.Flatten()]
        for width, next_width in zip(widths, hidden_units, strict=False):
            rows += [nn.Linear(width, next_width), nn.ReLU(inplace=True)]
        self.hidden = nn.Sequential(*rows)  # N, last width
        self.classifier = nn.Linear(widths[-1], classes)
        self.first_layer = "hidden.1" if hidden_units else "classifier"
        self.preprocess = Preprocess(size, size).for_channels(in_channels)
        self.features_info = (Feature("hidden", widths[-1], max(size)),)
        he_normal_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, last width)."""
        return self.hidden(images)  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, last width) to (N, classes)."""
        return features if pre_logits else self.classifier(features)

    def require_size(self, height: int, width: int) -> None:
        """Raise StriateError unless it is exactly the size that the first layer was built for."""
        if (height, width) == self.preprocess.size:
            return
        fits = "x".join(map(str, self.preprocess.size))
        raise StriateError(
            f"{self.label}: layer {self.first_layer!r} reads every pixel of a {fits} picture, "
            f"got {height}x{width}; the smallest that works, and the largest, is {fits}: resize "
            f"the pictures, or build it with create_model({self.architecture!r}, size=({height}, {width}))"
        )


def perceptron(classes: int = 10, in_channels: int = 1, size: tuple[int, int] = (28, 28)) -> Perceptron:
    """One linear layer from pixels to classes.

    >>> sum(p.numel() for p in perceptron().parameters()) == 28 * 28 * 10 + 10
    True
    """
    return Perceptron((), classes, in_channels, size)


def mlp(classes: int = 10, in_channels: int = 1, size: tuple[int, int] = (28, 28)) -> Perceptron:
    """Two hidden layers of 300 and 100 units.

    >>> sum(p.numel() for p in mlp().parameters()) == 785 * 300 + 301 * 100 + 101 * 10
    True
    """
    return Perceptron(HIDDEN_UNITS, classes, in_channels, size)
