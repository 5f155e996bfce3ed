"""What SSD reads: VGG-16 to conv5 and ten layers more, or the packaged network and a few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.records import Feature, Preprocess
from striate.layers import he_normal_, xavier_uniform_
from striate.models.detection.ssd import SSD
from striate.models.quick_regnet import QuickRegNet, quick_regnet26
from striate.models.segmentation.pixelwise import VGG16_LAYERS
from striate.models.stages import without_head
from striate.models.vgg import VGG, vgg16
from striate.models.weights import fill_body

NORM = 20.0
"""What the length of conv4_3's features begins at, section 3.1."""
ATROUS = 6
"""The dilation of fc6: with every third of its 7x7 weights, at half the stride, it sees as far as before."""


class OnVGG16(nn.Module):
    """VGG-16 with fc6 and fc7 as convolutions, and four pairs of layers behind. Figure 2 of the paper."""

    channels = (512, 1024, 512, 256, 256, 256)

    def __init__(self, vgg: VGG) -> None:
        super().__init__()
        layers = list(vgg.features)
        pools = [place for place, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        layers[pools[2]] = nn.MaxPool2d(2, stride=2, ceil_mode=True)  # 75 places become 38
        self.scale_weight = nn.Parameter(torch.full((512,), NORM))
        self.features = nn.Sequential(*layers[: pools[3]])
        dense = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            nn.Conv2d(512, 1024, kernel_size=3, padding=ATROUS, dilation=ATROUS),
            nn.ReLU(inplace=True),
            nn.Conv2d(1024, 1024, kernel_size=1),
            nn.ReLU(inplace=True),
        )
        pairs = [_pair(1024, 256, 512, 2), _pair(512, 128, 256, 2), _pair(256, 128, 256, 1), _pair(256, 128, 256, 1)]
        xavier_uniform_(nn.ModuleList([dense, *pairs]))
        self.extra = nn.ModuleList([nn.Sequential(*layers[pools[3] : -1], dense), *pairs])

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, C, 300, 300) to (N, 512, 38, 38), (N, 1024, 19, 19), then 512 of 10, 256 of 5, 3 and 1."""
        x = self.features(images)
        maps = [self.scale_weight.view(1, -1, 1, 1) * F.normalize(x)]  # section 3.1, as in ParseNet
        for layers in self.extra:
            x = layers(x)
            maps.append(x)
        return maps


def _pair(channels: int, inner: int, width: int, stride: int) -> nn.Sequential:
    """A 1x1 convolution and a 3x3, which strides, or loses the border."""
    return nn.Sequential(
        nn.Conv2d(channels, inner, kernel_size=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(inner, width, kernel_size=3, stride=stride, padding=stride - 1),
        nn.ReLU(inplace=True),
    )


class OnQuickRegNet(nn.Module):
    """The stages of a network of strides 8 and 16, and four pairs of layers behind, three with norms."""

    def __init__(self, network: QuickRegNet) -> None:
        super().__init__()
        self.body = without_head(network)
        third, fourth = network.features_info[2:]
        self.channels = (third.channels, fourth.channels, 256, 256, 128, 128)
        pairs = [_normed(fourth.channels, 256, 2), _normed(256, 256, 2), _normed(256, 128, 2)]
        self.extra = nn.ModuleList([*pairs, _pair(128, 64, 128, 1)])  # of one place there are no statistics
        he_normal_(self.extra)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, C, 320, 320) to (N, 192, 40, 40), (N, 384, 20, 20), then 256 of 10 and 5, 128 of 3 and 1."""
        x = self.body[:-1](images)
        maps = [x]
        for layers in (self.body[-1], *self.extra):
            x = layers(x)
            maps.append(x)
        return maps


