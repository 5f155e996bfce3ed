"""What the lectures print of single layers."""

from __future__ import annotations

from math import prod

import torch

from printed.quantities import conv, dense, listed, net, of_kind, pool, row, weight_layers, widths
from printed.record import Printed
from striate.layers.unpooling import BedOfNailsUnpool, NearestUnpool
from striate.meta.weightless import blueprint
from striate.models import create_model
from striate.ops.layer.arithmetic import Layer, work_out
from striate.ops.layer.sentences import times
from striate.ops.windows import receptive_field, same_output_size

ONE, TWO, THREE, FOUR, FIVE = (f"lecture {number}" for number in range(1, 6))
MAX_POOL = "MaxPool2d"


def ten_layers() -> int:
    """Ten 5x5 layers of 64 channels on maps of 100x100, for a million pictures."""
    return 10 * 10**6 * conv(64, 100, 5, 64, padding=2).macs


LECTURE_1 = [
    Printed(
        ONE,
        "ten 5x5 layers, 64 channels, 100x100, a million pictures: FLOP",
        "10 P",
        ten_layers,
        "counts MACs",
        zeros=1,
    ),
    Printed(ONE, "the same at 0.15 TFLOP/s", "18 h", lambda: ten_layers() / 0.15e12 / 3600),
    Printed(ONE, "the same at 12 TFLOP/s", "14 min", lambda: ten_layers() / 12e12 / 60),
    Printed(
        ONE,
        "six 5x5x3 filters, against a dense layer between the same maps: weights",
        "< 14,450,688",
        lambda: conv(3, 32, 5, 6).weights,
    ),
    Printed(
        ONE,
        "AlexNet: widths per tower",
        "128, 192, 192, 128, 2048",
        lambda: listed(
            found.out_shape[1] // 2 for found in net("alexnet").rows if found.macs and found.path[-1] in "23456"
        ),
    ),
    Printed(ONE, "AlexNet: dense layers", "4096, 4096, 1000", lambda: widths(of_kind("alexnet", "Linear"))),
    Printed(
        ONE,
        "LeNet's first layer as drawn, 5x5 with padding 2 on 32x32: side",
        "28",
        lambda: conv(1, 32, 5, 6, padding=2).width.out_px,
        "the padding belongs to a picture of 28x28",
    ),
    Printed(
        ONE,
        "AlexNet on 224: side before and after pooling 1",
        "54, 26",
        lambda: f"{conv(3, 224, 11, 96, stride=4).width.out_px}, {pool(54, 3, 2)}",
    ),
    Printed(
        ONE,
        "LeNet: side before and after pooling 1",
        "28, 14",
        lambda: f"{conv(1, 32, 5, 6).width.out_px}, {pool(28, 2, 2)}",
    ),
    Printed(ONE, "AlexNet conv2, 5x5 with padding 2: side", "26", lambda: conv(96, 26, 5, 256, padding=2).width.out_px),
    Printed(
        ONE,
        "AlexNet: widths of conv3, conv4, conv5",
        "384, 384, 384",
        lambda: listed(row("alexnet", f"features.conv{n}").out_shape[1] for n in (3, 4, 5)),
        "conv5 has 256 filters; the lecture's own cost table needs that",
    ),
    Printed(
        ONE,
        "first dense layer of AlexNet, of LeNet: units",
        "4096, 120",
        lambda: f"{of_kind('alexnet', 'Linear')[0].out_shape[1]}, {of_kind('lenet5', 'Linear')[0].out_shape[1]}",
    ),
    Printed(ONE, "layers with weights: AlexNet against LeNet", "> 5", lambda: weight_layers("alexnet")),
    Printed(ONE, "a VGG block's pooling makes 224 smaller by", "2 x", lambda: 224 / pool(224, 2, 2)),
    Printed(
        ONE,
        "a residual block with stride 2 makes 56 smaller by",
        "2 x",
        lambda: 56 / conv(64, 56, 3, 128, 2, 1).width.out_px,
    ),
    Printed(
        ONE,
        "VGG-16 and VGG-19: layers with weights",
        "16, 19",
        lambda: f"{weight_layers('vgg16')}, {weight_layers('vgg19')}",
    ),
    Printed(ONE, "VGG: dense layers", "4096, 4096, 1000", lambda: widths(of_kind("vgg16", "Linear"))),
    Printed(
        ONE,
        "3x3, 64 to 128 channels in 4 groups, by its formula: weights",
        "18,432",
        lambda: conv(64, 8, 3, 128, padding=1, groups=4).weights,
    ),
    Printed(
        ONE,
        "ResNeXt-50 32x4d: groups",
        "32",
        lambda: blueprint(lambda: create_model("resnext50_32x4d")).get_submodule("layer1.0.conv2").groups,
    ),  # type: ignore[union-attr, return-value]
    Printed(
        ONE,
        "1x5 and 5x1 instead of a 3x3: weights per pair of channels",
        "< 9",
        lambda: conv(1, 9, (1, 5), 1).weights + conv(1, 9, (5, 1), 1).weights,
        "10 against 9: it is cheaper only than the 5x5 that it stands for",
    ),
]

