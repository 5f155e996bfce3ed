"""VGG-16, layer by layer: activations and weights as lecture 2 and many courses print them."""

from __future__ import annotations

from printed.quantities import net, of_kind, row, weights
from printed.record import Printed

TWO = "lecture 2"

# arXiv:1409.1556 column D: index in `features` of each convolution and pooling
WALK = {
    "conv1_1": 0,
    "conv1_2": 2,
    "pool1": 4,
    "conv2_1": 5,
    "conv2_2": 7,
    "pool2": 9,
    "conv3_1": 10,
    "conv3_2": 12,
    "conv3_3": 14,
    "pool3": 16,
    "conv4_1": 17,
    "conv4_2": 19,
    "conv4_3": 21,
    "pool4": 23,
    "conv5_1": 24,
    "conv5_2": 26,
    "conv5_3": 28,
    "pool5": 30,
}
WALK_PATHS = {name: f"features.{index}" for name, index in WALK.items()} | {
    f"fc{n}": f"classifier.{3 * n - 18}" for n in (6, 7, 8)
}
# activations (with how many zeros at the end are no digits), weights
WALK_TABLE: dict[str, tuple[str, int, str]] = {
    "conv1_1": ("3.2 M", 0, "1,728"),
    "conv1_2": ("3.2 M", 0, "36,864"),
    "pool1": ("800 k", 2, "0"),
    "conv2_1": ("1.6 M", 0, "73,728"),
    "conv2_2": ("1.6 M", 0, "147,456"),
    "pool2": ("400 k", 2, "0"),
    "conv3_1": ("800 k", 2, "294,912"),
    "conv3_2": ("800 k", 2, "589,824"),
    "conv3_3": ("800 k", 2, "589,824"),
    "pool3": ("200 k", 2, "0"),
    "conv4_1": ("400 k", 2, "1,179,648"),
    "conv4_2": ("400 k", 2, "2,359,296"),
    "conv4_3": ("400 k", 2, "2,359,296"),
    "pool4": ("100 k", 2, "0"),
    "conv5_1": ("100 k", 2, "2,359,296"),
    "conv5_2": ("100 k", 2, "2,359,296"),
    "conv5_3": ("100 k", 2, "2,359,296"),
    "pool5": ("25 k", 0, "0"),
    "fc6": ("4,096", 0, "102,760,448"),
    "fc7": ("4,096", 0, "16,777,216"),
    "fc8": ("1,000", 0, "4,096,000"),
}


def walk_weights(name: str) -> int:
    """Weights of a line of the walk."""
    found = row("vgg16", WALK_PATHS[name])
    return weights(found) if found.macs else 0


WALK_ROWS = [
    Printed(TWO, "VGG-16 input: activations", "150 k", lambda: net("vgg16").rows[0].activations),
    *(
        Printed(
            TWO,
            f"VGG-16 {name}: activations",
            printed,
            lambda n=name: row("vgg16", WALK_PATHS[n]).activations,
            zeros=zeros,
        )
        for name, (printed, zeros, _) in WALK_TABLE.items()
    ),
    *(
        Printed(TWO, f"VGG-16 {name}: weights", printed, lambda n=name: walk_weights(n))
        for name, (_, _, printed) in WALK_TABLE.items()
    ),
    Printed(
        TWO,
        "VGG-16: activations of all lines",
        "24 M",
        lambda: net("vgg16").activations,
        "the lines add up to 15.2 M; with every ReLU stored once more it would be 28.8 M",
    ),
    Printed(
        TWO,
        "VGG-16: bytes of these, 4 each",
        "93 MB",
        lambda: 4 * net("vgg16").activations,
        "61 MB; 93 is neither 24 M x 4 in MB nor in MiB",
    ),
    Printed(
        TWO,
        "VGG-16: share of the first four convolutions in the activations",
        "> 50 %",
        lambda: 100 * sum(r.activations for r in of_kind("vgg16", "Conv2d")[:4]) / net("vgg16").activations,
    ),
    Printed(
        TWO,
        "VGG-16: share of the dense layers in the weights",
        "> 50 %",
        lambda: 100 * sum(map(weights, of_kind("vgg16", "Linear"))) / sum(map(walk_weights, WALK_PATHS)),
    ),
]
