"""LeNet-5 in the form that textbooks and most code use.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86
(1998), section II.B and figure 2.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import xavier_uniform_
from striate.models.network import Network


class LeNet5(Network):
    """Two 5x5 convolutions with 2x2 average pooling, then 120-84-classes, all with tanh."""

    classifier_name = "classifier.output"
    smallest_px = 16

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        # DEVIATES Proc. IEEE 1998: C3 reads all six S2 maps, pooling has no weights, the output is linear.
        self.features = nn.Sequential(
            OrderedDict(
                c1=nn.Conv2d(in_channels, 6, kernel_size=5),  # N, 6, 28, 28
                tanh1=nn.Tanh(),
                s2=nn.AvgPool2d(2),  # N, 6, 14, 14
                c3=nn.Conv2d(6, 16, kernel_size=5),  # N, 16, 10, 10
                tanh3=nn.Tanh(),
                s4=nn.AvgPool2d(2),  # N, 16, 5, 5
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(5)  # the identity at 32x32; makes other sizes fit
        self.classifier = nn.Sequential(
            OrderedDict(
                c5=nn.Linear(16 * 5 * 5, 120),  # a 5x5 convolution on a 5x5 map
                tanh5=nn.Tanh(),
                f6=nn.Linear(120, 84),
                tanh6=nn.Tanh(),
                output=nn.Linear(84, classes),
            )
        )
        self.features_info = (Feature("features.s2", 6, 2), Feature("features.s4", 16, 4))
        self.preprocess = Preprocess((32, 32), (32, 32)).for_channels(in_channels)
        xavier_uniform_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 32, 32) to (N, 16, 5, 5)."""
        return self.features(images)  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 16, H, W) to (N, classes)."""
        flat = self.pool(features).flatten(1)  # N, 400
        head = self.classifier[:-1] if pre_logits else self.classifier
        return head(flat)  # type: ignore[no-any-return]


def lenet5(classes: int = 10, in_channels: int = 1) -> LeNet5:
    """LeNet-5 for 32x32 pictures.

    >>> sum(p.numel() for p in lenet5().parameters())
    61706
    """
    return LeNet5(classes, in_channels)