def _normed(channels: int, width: int, stride: int) -> nn.Sequential:
    """The same with half as many maps between, and a batch norm behind each."""
    return nn.Sequential(
        nn.Conv2d(channels, width // 2, kernel_size=1, bias=False),
        nn.BatchNorm2d(width // 2),
        nn.ReLU(inplace=True),
        nn.Conv2d(width // 2, width, kernel_size=3, stride=stride, padding=stride - 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


class SSDOnVGG16(SSD):
    """SSD300, which begins with the weights of a VGG-16."""

    begins_with = "vgg16"
    backbone: OnVGG16

    @torch.no_grad()
    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill the layers from a state dict of `vgg16`; of fc6 and fc7 every fourth unit and every third place.

        Raises StriateError where a tensor is missing or has another shape. Source: section 3, "Base network".
        """
        stage = self.backbone.extra[0]
        layers = [layer for part in (self.backbone.features, stage) for layer in part.modules()]
        convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
        for layer, name in zip(convolutions, VGG16_LAYERS, strict=True):
            for leaf, own in layer.named_parameters():
                found = tensors.get(f"{name}.{leaf}")
                found = found if found is None else _subsampled(name, found)
                if found is None or found.shape != own.shape:
                    what = "missing" if found is None else f"{tuple(found.shape)}"
                    raise StriateError(
                        f"{self.label}: a layer of {tuple(own.shape)} is to come from VGG-16's {name}.{leaf}, which is "
                        f"{what}; give the state dict of a vgg16"
                    )
                own.copy_(found)


def _subsampled(name: str, tensor: Tensor) -> Tensor:
    """Of dense layers, every fourth unit, and of the 7x7 places that fc6 reads every third; others as they are."""
    if not name.startswith("classifier.") or tensor.shape[0] != 4096:
        return tensor
    if tensor.dim() == 1:
        return tensor[::4]
    if name == "classifier.0":
        return tensor.reshape(4096, -1, 7, 7)[::4, :, ::3, ::3]
    return tensor[::4, ::4, None, None]


class SSDOnQuickRegNet(SSD):
    """SSD on the packaged network, which begins with its weights."""

    begins_with = "quick_regnet26"
    backbone: OnQuickRegNet

    def begin_with(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill the stages from a state dict of quick_regnet26. Raises StriateError that names what differs."""
        fill_body(self.backbone.body, tensors, source=self.begins_with)


def ssd300_vgg16(classes: int = 90, in_channels: int = 3) -> SSD:
    """On VGG-16, for pictures of 300 px: the paper's, and torchvision's, whose files load.

    >>> with torch.device("meta"):
    ...     sum(p.numel() for p in ssd300_vgg16().parameters())
    35641826
    """
    vgg = vgg16(1, in_channels)
    network = SSDOnVGG16(OnVGG16(vgg), OnVGG16.channels, (300, 300), (8, 16, 32, 64, 100, 300), classes)
    conv1, conv2, conv3, conv4, _ = vgg.features_info
    stages = [replace(each, name=f"backbone.{each.name}") for each in (conv1, conv2, conv3, conv4)]
    network.features_info = (*stages, Feature("backbone.extra.0", 1024, 16))
    mean, std = (0.48235, 0.45882, 0.40784), (1 / 255,) * 3  # as the weights of Caffe's VGG-16 had it
    network.preprocess = Preprocess((300, 300), (300, 300), mean, std, fit="stretch").for_channels(in_channels)
    return network


def ssd320_quick_regnet26(classes: int = 90, in_channels: int = 3) -> SSD:
    """On quick_regnet26, for pictures of 320 px and two cores."""
    regnet = quick_regnet26(1, in_channels)
    backbone = OnQuickRegNet(regnet)
    network = SSDOnQuickRegNet(backbone, backbone.channels, (320, 320), (8, 16, 32, 64, 320 / 3, 320), classes)
    network.features_info = tuple(replace(each, name=f"backbone.body.{each.name}") for each in regnet.features_info)
    network.preprocess = replace(regnet.preprocess, size=(320, 320), resize=(320, 320), fit="stretch")
    return network
