"""The record of short training on CIFAR-10 as a plain loop of torch, by the paper's recipe: what `small_pictures` is
held against. Written from Jordan, arXiv:2404.00498 (sections 3 and A, airbench94); nothing of Striate is in it.

    python benchmarks/record_loop.py DATA --epochs 9.9 --threads 2 --json

DATA has train/CLASS/*.jpg and val/CLASS/*.jpg of 32 px. bf16 by autocast, channels last, SGD fused. Prints the accuracy
on val as the pictures are, with their mirror images, and with shifts by a pixel too, and the seconds of training.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

SIDE, BATCH, WIDTHS = 32, 1024, (64, 256, 256)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
MOMENTUM, SMOOTHING, BIAS_SCALE, BIAS_EPOCHS, SHIFT = 0.85, 0.2, 64, 3, 2
# Section A: rates are per 1024 pictures and decoupled from momentum; here the loss is a mean over the batch.
PER_STEP = 1 + 1 / (1 - MOMENTUM)
RATE, DECAY = 11.5 / PER_STEP, 0.0153 / PER_STEP
START, PEAK_AT, END = 0.2, 0.23, 0.07  # of the rate, a triangle
LOOKAHEAD_STEPS, LOOKAHEAD_DECAY = 5, 0.95


class Scale(nn.Module):
    """Logits a ninth as large."""

    def forward(self, x: Tensor) -> Tensor:
        return x / 9


def convolution(channels: int, width: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight.data[:channels])
    return layer


def norm(width: int) -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(width, eps=1e-12, momentum=0.4)
    layer.weight.requires_grad_(False)
    return layer


def network(images: Tensor, classes: int) -> nn.Sequential:
    """Whitening, three blocks, a head; `images` are some to whiten."""
    first = nn.Conv2d(3, 24, 2)
    patches = F.unfold(images, 2).transpose(1, 2).flatten(0, 1).double()
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / (values + 5e-4).sqrt()).T.flip(0).reshape(12, 3, 2, 2).float()
    first.weight.data = torch.cat([filters, -filters])
    first.weight.requires_grad_(False)
    layers, channels = [first, nn.GELU()], 24
    for width in WIDTHS:
        layers += [convolution(channels, width), nn.MaxPool2d(2), norm(width), nn.GELU()]
        layers += [convolution(width, width), norm(width), nn.GELU()]
        channels = width
    head = nn.Linear(channels, classes, bias=False)
    return nn.Sequential(*layers, nn.MaxPool2d(3), nn.Flatten(), head, Scale()).to(memory_format=torch.channels_last)


def loaded(folder: Path) -> tuple[Tensor, Tensor]:
    """All pictures of a split, normalised float (N, 3, 32, 32), and their labels."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    files = [(path, label) for label, name in enumerate(names) for path in sorted((folder / name).iterdir())]
    pixels = torch.from_numpy(np.stack([np.asarray(Image.open(path).convert("RGB")) for path, _ in files]))
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (MEAN, STD))
    images = (pixels.permute(0, 3, 1, 2).float() / 255 - mean) / std
    return images.contiguous(memory_format=torch.channels_last), torch.tensor([label for _, label in files])


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each moved by up to two pixels either way, mirrored at the edges."""
    padded = F.pad(images, (SHIFT,) * 4, mode="reflect")
    places = torch.randint(0, 2 * SHIFT + 1, (len(images), 2), generator=generator)
    out = torch.empty_like(images)
    for down in range(2 * SHIFT + 1):
        for right in range(2 * SHIFT + 1):
            those = (places == torch.tensor([down, right])).all(1)
            out[those] = padded[those, :, down : down + SIDE, right : right + SIDE]
    return out


def batches(images: Tensor, labels: Tensor, epochs: int, seed: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Epoch and batch, every picture mirrored in every second epoch."""
    generator = torch.Generator().manual_seed(seed)
    begins_mirrored = torch.rand(len(images), generator=generator) < 0.5
    for epoch in range(epochs):
        mirrored = begins_mirrored ^ bool(epoch % 2)
        varied = shifted(torch.where(mirrored[:, None, None, None], images.flip(3), images), generator)
        for chosen in torch.randperm(len(images), generator=generator).split(BATCH)[: len(images) // BATCH]:
            yield epoch, varied[chosen].contiguous(memory_format=torch.channels_last), labels[chosen]


def rate(share: float) -> float:
    """A triangle from START over 1 at PEAK_AT to END."""
    if share < PEAK_AT:
        return START + (1 - START) * share / PEAK_AT
    return END + (1 - END) * (1 - share) / (1 - PEAK_AT)


class Lookahead:
    """Slow weights, drawn to the fast ones every five steps, which then go on from there."""

    def __init__(self, net: nn.Module) -> None:
        self.fast = [tensor for tensor in net.state_dict().values() if tensor.is_floating_point()]
        self.slow = [tensor.clone() for tensor in self.fast]

    @torch.no_grad()
    def update(self, kept: float) -> None:
        torch._foreach_lerp_(self.slow, self.fast, 1 - kept)
        torch._foreach_copy_(self.fast, self.slow)


def optimizer_of(net: nn.Sequential) -> torch.optim.Optimizer:
    biases = [module.bias for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    weights = [p for name, p in net.named_parameters() if p.requires_grad and not any(p is bias for bias in biases)]
    groups = [
        {"params": biases, "lr": RATE * BIAS_SCALE, "weight_decay": DECAY / (RATE * BIAS_SCALE)},
        {"params": weights, "lr": RATE, "weight_decay": DECAY / RATE},
    ]
    groups = [{**group, "highest": group["lr"]} for group in groups]
    return torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True, fused=True)


def trained(images: Tensor, labels: Tensor, epochs: float, seed: int) -> nn.Sequential:
    """The network of a whole training."""
    torch.manual_seed(seed)
    net = network(images[:5000], int(labels.max()) + 1).train()
    optimizer, lookahead = optimizer_of(net), Lookahead(net)
    total = math.ceil(epochs * (len(images) // BATCH))
    varied = islice(batches(images, labels, math.ceil(epochs), seed), total)
    for step, (epoch, batch, truth) in enumerate(varied):
        net[0].bias.requires_grad_(epoch < BIAS_EPOCHS)
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * rate(step / total)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(batch)
        F.cross_entropy(logits.float(), truth, label_smoothing=SMOOTHING).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) % LOOKAHEAD_STEPS == 0:
            lookahead.update(LOOKAHEAD_DECAY**LOOKAHEAD_STEPS * ((step + 1) / total) ** 3)
    lookahead.update(1.0)
    return net.eval()


@torch.inference_mode()
def accuracies(net: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """In %, by what is shown of each picture."""

    def answer(batch: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return net(batch.contiguous(memory_format=torch.channels_last)).float()

    def both(batch: Tensor) -> Tensor:
        return (answer(batch) + answer(batch.flip(3))) / 2

    sums = {"as they are": 0, "and mirrored": 0, "and shifted": 0}
    for batch, truth in zip(images.split(500), labels.split(500), strict=True):
        padded = F.pad(batch, (1,) * 4, mode="reflect")
        moved = (both(padded[:, :, :SIDE, :SIDE]) + both(padded[:, :, 2:, 2:])) / 2
        found = (answer(batch), both(batch), (both(batch) + moved) / 2)
        for name, logits in zip(sums, found, strict=True):
            sums[name] += int((logits.argmax(1) == truth).sum())
    return {name: 100 * right / len(labels) for name, right in sums.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=float, default=9.9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images, labels = loaded(options.data / "train")
    start = time.perf_counter()
    net = trained(images, labels, options.epochs, options.seed)
    seconds = time.perf_counter() - start
    found = accuracies(net, *loaded(options.data / "val")) | {"seconds": seconds, "pictures": len(images)}
    print(json.dumps(found) if options.json else "\n".join(f"{name}: {value:.1f}" for name, value in found.items()))


if __name__ == "__main__":
    main()
