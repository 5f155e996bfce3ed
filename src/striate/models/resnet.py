"""The ImageNet ResNets of 18 to 152 layers, the plain networks beside them, and the three kinds of shortcut.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", arXiv:1512.03385, table 1.
The paper strides in the first 1x1 of a bottleneck (`resnet50_paper` ...); moving it to the 3x3 costs 6 % more
arithmetic and is what published weight files hold (`resnet50` ...). Key names are torchvision's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from striate.core.records import Feature, Preprocess
from striate.layers import ZeroPadShortcut, he_normal_
from striate.models.network import Network

Shortcut = Callable[[int, int, int], nn.Module | None]
"""(channels, width, stride) to the module on the shortcut, None for the bare identity."""
Block = Callable[[int, int, int, Shortcut], nn.Module]
"""(channels, width of the stage, stride, shortcut) to a block."""

WIDTHS = (64, 128, 256, 512)
# arXiv:1512.03385, table 1    layers: blocks in conv2_x ... conv5_x
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def option_a(channels: int, width: int, stride: int) -> nn.Module | None:
    """Section 3.3, option A: no weights; zeros fill the new channels where the shape changes."""
    return None if (channels, stride) == (width, 1) else ZeroPadShortcut(width, stride)


def option_b(channels: int, width: int, stride: int) -> nn.Module | None:
    """Option B: a 1x1 convolution where the shape changes, otherwise the identity."""
    return None if (channels, stride) == (width, 1) else option_c(channels, width, stride)


def option_c(channels: int, width: int, stride: int) -> nn.Module:
    """Option C: a 1x1 convolution on every shortcut."""
    conv = nn.Conv2d(channels, width, kernel_size=1, stride=stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width))


class Basic(nn.Module):
    """Two 3x3 convolutions and a shortcut (figure 5, left)."""

    def __init__(self, channels: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, width, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """1x1 to `inner` channels, 3x3 in `groups`, 1x1 to `width` channels, and a shortcut (figure 5, right).

    strides: of the first 1x1 and of the 3x3.
    """

    def __init__(
        self,
        channels: int,
        inner: int,
        width: int,
        strides: tuple[int, int],
        groups: int,
        downsample: nn.Module | None,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, inner, kernel_size=1, stride=strides[0], bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, kernel_size=3, stride=strides[1], padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, width, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, width, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)  # type: ignore[no-any-return]


def basic(channels: int, width: int, stride: int, shortcut: Shortcut) -> nn.Module:
    """The block of ResNet-18 and 34."""
    return Basic(channels, width, stride, shortcut(channels, width, stride))


def bottleneck(channels: int, width: int, stride: int, shortcut: Shortcut) -> nn.Module:
    """The block of ResNet-50, 101 and 152 as everybody's weights have it: stride in the 3x3."""
    return Bottleneck(channels, width, 4 * width, (1, stride), 1, shortcut(channels, 4 * width, stride))


def paper_bottleneck(channels: int, width: int, stride: int, shortcut: Shortcut) -> nn.Module:
    """The block of ResNet-50, 101 and 152 as the paper has it: stride in the first 1x1."""
    return Bottleneck(channels, width, 4 * width, (stride, 1), 1, shortcut(channels, 4 * width, stride))


def plain(channels: int, width: int, stride: int, _: Shortcut) -> nn.Module:
    """Two 3x3 convolutions without a shortcut: the networks that residual learning is compared to."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False),
            bn1=nn.BatchNorm2d(width),
            relu1=nn.ReLU(inplace=True),
            conv2=nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False),
            bn2=nn.BatchNorm2d(width),
            relu2=nn.ReLU(inplace=True),
        )
    )


def stage_of(block: Block, channels: int, width: int, depth: int, stride: int, shortcut: Shortcut) -> nn.Sequential:
    """`depth` blocks, of which the first strides; its output channels are those of the last block's norm."""
    blocks = [block(channels, width, stride, shortcut)]
    out = _out_channels(blocks[0])
    blocks += [block(out, width, 1, shortcut) for _ in range(depth - 1)]
    return nn.Sequential(*blocks)


def _out_channels(block: nn.Module) -> int:
    own = [layer for name, layer in block.named_children() if name.startswith("bn")]
    assert isinstance(own[-1], nn.BatchNorm2d)  # noqa: S101 - our own invariant
    return own[-1].num_features


class ResNet(Network):
    """One column of the paper's table 1."""

    classifier_name = "fc"
    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(
        self, layers: int, block: Block, classes: int, in_channels: int, shortcut: Shortcut = option_b
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels, stages = 64, list[Feature]()
        for number, (width, depth) in enumerate(zip(WIDTHS, DEPTHS[layers], strict=True), start=1):
            stage = stage_of(block, channels, width, depth, 1 if number == 1 else 2, shortcut)
            self.add_module(f"layer{number}", stage)
            channels = _out_channels(stage[-1])
            stages.append(Feature(f"layer{number}", channels, 2 ** (number + 1)))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)
        self.features_info = tuple(stages)
        self.preprocess = Preprocess((224, 224), (256, 256)).for_channels(in_channels)
        he_normal_(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """(N, C, 224, 224) to (N, 512 or 2048, 7, 7)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))  # N, 64, 56, 56
        x = self.layer2(self.layer1(x))  # N, 128e, 28, 28     e = 4 with bottlenecks, else 1
        return self.layer4(self.layer3(x))  # type: ignore[no-any-return]   # N, 512e, 7, 7

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """(N, 512e, H, W) to (N, classes)."""
        flat = self.avgpool(features).flatten(1)  # N, 512e
        return flat if pre_logits else self.fc(flat)  # type: ignore[no-any-return]


def resnet18(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """18 layers of basic blocks, shortcuts of option B."""
    return ResNet(18, basic, classes, in_channels)


def resnet18_a(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """18 layers of basic blocks, shortcuts of option A: the paper's table 2."""
    return ResNet(18, basic, classes, in_channels, option_a)


def resnet34(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """34 layers of basic blocks, shortcuts of option B."""
    return ResNet(34, basic, classes, in_channels)


def resnet34_a(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """34 layers of basic blocks, shortcuts of option A: the paper's tables 2 and 3."""
    return ResNet(34, basic, classes, in_channels, option_a)


def resnet34_c(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """34 layers of basic blocks, shortcuts of option C: the paper's table 3."""
    return ResNet(34, basic, classes, in_channels, option_c)


def resnet50(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """50 layers of bottlenecks, stride in the 3x3.

    >>> import torch
    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in resnet50().parameters())
    25557032
    """
    return ResNet(50, bottleneck, classes, in_channels)


def resnet101(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """101 layers of bottlenecks, stride in the 3x3."""
    return ResNet(101, bottleneck, classes, in_channels)


def resnet152(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """152 layers of bottlenecks, stride in the 3x3."""
    return ResNet(152, bottleneck, classes, in_channels)


def resnet50_paper(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """50 layers of bottlenecks, stride in the first 1x1."""
    return ResNet(50, paper_bottleneck, classes, in_channels)


def resnet101_paper(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """101 layers of bottlenecks, stride in the first 1x1."""
    return ResNet(101, paper_bottleneck, classes, in_channels)


def resnet152_paper(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """152 layers of bottlenecks, stride in the first 1x1."""
    return ResNet(152, paper_bottleneck, classes, in_channels)


def plain18(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-18 without its shortcuts."""
    return ResNet(18, plain, classes, in_channels)


def plain34(classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-34 without its shortcuts."""
    return ResNet(34, plain, classes, in_channels)
