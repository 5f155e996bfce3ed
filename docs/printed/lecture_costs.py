"""AlexNet against LeNet: the table of weights and MACs that lecture 1 prints."""

from __future__ import annotations

from printed.quantities import conv, dense, net, pool, weights
from printed.record import Printed

ONE = "lecture 1"
TENFOLD = "ten times too large, as all of its column"


def alexnet_224_weights() -> list[int]:
    """Of the one-tower AlexNet on 224x224 without padding in conv1, whose last map is 5x5."""
    wide = [(3, 11, 96), (96, 5, 256), (256, 3, 384), (384, 3, 384), (384, 3, 256)]
    return [*(conv(c, 11, k, f).weights for c, k, f in wide), dense(6400, 4096), dense(4096, 4096), dense(4096, 1000)]


def alexnet_224_macs() -> list[int]:
    """The same network's multiply-accumulates, layer by layer."""
    first = conv(3, 224, 11, 96, stride=4)
    second = conv(96, pool(first.width.out_px, 3, 2), 5, 256, padding=2)
    side = pool(second.width.out_px, 3, 2)
    rest = [conv(c, side, 3, f, padding=1) for c, f in ((256, 384), (384, 384), (384, 256))]
    return [first.macs, second.macs, *(layer.macs for layer in rest), *alexnet_224_weights()[5:]]


def lenet_weights() -> list[int]:
    """Of LeNet's five layers with weights, biases left out."""
    return [weights(found) for found in net("lenet5").rows if found.macs]


def lenet_macs() -> list[int]:
    """Of the same five layers."""
    return [found.macs for found in net("lenet5").rows if found.macs]


COST_TABLE = [
    Printed(ONE, "AlexNet conv1: weights", "35 k", lambda: alexnet_224_weights()[0]),
    Printed(ONE, "AlexNet conv2: weights", "614 k", lambda: alexnet_224_weights()[1]),
    Printed(ONE, "AlexNet conv3 to conv5: weights", "3 M", lambda: sum(alexnet_224_weights()[2:5])),
    Printed(ONE, "AlexNet dense1: weights", "26 M", lambda: alexnet_224_weights()[5]),
    Printed(ONE, "AlexNet dense2: weights", "16 M", lambda: alexnet_224_weights()[6]),
    Printed(ONE, "AlexNet, sum of the rows printed: weights", "46 M", lambda: sum(alexnet_224_weights()[:7])),
    Printed(
        ONE, "AlexNet in total: weights", "46 M", lambda: sum(alexnet_224_weights()), "leaves out the last layer, 4.1 M"
    ),
    Printed(ONE, "AlexNet conv1: MACs", "101 M", lambda: alexnet_224_macs()[0]),
    Printed(ONE, "AlexNet conv2: MACs", "415 M", lambda: alexnet_224_macs()[1]),
    Printed(ONE, "AlexNet conv3 to conv5: MACs", "445 M", lambda: sum(alexnet_224_macs()[2:5])),
    Printed(ONE, "AlexNet dense1: MACs", "26 M", lambda: alexnet_224_macs()[5]),
    Printed(ONE, "AlexNet dense2: MACs", "16 M", lambda: alexnet_224_macs()[6]),
    Printed(ONE, "AlexNet, sum of the rows printed: MACs", "1 G", lambda: sum(alexnet_224_macs()[:7])),
    Printed(ONE, "LeNet conv1: weights", "150", lambda: lenet_weights()[0]),
    Printed(ONE, "LeNet conv2: weights", "24 k", lambda: lenet_weights()[1], TENFOLD),
    Printed(ONE, "LeNet dense2: weights", "0.1 M", lambda: lenet_weights()[3], TENFOLD),
    Printed(ONE, "LeNet conv1: MACs", "1.2 M", lambda: lenet_macs()[0], TENFOLD),
    Printed(ONE, "LeNet conv2: MACs", "2.4 M", lambda: lenet_macs()[1], TENFOLD),
    Printed(ONE, "LeNet dense1: MACs", "0.48 M", lambda: lenet_macs()[2], TENFOLD),
    Printed(ONE, "LeNet dense2: MACs", "0.1 M", lambda: lenet_macs()[3], TENFOLD),
    Printed(
        ONE,
        "AlexNet / LeNet: weights",
        "11 x",
        lambda: sum(alexnet_224_weights()[:7]) / sum(lenet_weights()[:4]),
        "not even what its own totals give, 46 / 0.6 = 77",
    ),
]
