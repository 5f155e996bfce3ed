"""Modules that are not ours, written as people write them: what of a network an explanation tends to break on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Functional(nn.Module):
    """No module but those with weights."""

    def __init__(self, channels=3):
        super().__init__()
        self.one, self.two = nn.Conv2d(channels, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.last = nn.Linear(8, 5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.one(x)), 2)
        x = torch.relu(self.two(x))
        return self.last(x.mean((2, 3)))


class ReusedInPlace(nn.Module):
    """One ReLU in place for everything, as in the residual blocks of torchvision."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.norm, self.relu, self.last = nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Linear(6, 5)

    def forward(self, x):
        x = self.relu(self.norm(self.one(x)))
        x = self.relu(self.norm(self.two(x)) + x)
        return self.last(F.adaptive_avg_pool2d(x, 1).flatten(1))


class InPlaceMethod(Functional):
    """Rectified by a method whose answer is not used."""

    def forward(self, x):
        x = self.one(x)
        x.relu_()
        x = self.two(F.max_pool2d(x, 2)).clamp_(min=0)
        return self.last(x.mean((2, 3)))


class InPlaceOfAPart(Functional):
    """Half of the maps are rectified where they lie."""

    def forward(self, x):
        x = self.one(x)
        x[:, :3].relu_()
        return self.last(self.two(x).relu().mean((2, 3)))


class TwoHeads(nn.Module):
    """A tuple: classes, and something of another shape."""

    def __init__(self):
        super().__init__()
        self.body, self.other = Functional(), nn.Linear(48, 4)

    def forward(self, x):
        return self.body(x), self.other(x[:, :, ::4, ::4].reshape(len(x), -1)[:, :48])


class AsDictionary(Functional):
    """As torchvision's networks of pixels answer."""

    def forward(self, x):
        return {"out": super().forward(x), "aux": torch.zeros(len(x), 5)}


class Attention(nn.Module):
    """A transformer of patches with a token for the class, which alone is read."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 12))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(12, 2, 24, dropout=0.1, activation="gelu", batch_first=True) for _ in range(3)
        )
        self.last = nn.Linear(12, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        for block in self.blocks:
            x = block(x)
        return self.last(x[:, 0])


class ChannelsLast(nn.Module):
    """Maps (N, H, W, C), as ConvNeXt and Swin have them within, and GELU."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 4, stride=4), nn.LayerNorm(8)
        self.mix, self.last = nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, x):
        x = self.norm(self.stem(x).permute(0, 2, 3, 1))
        return self.last(F.gelu(self.mix(x)).mean((1, 2)))


class Gated(nn.Module):
    """Squeeze and excitation: a sigmoid that is a gate, and ReLUs."""

    def __init__(self):
        super().__init__()
        self.one, self.gate, self.last = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 1), nn.Linear(6, 5)

    def forward(self, x):
        x = self.one(x).relu()
        x = x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()
        return self.last(x.relu().mean((2, 3)))


class Recurrent(nn.Module):
    """Rows are read one after the other."""

    def __init__(self):
        super().__init__()
        self.one, self.rows, self.last = nn.Conv2d(3, 4, 3, padding=1), nn.GRU(64, 8, batch_first=True), nn.Linear(8, 5)

    def forward(self, x):
        x = self.one(x).relu().permute(0, 2, 3, 1).flatten(2)
        return self.last(self.rows(x)[0][:, -1])


class OfPixels(nn.Module):
    """Logits of every pixel, through a bottleneck with a bridge."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.ConvTranspose2d(6, 6, 2, stride=2)
        self.bridge, self.last = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 5, 1)

    def forward(self, x):
        return self.last(F.relu(self.up(F.relu(self.down(x))) + self.bridge(x)))


class ClassMaps(nn.Module):
    """A map for each class, whose mean is the logit, as Network in Network has it."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 5, 1), nn.ReLU())

    def forward(self, x):
        return self.features(x).mean((2, 3))


class OwnGradient(Functional):
    """A rectifier with a gradient of its own."""

    class Rectify(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, gradient):
            return gradient * (ctx.saved_tensors[0] > 0)

    def forward(self, x):
        return self.last(self.Rectify.apply(self.two(self.one(x))).mean((2, 3)))


class WithoutGradients(Functional):
    """Meant for use alone."""

    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class Sampling(Functional):
    """Draws each time that it answers."""

    def forward(self, x):
        return super().forward(x + 0.1 * torch.randn_like(x))


class Siamese(Functional):
    """The same layers see two halves of the channels."""

    def __init__(self):
        super().__init__(3)

    def forward(self, x):
        return super().forward(x[:, :3]) - super().forward(x[:, 3:])


def plain(activation, channels=3):
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3, padding=1), activation, nn.Conv2d(6, 6, 3, padding=1), activation,
        nn.Flatten(), nn.Linear(6 * 16 * 16, 5),
    )  # fmt: skip


GELU = "has GELU in their place"
NO_HEAD = "CAM needs a head that is the mean over each map and one linear layer"
NO_RELU = "has none on its way to this answer"
NO_GRADIENTS = "gives no gradients with respect to its pictures"
# of each: how it is made, the channels of its pictures, and what methods say that cannot be used on it
RELUS = ("deconvnet", "guided-backpropagation")
CAMS = ("grad-cam", "grad-cam++", "layer-cam")
FOREIGN = {
    "functional": (Functional, 3, {}),
    "reused in place": (ReusedInPlace, 3, {}),
    "an in-place method": (InPlaceMethod, 3, {}),
    "a part in place": (InPlaceOfAPart, 3, dict.fromkeys(RELUS, "changes a part of a tensor in place")),
    "two heads": (TwoHeads, 3, {}),
    "a dictionary": (AsDictionary, 3, {}),
    "attention": (Attention, 3, {"cam": NO_HEAD, **dict.fromkeys(RELUS, GELU)}),
    "channels last": (ChannelsLast, 3, dict.fromkeys(RELUS, GELU)),
    "gated": (Gated, 3, {}),
    "recurrent": (Recurrent, 3, {"cam": NO_HEAD, **dict.fromkeys(RELUS, "has tanh in their place")}),
    "of pixels": (OfPixels, 3, {"cam": NO_HEAD}),
    "class maps": (ClassMaps, 3, {}),
    "a gradient of its own": (OwnGradient, 3, dict.fromkeys(RELUS, "has a gradient of its own (Rectify)")),
    "without gradients": (WithoutGradients, 3, dict.fromkeys(
        (*CAMS, *RELUS, "gradient", "integrated-gradients", "smoothgrad"), NO_GRADIENTS)),
    "sampling": (Sampling, 3, {"cam": NO_HEAD}),
    "siamese": (Siamese, 6, {"cam": NO_HEAD}),
    "grey": (lambda: Functional(1), 1, {}),
    "nine channels": (lambda: Functional(9), 9, {}),
    "dense": (lambda: plain(nn.ReLU()), 3, {"cam": NO_HEAD}),
    "SiLU": (lambda: plain(nn.SiLU()), 3, {"cam": NO_HEAD, **dict.fromkeys(RELUS, "has SiLU in their place")}),
    "leaky": (lambda: plain(nn.LeakyReLU(0.1)), 3, {"cam": NO_HEAD, **dict.fromkeys(RELUS, "has leaky ReLU in their")}),
    "ReLU6": (lambda: plain(nn.ReLU6()), 3, {"cam": NO_HEAD}),
    "linear": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 5)), 3, {
        "cam": NO_HEAD, **dict.fromkeys(RELUS, NO_RELU), **dict.fromkeys(CAMS, "has no stage of maps")}),
}  # fmt: skip
