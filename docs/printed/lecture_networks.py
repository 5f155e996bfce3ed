"""What the lectures print of whole networks and of their parts."""

from __future__ import annotations

from torch import nn

from printed.quantities import (
    bottleneck_inception,
    conv,
    in_use,
    last_shape,
    listed,
    naive_inception,
    net,
    of_kind,
    one,
    pool,
    row,
    shape,
    weight_layers,
    weights,
    widths,
)
from printed.record import Printed
from striate.meta.weightless import blueprint
from striate.models import create_model
from striate.ops.layer.sentences import times

TWO, THREE, FOUR, FIVE = (f"lecture {number}" for number in range(2, 6))
MAX_POOL = "MaxPool2d"

ALEXNET_LIST = {
    "input": ("", "227x227x3"),
    "conv1": ("features.conv1", "55x55x96"),
    "pool1": ("features.pool1", "27x27x96"),
    "norm1": ("features.norm1", "27x27x96"),
    "conv2": ("features.conv2", "27x27x256"),
    "pool2": ("features.pool2", "13x13x256"),
    "norm2": ("features.norm2", "13x13x256"),
    "conv3": ("features.conv3", "13x13x384"),
    "conv4": ("features.conv4", "13x13x384"),
    "conv5": ("features.conv5", "13x13x256"),
    "pool3": ("features.pool5", "6x6x256"),
    "fc6": ("classifier.fc6", "4096"),
    "fc7": ("classifier.fc7", "4096"),
    "fc8": ("classifier.fc8", "1000"),
}


def first_of(name: str, *paths: str) -> str:
    """Which of some layers runs first, and which next."""
    order = [found.path for found in net(name).rows]
    return " then ".join(path.rpartition(".")[2] for path in sorted(paths, key=order.index))


def convolutions(name: str, channels: int) -> int:
    """How many convolutions of a VGG have so many filters."""
    return len([found for found in of_kind(name, "Conv2d") if found.out_shape[1] == channels])


def kernels(*names: str) -> str:
    """Sizes of the filters of some networks."""
    models = [blueprint(lambda name=name: create_model(name)) for name in names]
    found = {layer.kernel_size for model in models for layer in model.modules() if isinstance(layer, nn.Conv2d)}
    return ", ".join(sorted(times(size) for size in found))


VGGS = {"A": "vgg11", "A-LRN": "vgg11_lrn", "B": "vgg13", "C": "vgg16_c", "D": "vgg16", "E": "vgg19"}
BOTH = "lectures 2 and 3"
NETWORK_ROWS = [
    *(
        Printed(BOTH, f"AlexNet {name}: output", printed, lambda p=path: shape(row("alexnet_single", p)))
        for name, (path, printed) in ALEXNET_LIST.items()
    ),
    Printed(
        TWO,
        "AlexNet conv1, 11x11 with stride 4 on 227: side",
        "55",
        lambda: conv(3, 227, 11, 96, stride=4).width.out_px,
    ),
    Printed(TWO, "AlexNet conv1: weights", "35 k", lambda: weights(row("alexnet", "features.conv1"))),
    Printed(FIVE, "AlexNet conv1: filters", "96", lambda: row("alexnet", "features.conv1").out_shape[1]),
    Printed(
        BOTH,
        "AlexNet: pooling and normalisation",
        "pool1 then norm1",
        lambda: first_of("alexnet", "features.norm1", "features.pool1"),
        "the paper normalises after conv1 and pools after that; pooling first is CaffeNet",
    ),
    Printed(
        "lectures 2 and 5",
        "VGG A, A-LRN, B, C, D, E: convolutions of 64",
        "1, 1, 2, 2, 2, 2",
        lambda: listed(convolutions(name, 64) for name in VGGS.values()),
    ),
    Printed(
        "lectures 2 and 5",
        "VGG A, A-LRN, B, C, D, E: convolutions of 128",
        "1, 1, 2, 2, 2, 2",
        lambda: listed(convolutions(name, 128) for name in VGGS.values()),
    ),
    Printed(
        FIVE,
        "VGG A, A-LRN, B, C, D, E: convolutions of 256",
        "2, 2, 2, 3, 3, 4",
        lambda: listed(convolutions(name, 256) for name in VGGS.values()),
    ),
    Printed(
        FIVE,
        "VGG A, A-LRN, B, C, D, E: convolutions of 512",
        "4, 4, 4, 6, 6, 8",
        lambda: listed(convolutions(name, 512) for name in VGGS.values()),
    ),
    Printed(TWO, "VGG: poolings", "5", lambda: len(of_kind("vgg16", MAX_POOL))),
    Printed(
        "lectures 2 and 5",
        "VGG A, A-LRN, B, C, D, E: layers with weights",
        "11, 11, 13, 16, 16, 19",
        lambda: listed(weight_layers(name) for name in VGGS.values()),
    ),
    *(
        Printed("lectures 2 and 5", f"VGG {column}: parameters", f"{printed} M", lambda n=VGGS[column]: net(n).params)
        for column, printed in (("A", 133), ("A-LRN", 133), ("B", 133), ("C", 134), ("D", 138), ("E", 144))
    ),
    Printed(
        TWO,
        "VGG: filters",
        "3x3",
        lambda: kernels(*VGGS.values()),
        "C has three 1x1 convolutions, as its table on the same page shows",
    ),
    Printed(THREE, "VGG-19 against VGG-16: activations", "> 15,237,608", lambda: net("vgg19").activations),
    Printed(THREE, "the network drawn for transfer, VGG-13: layers with weights", "13", lambda: weight_layers("vgg13")),
    Printed(
        FOUR,
        "VGG-16: convolutions",
        "16",
        lambda: len(of_kind("vgg16", "Conv2d")),
        "13, and 3 dense layers; VGG-19 has 16 convolutions",
    ),
    Printed(
        FOUR,
        "AlexNet to VGG: depth",
        "5 to 16 and 19",
        lambda: f"{weight_layers('alexnet')} to {weight_layers('vgg16')} and {weight_layers('vgg19')}",
        "convolutions before, all layers with weights after",
    ),
    Printed(
        BOTH,
        "GoogLeNet: parameters",
        "5 M",
        lambda: in_use("googlenet"),
        "7.0 M; 6.0 M without the classifier; its table adds up to 6.8 M",
    ),
    Printed(
        BOTH,
        "AlexNet / GoogLeNet: parameters",
        "12 x",
        lambda: net("alexnet").params / in_use("googlenet"),
        "8.7: goes with the 5 million",
    ),
    Printed(
        THREE,
        "GoogLeNet: dense layers",
        "0",
        lambda: len(of_kind("googlenet", "Linear")),
        "none is hidden, but one classifies: 1024 to 1000",
    ),
    Printed(TWO, "GoogLeNet: dropout output", "1024", lambda: shape(row("googlenet", "dropout"))),
    Printed(TWO, "ResNet: 3x3 pooling with stride 2 on 112: side", "56", lambda: pool(112, 3, 2, 1)),
    *(
        Printed(BOTH, f"ResNet-{depth}: layers with weights", str(depth), lambda d=depth: weight_layers(f"resnet{d}"))
        for depth in (18, 34, 50, 101, 152)
    ),
    *(
        Printed(TWO, f"ResNet-{depth}: FLOPs", f"{printed} G", lambda n=name: net(n).macs)
        for depth, name, printed in (
            (18, "resnet18", "1.8"),
            (34, "resnet34", "3.6"),
            (50, "resnet50_paper", "3.8"),
            (101, "resnet101_paper", "7.6"),
            (152, "resnet152_paper", "11.3"),
        )
    ),
    Printed(TWO, "ResNet conv2_x: map", "56x56", lambda: last_shape("resnet50_paper", "layer1").rpartition("x")[0]),
    Printed(
        THREE,
        "ResNet: convolutions before the first block",
        "1",
        lambda: len([r for r in of_kind("resnet50", "Conv2d") if not r.path.startswith("layer")]),
    ),
    Printed(THREE, "ResNet: units of the only dense layer", "1000", lambda: widths(of_kind("resnet50", "Linear"))),
]