LAYER_ROWS = [
    Printed(TWO, "six 5x5 filters on 32x32x3: output", "28x28x6", lambda: times((*conv(3, 32, 5, 6).out_shape[1:], 6))),
    Printed(TWO, "3x3, stride 1, padding 1 on 7x7: side", "7", lambda: conv(1, 7, 3, 1, padding=1).width.out_px),
    Printed(
        TWO,
        "padding that keeps the size for 3, 5, 7",
        "1, 2, 3",
        lambda: listed(next(p for p in range(9) if conv(1, 9, k, 1, padding=p).width.out_px == 9) for k in (3, 5, 7)),
    ),
    Printed(
        TWO,
        "5x5 on 32x32, twice: sides",
        "28, 24",
        lambda: f"{conv(1, 32, 5, 1).width.out_px}, {conv(1, 28, 5, 1).width.out_px}",
    ),
    Printed(
        TWO,
        "ten 5x5 filters, padding 2 on 32x32x3: output",
        "32x32x10",
        lambda: times((*conv(3, 32, 5, 10, padding=2).out_shape[1:], 10)),
    ),
    Printed(
        TWO, "the same: parameters of one filter", "76", lambda: conv(3, 32, 5, 1).weights + conv(3, 32, 5, 1).biases
    ),
    Printed(TWO, "the same: parameters", "760", lambda: conv(3, 32, 5, 10).weights + conv(3, 32, 5, 10).biases),
    Printed(TWO, "5x5, stride 1, padding 2 on 32: side", "32", lambda: conv(1, 32, 5, 1, padding=2).width.out_px),
    Printed(TWO, "1x1 on 32: side", "32", lambda: conv(1, 32, 1, 1).width.out_px),
    Printed(TWO, "a 5x5x3 filter: numbers in its dot product", "75", lambda: conv(3, 32, 5, 1).weights),
    Printed(TWO, "5x5 on 32x32: map", "28x28", lambda: times(conv(3, 32, 5, 1).out_shape[1:])),
    Printed(TWO, "one 5x5: receptive field", "5 px", lambda: int(receptive_field([(5,)]).size_px)),
    Printed(TWO, "pooling: parameters", "0", lambda: sum(found.params for found in of_kind("vgg16", MAX_POOL))),
    Printed(TWO, "2x2 pooling with stride 2 makes 4 smaller by", "2 x", lambda: 4 / pool(4, 2, 2)),
    Printed(TWO, "3x3 with dilation 1: receptive field", "3 px", lambda: int(receptive_field([(3, 1, 0, 1)]).size_px)),
    Printed(
        TWO,
        "and 3x3 with dilation 2: receptive field",
        "7 px",
        lambda: int(receptive_field([(3, 1, 0, 1), (3, 1, 0, 2)]).size_px),
    ),
    Printed(
        TWO,
        "a dilated 3x3: weights per pair of channels",
        "9",
        lambda: work_out(Layer("conv", (1, 9, 9), (3, 3), 1, dilation=(2, 2))).weights,
    ),
    Printed(
        TWO,
        "a dense layer 5x5x16 to 120 as a 5x5 convolution: parameters",
        "48,120",
        lambda: conv(16, 5, 5, 120).weights + conv(16, 5, 5, 120).biases,
    ),
    Printed(
        TWO,
        "SAME, stride 2: sides for 7, 224, 55",
        "4, 112, 28",
        lambda: listed(same_output_size(side, 2) for side in (7, 224, 55)),
    ),
    Printed(TWO, "LeNet: sides after its poolings", "14, 5", lambda: f"{pool(28, 2, 2)}, {pool(10, 2, 2)}"),
    Printed(
        TWO,
        "1x1 bottleneck against two 3x3 on 256 channels: weights",
        "< 1,179,648",
        lambda: sum(conv(c, 28, k, f, padding=k // 2).weights for c, k, f in ((256, 1, 64), (64, 3, 64), (64, 1, 256))),
    ),
    Printed(THREE, "nearest unpooling of 2x2: side", "4", lambda: NearestUnpool(2)(torch.zeros(1, 1, 2, 2)).shape[-1]),
    Printed(THREE, "bed of nails of 2x2: side", "4", lambda: BedOfNailsUnpool(2)(torch.zeros(1, 1, 2, 2)).shape[-1]),
    Printed(
        THREE,
        "1-D transposed convolution of 2, filter 3, stride 2: to crop for 4",
        "1",
        lambda: work_out(Layer("deconv", (1, 2, 2), (3, 3), 1, (2, 2))).width.out_px - 4,
    ),
    Printed(
        THREE,
        "LeNet: sides after its convolutions",
        "28, 10",
        lambda: f"{conv(1, 32, 5, 6).width.out_px}, {conv(6, 14, 5, 16).width.out_px}",
    ),
    Printed(
        THREE,
        "twice the filters, half the side: MACs of a 3x3 change by",
        "1 x",
        lambda: conv(128, 28, 3, 128, padding=1).macs / conv(64, 56, 3, 64, padding=1).macs,
    ),
    Printed(FOUR, "an 11x11 filter over 3 channels: weights", "363", lambda: conv(3, 227, 11, 1).weights),
    Printed(
        FOUR,
        "two 3x3 in a row: numbers in the composed kernel",
        "25",
        lambda: int(receptive_field([(3,), (3,)]).size_px) ** 2,
    ),
    Printed(
        FOUR,
        "3x1 and 1x3 in a row: numbers in the composed kernel",
        "9",
        lambda: int(receptive_field([(3,), (1,)]).size_px) * int(receptive_field([(1,), (3,)]).size_px),
    ),
    Printed(FIVE, "three 3x3 in a row: receptive field", "7 px", lambda: int(receptive_field([(3,)] * 3).size_px)),
    Printed(
        FIVE, "three 3x3, against one 7x7: weights per pair of channels", "< 49", lambda: 3 * conv(1, 9, 3, 1).weights
    ),
    Printed(FIVE, "3x3 pooling with stride 2 on 5x5: map", "2x2", lambda: times([pool(5, 3, 2)] * 2)),
    Printed(FIVE, "1x1 from 256 to 64 channels: weights", "16,384", lambda: conv(256, 28, 1, 64).weights),
    Printed(FIVE, "a picture of 128x128x3: numbers", "49,152", lambda: prod((128, 128, 3))),
    Printed(FIVE, "a hidden layer of 16x16x36: units", "9,216", lambda: prod((16, 16, 36))),
    Printed(
        FIVE,
        "dense layers 49,152 to 9,216 to 10: weights",
        "450 M",
        lambda: dense(49_152, 9_216) + dense(9_216, 10),
        zeros=1,
    ),
]
