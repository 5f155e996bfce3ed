"""What is known of every network besides its arithmetic: year, paper, depth, published error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Protocol = Literal["1 crop", "10 crops", "dense"]
"""How a picture is shown: its centre, ten parts of it, or whole, with the answers averaged over all places. Errors of
different protocols are two points apart for the same weights, so they are compared within one."""
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)


@dataclass(frozen=True)
class Published:
    """A published top-5 error on ImageNet's validation pictures, of one network. source: where it is printed."""

    top5_pct: float
    protocol: Protocol
    source: str


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue.

    paper: that holds the network. depth: layers with weights on the longest path, as the paper counts them (projections
    of shortcuts are not). errors: what is published, one for each protocol.
    """

    year: int
    paper: str
    depth: int
    errors: tuple[Published, ...] = ()

    def error(self, protocol: Protocol) -> Published | None:
        """What is published at a protocol."""
        return next((error for error in self.errors if error.protocol == protocol), None)


LENET = "LeCun et al., Proc. IEEE 86 (1998)"
ALEXNET = "Krizhevsky et al., NIPS 2012"
ZFNET = "arXiv:1311.2901"
NIN = "arXiv:1312.4400"
VGG = "arXiv:1409.1556"
GOOGLENET = "arXiv:1409.4842"
RESNET = "arXiv:1512.03385"
RESNEXT = "arXiv:1611.05431"
DENSENET = "arXiv:1608.06993"
FRACTALNET = "arXiv:1605.07648"
FARABET = "Farabet et al., TPAMI 35 (2013)"
DILATED = "arXiv:1511.07122"
RCNN = "arXiv:1311.2524"
FAST_RCNN = "arXiv:1504.08083"
FASTER_RCNN = "arXiv:1506.01497"
PYRAMID = "arXiv:1612.03144"
MASK_RCNN = "arXiv:1703.06870"
SSD = "arXiv:1512.02325"
RETINANET = "arXiv:1708.02002"
VGG_BN = f"{VGG} with batch norm, arXiv:1502.03167"  # no paper holds these
GOOGLENET_BN = f"{GOOGLENET} with batch norm, arXiv:1502.03167"
# The paper's network as torchvision trained it; errors are 100 minus the accuracy that its documentation states.
TORCHVISION = "torchvision 0.28, IMAGENET1K_V1"


def _torchvision(top5_pct: float) -> Published:
    return Published(top5_pct, "1 crop", TORCHVISION)


def _vgg(top5_pct: float) -> Published:
    return Published(top5_pct, "dense", f"{VGG} table 3")


def _resnet(top5_pct: float) -> Published:
    return Published(top5_pct, "10 crops", f"{RESNET} table 3")


def _densenet(top5_pct: float) -> Published:
    return Published(top5_pct, "1 crop", f"{DENSENET} table 3")


CATALOG: dict[str, Entry] = {
    "perceptron": Entry(1958, "Rosenblatt, Psychological Review 65 (1958)", 1),
    "mlp": Entry(1986, "Rumelhart, Hinton and Williams, Nature 323 (1986)", 3),
    "lenet5": Entry(1998, LENET, 5),
    "lenet5_1998": Entry(1998, LENET, 7),
    "alexnet": Entry(2012, ALEXNET, 8, (Published(18.2, "10 crops", f"{ALEXNET}, table 2, one network"),)),
    "alexnet_single": Entry(2012, ALEXNET, 8),
    "alexnet_tv": Entry(2014, "arXiv:1404.5997", 8, (_torchvision(20.934),)),
    "zfnet": Entry(2013, ZFNET, 8, (Published(16.5, "10 crops", f"{ZFNET} table 2, one network"),)),
    "zfnet_wide": Entry(2013, ZFNET, 8, (Published(16.0, "10 crops", f"{ZFNET} table 2, one network (b)"),)),
    "nin_cifar": Entry(2013, NIN, 9),
    "nin": Entry(2013, NIN, 12),
    "googlenet": Entry(2014, GOOGLENET, 22, (Published(10.07, "1 crop", f"{GOOGLENET} table 3, one network"),)),
    "googlenet_tv": Entry(2015, GOOGLENET_BN, 22, (_torchvision(10.47),)),
    "inception_v4": Entry(2016, "arXiv:1602.07261", 76, (Published(5.0, "1 crop", "arXiv:1602.07261 table 2"),)),
    "vgg11": Entry(
        2014,
        VGG,
        11,
        (
            _torchvision(11.372),
            _vgg(10.4),
        ),
    ),
    "vgg11_lrn": Entry(2014, VGG, 11, (_vgg(10.5),)),
    "vgg13": Entry(
        2014,
        VGG,
        13,
        (
            _torchvision(10.754),
            _vgg(9.9),
        ),
    ),
    "vgg16_c": Entry(2014, VGG, 16, (_vgg(8.8),)),
    "vgg16": Entry(
        2014,
        VGG,
        16,
        (
            _torchvision(9.618),
            _vgg(8.1),
        ),
    ),
    "vgg19": Entry(
        2014,
        VGG,
        19,
        (
            _torchvision(9.124),
            _vgg(8.0),
        ),
    ),
    "vgg11_bn": Entry(2015, VGG_BN, 11, (_torchvision(10.19),)),
    "vgg13_bn": Entry(2015, VGG_BN, 13, (_torchvision(9.626),)),
    "vgg16_bn": Entry(2015, VGG_BN, 16, (_torchvision(8.484),)),
    "vgg19_bn": Entry(2015, VGG_BN, 19, (_torchvision(8.158),)),
    "resnet18": Entry(2015, RESNET, 18, (_torchvision(10.922),)),
    "resnet34": Entry(
        2015,
        RESNET,
        34,
        (
            _torchvision(8.58),
            _resnet(7.46),
        ),
    ),
    "resnet50": Entry(2015, RESNET, 50, (_torchvision(7.138),)),
    "resnet101": Entry(2015, RESNET, 101, (_torchvision(6.454),)),
    "resnet152": Entry(2015, RESNET, 152, (_torchvision(5.954),)),
    "resnet18_a": Entry(2015, RESNET, 18),
    "resnet34_a": Entry(2015, RESNET, 34, (_resnet(7.76),)),
    "resnet34_c": Entry(2015, RESNET, 34, (_resnet(7.40),)),
    "resnet50_paper": Entry(2015, RESNET, 50, (_resnet(6.71),)),
    "resnet101_paper": Entry(2015, RESNET, 101, (_resnet(6.05),)),
    "resnet152_paper": Entry(2015, RESNET, 152, (_resnet(5.71),)),
    "plain18": Entry(2015, RESNET, 18),
    "plain34": Entry(2015, RESNET, 34, (_resnet(10.02),)),
    "resnet20": Entry(2015, RESNET, 20),
    "resnet32": Entry(2015, RESNET, 32),
    "resnet44": Entry(2015, RESNET, 44),
    "resnet56": Entry(2015, RESNET, 56),
    "resnet110": Entry(2015, RESNET, 110),
    "resnet1202": Entry(2015, RESNET, 1202),
    "plain20": Entry(2015, RESNET, 20),
    "plain32": Entry(2015, RESNET, 32),
    "plain44": Entry(2015, RESNET, 44),
    "plain56": Entry(2015, RESNET, 56),
    "resnext50_32x4d": Entry(2016, RESNEXT, 50, (_torchvision(6.302),)),
    "resnext101_32x8d": Entry(2018, "arXiv:1805.00932", 101, (_torchvision(5.474),)),
    "resnext101_64x4d": Entry(2016, RESNEXT, 101, (Published(5.3, "1 crop", f"{RESNEXT} table 4"),)),
    "densenet121": Entry(2016, DENSENET, 121, (_densenet(7.71),)),
    "densenet161": Entry(2016, DENSENET, 161, (_torchvision(6.44),)),
    "densenet169": Entry(2016, DENSENET, 169, (_densenet(6.85),)),
    "densenet201": Entry(2016, DENSENET, 201, (_densenet(6.34),)),
    "densenet40_12": Entry(2016, DENSENET, 40),
    "densenet100_12": Entry(2016, DENSENET, 100),
    "densenet100_24": Entry(2016, DENSENET, 100),
    "densenet_bc100_12": Entry(2016, DENSENET, 100),
    "densenet_bc250_24": Entry(2016, DENSENET, 250),
    "densenet_bc190_40": Entry(2016, DENSENET, 190),
    "fractalnet20": Entry(2016, FRACTALNET, 20),
    "fractalnet40": Entry(2016, FRACTALNET, 40),
    "airbench94": Entry(2024, "arXiv:2404.00498", 8),
    "quick_regnet26": Entry(2026, "this project", 26),
    "quick_regnet29": Entry(2026, "this project", 29),
}

# fmt: off
CATALOG_OF_PIXELS: dict[str, Entry] = {  # their papers give no depth, and measure on sets of their own
    **dict.fromkeys(("sliding_window", "sliding_window_strided"), Entry(2013, FARABET, 0)),
    "multiscale": Entry(2013, FARABET, 0),
    "recurrent_labelling": Entry(2014, "arXiv:1306.2795", 0),
    **dict.fromkeys(("fcn32s", "fcn16s", "fcn8s"), Entry(2014, "arXiv:1411.4038", 0)),
    "deconvnet": Entry(2015, "arXiv:1505.04366", 0),
    **dict.fromkeys(("unet_paper", "unet", "unet_bn"), Entry(2015, "arXiv:1505.04597", 0)),
    "segnet": Entry(2015, "arXiv:1511.00561", 0),
    **dict.fromkeys(("dilated_frontend", "dilated_context", "dilated_context_large"), Entry(2015, DILATED, 0)),
    **dict.fromkeys(("fcn_resnet18", "fcn_resnet50", "fcn_resnet101"), Entry(2014, "arXiv:1411.4038, torchvision", 0)),
    **dict.fromkeys(("fcn_resnet18_stride16", "fcn_resnet50_stride16"), Entry(2017, "arXiv:1705.09914", 0)),
    "quick_fcn": Entry(2026, "this project", 0),
}
CATALOG_OF_OBJECTS: dict[str, Entry] = {  # theirs neither
    "sliding_window_overfeat": Entry(2013, "arXiv:1312.6229", 0),
    "sliding_window_quick": Entry(2026, "this project", 0),
    **dict.fromkeys(("rcnn_alexnet", "rcnn_quick_regnet26"), Entry(2013, RCNN, 0)),
    **dict.fromkeys(("fast_rcnn_vgg16", "fast_rcnn_resnet18", "fast_rcnn_quick_regnet26"), Entry(2015, FAST_RCNN, 0)),
    "faster_rcnn_vgg16": Entry(2015, FASTER_RCNN, 0),
    "faster_rcnn_resnet50_fpn": Entry(2016, PYRAMID, 0),
    **dict.fromkeys(("faster_rcnn_resnet18_fpn", "faster_rcnn_quick_regnet26_fpn"), Entry(2016, PYRAMID, 0)),
    **dict.fromkeys(("yolo_v1", "yolo_v1_quick_regnet26"), Entry(2015, "arXiv:1506.02640", 0)),
    **dict.fromkeys(("ssd300_vgg16", "ssd320_quick_regnet26"), Entry(2015, SSD, 0)),
    **dict.fromkeys(("retinanet_resnet50_fpn", "retinanet_resnet18_fpn"), Entry(2017, RETINANET, 0)),
    "retinanet_quick_regnet26_fpn": Entry(2017, RETINANET, 0),
    "quick_detector": Entry(2026, "this project", 0),
    **dict.fromkeys(("mask_rcnn_resnet50_fpn", "mask_rcnn_resnet18_fpn"), Entry(2017, MASK_RCNN, 0)),
    "mask_rcnn_quick_regnet26_fpn": Entry(2017, MASK_RCNN, 0),
}
# fmt: on
