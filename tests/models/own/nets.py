"""Networks as people write them, each with a habit that a trainer may stumble over."""

import random
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Outputs = namedtuple("Outputs", ("logits", "aux_logits"))


def body(classes, width=8):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, classes),
    )


class Body(nn.Module):
    """What the others are made of."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.body = body(num_classes)

    def forward(self, images):
        return self.body(images)


class Staged(nn.Module):
    """Three sizes of maps, a parameter of its own, and no names that anybody knows."""

    def __init__(self, num_classes=10, width=8):
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True))
        self.middle = nn.Sequential(nn.Conv2d(width, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(width, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.scale = nn.Parameter(torch.ones(1))
        self.answer = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.answer(self.deep(self.middle(self.enter(images))).mean((2, 3)) * self.scale)


class Halving(nn.Module):
    """A class for every pixel, of sizes that halve twice; a second head of smaller maps in training."""

    def __init__(self, num_classes=10, width=8):
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * width, width, 4, stride=4)
        self.aux = nn.Conv2d(width, num_classes, 1)
        self.score = nn.Conv2d(2 * width, num_classes, 1)

    def forward(self, images):
        entered = self.enter(images)
        down = self.down(entered)
        deep = self.deep(down)
        both = torch.cat([deep, F.max_pool2d(down, 2)], 1)
        out = {"out": self.score(torch.cat([self.up(both), entered], 1))}
        return out | {"aux": self.aux(deep)} if self.training else out


class Coarse(nn.Module):
    """A class for every second place, as a tensor."""

    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, classes, 1))

    def forward(self, images):
        return self.body(images)


class Dictionary(Body):
    """Logits among other things, by name."""

    def forward(self, images):
        return {"features": images.mean((2, 3)), "logits": self.body(images)}


class Auxiliary(Body):
    """A second head in training, in a named tuple as torchvision has it."""

    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.aux = body(num_classes)

    def forward(self, images):
        logits = self.body(images)
        return Outputs(logits, self.aux(images)) if self.training else logits


@dataclass
class Record:
    loss: Tensor
    logits: Tensor


class InRecord(Body):
    """Logits in a record, after something else."""

    def forward(self, images):
        return Record(images.sum(), self.body(images))


class Nameless(Body):
    """Logits under a name that nobody can know."""

    def forward(self, images):
        return {"features": self.body(images)}


class Drawing(Body):
    """Draws random numbers in three ways, in evaluation too."""

    def forward(self, images):
        drawn = random.random() + np.random.rand()  # noqa: NPY002 - as people do
        return self.body(images + 0.1 * torch.randn_like(images) + 0.01 * drawn)


class View(nn.Module):
    """Asks for a view of its maps, which is there in one memory layout only."""

    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=4, padding=1)
        self.answer = nn.Linear(4 * 6 * 6, classes)

    def forward(self, images):
        return self.answer(self.conv(images).view(images.size(0), -1))


class Shared(nn.Module):
    """Two layers with one weight, and a norm that is called twice."""

    def __init__(self, classes):
        super().__init__()
        self.first, self.one, self.other = (nn.Conv2d(width, 8, 3, padding=1) for width in (3, 8, 8))
        self.other.weight = self.one.weight
        self.norm = nn.BatchNorm2d(8)
        self.answer = nn.Linear(8, classes)

    def forward(self, images):
        maps = F.relu(self.norm(self.one(self.first(images))))
        return self.answer(F.relu(self.norm(self.other(maps))).mean((2, 3)))


class Frozen(Body):
    """A part without gradients, and a norm that its own `train` keeps as it is."""

    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.body[0].requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.body[1].eval()
        return self


class Idle(Body):
    """Half of its parameters never get a gradient."""

    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.unused = body(num_classes)


class Counting(Body):
    """Buffers that change in training, one of them and a number outside of the state."""

    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.register_buffer("mean", torch.zeros(1))
        self.register_buffer("lost", torch.zeros(1), persistent=False)
        self.calls = 0

    def forward(self, images):
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * images.mean().detach())
            self.lost += 1
            self.calls += 1
        return self.body(images - self.mean)


class Remembering(Body):
    """A buffer of the state that changes in training."""

    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.register_buffer("mean", torch.zeros(1))

    def forward(self, images):
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * images.mean().detach())
        return self.body(images - self.mean)


class Deciding(Body):
    """Its path depends on numbers, so it cannot run without any."""

    def forward(self, images):
        return self.body(images) if images.sum() > 0 else self.body(-images)


class Probabilities(Body):
    """Ends in a softmax."""

    def forward(self, images):
        return self.body(images).softmax(1)


class Reading(nn.Module):
    """Reads a convolution's weight a second time, where nobody sees it."""

    def __init__(self, classes):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.answer = nn.Linear(8, classes)

    def forward(self, images):
        maps = self.norm(self.conv(images)) + F.conv2d(images, self.conv.weight, padding=1)
        return self.answer(maps.mean((2, 3)))


class Wrong(Body):
    """Does not do as it is told."""

    def __init__(self, num_classes):
        super().__init__(num_classes + 1)


class Sized(nn.Module):
    """For pictures of 48x48."""

    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 46 * 46, classes))

    def forward(self, images):
        return self.body(images)


class Refusing(Body):
    """Raises itself."""

    def forward(self, images):
        raise ValueError("not today")


class Empty(nn.Module):
    """No parameters."""

    def forward(self, images):
        return images.flatten(1)


class Tokens(nn.Module):
    """A chain of blocks on tokens, as a transformer has it."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 8, stride=8)
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True) for _ in range(4))
        self.head = nn.Linear(16, num_classes)

    def forward(self, images):
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(tokens.mean(1))


def grey():
    return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 7))


def lazy():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(10))


def frozen_whole(classes):
    return body(classes).requires_grad_(False)


def of_two(classes, width):
    return body(classes, width)


def nothing(classes):
    return None


def failing(classes):
    return 1 / 0


three = 3
