"""FractalNet: paths of 1, 2, 4 ... convolutions side by side, joined by their mean; no shortcuts.

Larsson, Maire and Shakhnarovich, "FractalNet: ultra-deep neural networks without residuals", arXiv:1605.07648,
section 3 (expansion rule and drop-path) and section 4.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.records import Feature, Preprocess
from striate.layers import xavier_uniform_
from striate.models.network import Network
from striate.models.resnet_cifar import MEAN, STD

LOCAL_DROP = 0.15  # section 4: "local drop-path uses 15 % drop rate across the entire network"
GLOBAL_SHARE = 0.5  # section 3: 50 % local and 50 % global sampling, a new subnetwork each mini-batch
DROPOUT = (0.0, 0.1, 0.2, 0.3, 0.4)  # section 4, per block


def convolution(channels: int, width: int, dropout: float) -> nn.Sequential:
    """3x3, dropout, batch norm, ReLU: the base case of the fractal."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False),
            dropout=nn.Dropout(dropout),
            bn=nn.BatchNorm2d(width),
            relu=nn.ReLU(inplace=True),
        )
    )


def join(paths: list[Tensor], selected: Tensor | None) -> Tensor:
    """The mean of the paths that are kept, of all when `selected` is None.

    paths: tensors (N, C, H, W), the deepest last. selected: (columns,), 1 at the column of a global path, all 0
    for local drop-path: each path is dropped by chance, but never all of them.
    """
    stacked = torch.stack(paths)  # P, N, C, H, W
    if selected is None:
        return stacked.mean(dim=0)
    count = len(paths)
    kept = torch.rand(count, device=stacked.device) >= LOCAL_DROP
    survivor = F.one_hot(torch.randint(count, (), device=stacked.device), count).bool()
    local = torch.where(kept.any(), kept, survivor)
    path = selected[-count:].bool()  # a column that does not end here has no say: what follows ignores this join
    weights = torch.where(path.any(), path, local).to(stacked.dtype)
    return torch.einsum("p,pnchw->nchw", weights / weights.sum(), stacked)


class FractalBlock(nn.Module):
    """Columns of 1, 2, 4 ... 2^(C - 1) convolutions on the same input; wherever several end, they are joined.

    (N, channels, H, W) to (N, width, H, W).
    """

    def __init__(self, channels: int, width: int, columns: int, dropout: float) -> None:
        super().__init__()
        self.columns = nn.ModuleList(
            nn.ModuleList(convolution(width if row else channels, width, dropout) for row in range(2**column))
            for column in range(columns)
        )

    def forward(self, x: Tensor, selected: Tensor | None = None) -> Tensor:
        """Row by row of the deepest column; column c ends a convolution every 2^(C - 1 - c) rows."""
        columns = [list(column.children()) for column in self.columns]
        rows = len(columns[-1])
        inputs = [x] * len(columns)
        for row in range(1, rows + 1):
            spans = [rows // len(column) for column in columns]
            ending = [number for number, span in enumerate(spans) if row % span == 0]
            outputs = [columns[number][row // spans[number] - 1](inputs[number]) for number in ending]
            joined = join(outputs, selected) if len(outputs) > 1 else outputs[0]
            for number in ending:
                inputs[number] = joined
        return inputs[-1]


class FractalNet(Network):
    """Five fractal blocks, each followed by 2x2 max pooling; in training every pass samples a subnetwork.

    DEVIATES arXiv:1605.07648: a dropped path is computed and weighted with 0, so its batch statistics still move.
    """

    classifier_name = "fc"
    smallest_px = 32

    def __init__(self, columns: int, widths: tuple[int, ...], classes: int, in_channels: int) -> None:
        super().__init__()
        channels = (in_channels, *widths)
        self.blocks = nn.ModuleList(
            FractalBlock(channels[number], width, columns, DROPOUT[number]) for number, width in enumerate(widths)
        )
        self.pool = nn.MaxPool2d(2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(widths[-1], classes)
        self.features_info = tuple(Feature(f"blocks.{n}", width, 2**n) for n, width in enumerate(widths))
        self.preprocess = Preprocess((32, 32), (32, 32), MEAN, STD).for_channels(in_channels)
        xavier_uniform_(self)

    @property
    def columns(self) -> int:
        """How many paths stand side by side in a block."""
        return len(next(iter(self.blocks)).columns)  # type: ignore[arg-type]

    def _sample(self, device: torch.device) -> Tensor:
        """A one-hot column for a global path, or zeros for local drop-path."""
        column = F.one_hot(torch.randint(self.columns, (), device=device), self.columns)
        return column * (torch.rand((), device=device) < GLOBAL_SHARE)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 32, 32) to (N, 512, 1, 1)."""
        selected = self._sample(images.device) if self.training else None
        x = images
        for block in self.blocks:
            x = self.pool(block(x, selected))
        return x

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 512, H, W) to (N, classes)."""
        flat = self.avgpool(features).flatten(1)
        return flat if pre_logits else self.fc(flat)  # type: ignore[no-any-return]

    def column_logits(self, images: Tensor, column: int = -1) -> Tensor:
        """The logits of one column alone, by default the deepest: a plain network without any join (table 4).

        Images (N, C, H, W) to (N, classes). Raises StriateError for a column that does not exist.
        """
        self.require_fit(images)
        if not -self.columns <= column < self.columns:
            raise StriateError(f"{self.label} has columns 0 (one convolution) to {self.columns - 1}, got {column}")
        x = images
        for block in self.blocks:
            for layer in block.columns[column]:  # type: ignore[index]
                x = layer(x)
            x = self.pool(x)
        return self.forward_head(x)


def fractalnet20(classes: int = 10, in_channels: int = 3) -> FractalNet:
    """Three columns, 20 convolutions on the deepest path, with the widths that section 4 prints.

    33.7 million parameters; the paper's table 1 prints 38.6 million, which these widths do not give.
    """
    return FractalNet(3, (64, 128, 256, 512, 512), classes, in_channels)


def fractalnet40(classes: int = 10, in_channels: int = 3) -> FractalNet:
    """Four columns, 40 convolutions on the deepest path, with the narrow widths of table 3; 4.8 million parameters."""
    return FractalNet(4, (16, 32, 64, 128, 128), classes, in_channels)
