"""LeNet-5 as the 1998 paper has it: sparse C3, trained sub-sampling, scaled tanh, radial basis outputs.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998),
section II.B, figure 2 and table I.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers.lenet_units import RadialBasis, ScaledTanh, Subsampling, TableConv2d, fan_in_uniform_
from striate.models.network import Network

# Table I: the maps of S2 that each map of C3 reads.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip

# DEVIATES Proc. IEEE 1998: figure 3 shows its 7x12 characters only as a picture; these digits are drawn anew.
DIGITS = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...#... ..###.. ..###.. ....##. .#####. ...##.. .#####. ..###.. ..###..
.#...#. ..##... .#...#. .#...#. ...#.#. .#..... ..#.... .....#. .#...#. .#...#.
#.....# .#.#... .....#. .....#. ..#..#. .#..... .#..... .....#. .#...#. #.....#
#.....# ...#... .....#. .....#. ..#..#. .#..... #...... ....#.. .#...#. #.....#
#.....# ...#... ....#.. ..###.. .#...#. .####.. #.###.. ....#.. ..###.. .#...##
#.....# ...#... ...#... .....#. #....#. .....#. ##...#. ...#... .#...#. ..###.#
#.....# ...#... ..#.... ......# ####### ......# #.....# ...#... #.....# ......#
#.....# ...#... .#..... ......# .....#. ......# #.....# ..#.... #.....# .....#.
.#...#. ...#... .#..... #....#. .....#. #....#. .#...#. ..#.... .#...#. ....#..
..###.. .#####. ####### .####.. .....#. .####.. ..###.. ..#.... ..###.. .##....
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def digit_centres() -> Tensor:
    """(10, 84): the 7x12 pictures of the digits, ink +1 and paper -1."""
    rows = [line.split() for line in DIGITS.split("\n") if line]
    pictures = ["".join(row[digit] for row in rows) for digit in range(10)]
    return torch.tensor([[1.0 if cell == "#" else -1.0 for cell in picture] for picture in pictures], device="cpu")


def centres_for(classes: int) -> Tensor:
    """(classes, 84): the digits for ten classes, otherwise +1 and -1 by chance, as the section allows; always equal."""
    if classes == 10:
        return digit_centres()
    generator = torch.Generator(device="cpu").manual_seed(1998)
    return torch.randint(2, (classes, 84), generator=generator, device="cpu") * 2.0 - 1.0


class LeNet5Of1998(Network):
    """Two stages of convolution and sub-sampling, a 5x5 convolution, 84 units, and distances to fixed pictures."""

    classifier_name = "output"
    smallest_px = 16

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                c1=nn.Conv2d(in_channels, 6, kernel_size=5),  # N, 6, 28, 28
                squash1=ScaledTanh(),
                s2=Subsampling(6),  # N, 6, 14, 14
                squash2=ScaledTanh(),
                c3=TableConv2d(6, C3_TABLE, kernel=5),  # N, 16, 10, 10
                squash3=ScaledTanh(),
                s4=Subsampling(16),  # N, 16, 5, 5
                squash4=ScaledTanh(),
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(5)  # the identity at 32x32; makes other sizes fit
        self.hidden = nn.Sequential(
            OrderedDict(
                c5=nn.Conv2d(16, 120, kernel_size=5),  # N, 120, 1, 1
                squash5=ScaledTanh(),
                flat=nn.Flatten(),
                f6=nn.Linear(120, 84),
                squash6=ScaledTanh(),
            )
        )
        self.output = RadialBasis(centres_for(classes).to(torch.get_default_device()))
        self.features_info = (Feature("features.s2", 6, 2), Feature("features.s4", 16, 4))
        # Section II.B: background -0.1 and ink 1.175, where 0 is the background and 1 the ink.
        ink = Preprocess((32, 32), (32, 32), mean=(0.1 / 1.275,), std=(1 / 1.275,))
        self.preprocess = ink.for_channels(in_channels)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                fan_in_uniform_(layer)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 32, 32) to (N, 16, 5, 5)."""
        return self.features(images)  # type: ignore[no-any-return]

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 16, H, W) to (N, classes): minus the squared distances to the classes' pictures."""
        units = self.hidden(self.pool(features))  # N, 84
        return units if pre_logits else self.output(units)  # type: ignore[no-any-return]

    @property
    def classes(self) -> int:
        """How many classes have a centre."""
        return len(self.output.centres)

    def reset_classifier(self, classes: int) -> None:
        """Take the fixed centres for another number of classes; nothing in them is trained."""
        self.require_classes(classes)
        old = self.output.centres
        self.output = RadialBasis(centres_for(classes).to(device=old.device, dtype=old.dtype))


def lenet5_1998(classes: int = 10, in_channels: int = 1) -> LeNet5Of1998:
    """The network of the paper.

    >>> sum(p.numel() for p in lenet5_1998().parameters())
    60000
    """
    return LeNet5Of1998(classes, in_channels)
