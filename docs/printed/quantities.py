"""What our package says: of a network of the zoo, of one of its rows, of one layer by itself."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod

from torch import nn

from striate.analysis.rows import Row
from striate.analysis.summary import Summary, summarize
from striate.analysis.zoo import training_params
from striate.meta.weightless import blueprint
from striate.models import create_model
from striate.models.googlenet import Inception, NaiveInception
from striate.ops.layer.arithmetic import Answer, Layer, work_out

Pair = tuple[int, int]


@cache
def net(name: str) -> Summary:
    """A network of the zoo at its own picture size."""
    return summarize(blueprint(lambda: create_model(name)))


def in_use(name: str) -> int:
    """Parameters that inference reads, auxiliary heads left out."""
    return net(name).params - training_params(net(name))


def row(name: str, path: str) -> Row:
    """The row of a layer that runs once."""
    (found,) = (row for row in net(name).rows if row.path == path)
    return found


def inside(name: str, prefix: str) -> list[Row]:
    """The rows of a module and everything in it."""
    return [row for row in net(name).rows if row.path == prefix or row.path.startswith(f"{prefix}.")]


def of_kind(name: str, *kinds: str) -> list[Row]:
    """The rows of some kinds that inference runs."""
    return [row for row in net(name).rows if row.kind in kinds]


def shape(found: Row) -> str:
    """Of the output, as lectures write it: height x width x channels, or the number of units."""
    _, channels, *sides = found.out_shape
    return "x".join(map(str, (*sides, channels)))


def last_shape(name: str, prefix: str) -> str:
    """Of what a module gives."""
    return shape(inside(name, prefix)[-1])


def weights(found: Row) -> int:
    """Parameters of a convolution or dense layer without its biases, one per channel or unit."""
    return found.params - found.out_shape[1]


def weights_inside(name: str, prefix: str) -> int:
    """Weights of all convolutions and dense layers of a module."""
    return sum(weights(found) for found in inside(name, prefix) if found.params)


def macs_inside(name: str, prefix: str) -> int:
    """Multiply-accumulates of a module."""
    return sum(found.macs for found in inside(name, prefix))


def weight_layers(name: str) -> int:
    """Convolutions and dense layers, projections of shortcuts left out, as papers count depth."""
    return len([r for r in of_kind(name, "Conv2d", "Linear") if "downsample" not in r.path])


def conv(
    channels: int, side: int, kernel: int | Pair, filters: int, stride: int = 1, padding: int | str = 0, groups: int = 1
) -> Answer:
    """A convolution of a square map."""
    pad = padding if isinstance(padding, str) else (padding, padding)
    window = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    return work_out(Layer("conv", (channels, side, side), window, filters, (stride, stride), pad, groups=groups))  # type: ignore[arg-type]


def pool(side: int, kernel: int, stride: int, padding: int = 0, rounding: str = "down") -> int:
    """Side of a square map after pooling."""
    window, jump, pad = (kernel, kernel), (stride, stride), (padding, padding)
    return work_out(Layer("pool", (1, side, side), window, None, jump, pad, rounding=rounding)).width.out_px


def dense(inputs: int, outputs: int) -> int:
    """Weights of a dense layer, which are its multiply-accumulates."""
    return summarize(blueprint(lambda: nn.Linear(inputs, outputs, bias=False)), (inputs,)).macs


@cache
def naive_inception() -> Summary:
    """The module of lectures: 256 channels at 28x28; 128, 192 and 96 filters and a pooling side by side."""
    return summarize(blueprint(lambda: NaiveInception(256, 128, 192, 96)), (256, 28, 28))


@cache
def bottleneck_inception() -> Summary:
    """The same with 1x1 convolutions to 64 channels before the large filters and after the pooling."""
    return summarize(blueprint(lambda: Inception(256, 128, 64, 192, 64, 96, 64)), (256, 28, 28))


def one(cost: Summary, path: str) -> Row:
    """The convolution at a path of a module."""
    (found,) = (row for row in cost.rows if row.path == path)
    return found


def listed(numbers: Iterable[int]) -> str:
    """Numbers one after the other, as a page prints them."""
    return ", ".join(map(str, numbers))


def widths(found: list[Row]) -> str:
    """Output channels or units of some rows."""
    return listed(row.out_shape[1] for row in found)


def lenet_connections(path: str) -> int:
    """As the LeNet paper counts them: each use of a weight or a bias; 4 inputs and a bias in sub-sampling."""
    found = row("lenet5_1998", path)
    if found.kind == "Subsampling":
        return 5 * prod(found.out_shape[1:])
    if found.kind == "RadialBasis":
        return prod(found.in_shape[1:]) * prod(found.out_shape[1:])
    return found.params * prod(found.out_shape[2:])