INCEPTION_ROWS = [
    Printed(THREE, "naive module, 1x1: MACs", "25,690,112", lambda: one(naive_inception(), "branch1.conv").macs),
    Printed(THREE, "naive module, 3x3: MACs", "346,816,512", lambda: one(naive_inception(), "branch2.conv").macs),
    Printed(THREE, "naive module, 5x5: MACs", "481,689,600", lambda: one(naive_inception(), "branch3.conv").macs),
    Printed(THREE, "naive module: MACs", "854 M", lambda: naive_inception().macs),
    Printed(THREE, "naive module: output", "28x28x672", lambda: shape(naive_inception().rows[-1])),
    Printed(
        THREE,
        "bottleneck module, 1x1 before the 3x3: MACs",
        "12,845,056",
        lambda: one(bottleneck_inception(), "branch2.0.conv").macs,
    ),
    Printed(
        THREE,
        "bottleneck module, 1x1 before the 5x5: MACs",
        "12,845,056",
        lambda: one(bottleneck_inception(), "branch3.0.conv").macs,
    ),
    Printed(
        THREE, "bottleneck module, 1x1: MACs", "25,690,112", lambda: one(bottleneck_inception(), "branch1.conv").macs
    ),
    Printed(
        THREE, "bottleneck module, 3x3: MACs", "86,704,128", lambda: one(bottleneck_inception(), "branch2.1.conv").macs
    ),
    Printed(
        THREE, "bottleneck module, 5x5: MACs", "120,422,400", lambda: one(bottleneck_inception(), "branch3.1.conv").macs
    ),
    Printed(
        THREE,
        "bottleneck module, 1x1 after the pooling: MACs",
        "12,845,056",
        lambda: one(bottleneck_inception(), "branch4.1.conv").macs,
    ),
    Printed(
        THREE,
        "bottleneck module: MACs",
        "358 M",
        lambda: bottleneck_inception().macs,
        "its six rows add up to 271 M; 358 M counts the 3x3 twice",
    ),
    Printed(THREE, "bottleneck module: output", "28x28x480", lambda: shape(bottleneck_inception().rows[-1])),
    Printed(
        FIVE,
        "naive module, against 5x5 filters throughout: weights",
        "< 2,662,400",
        lambda: sum(weights(found) for found in naive_inception().rows if found.macs),
    ),
]
