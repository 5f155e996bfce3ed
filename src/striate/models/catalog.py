"""What is known of every network besides its arithmetic: year, paper, depth, published error."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue.

    depth: layers with weights on the longest path, as the paper counts them (projections of shortcuts are not).
    top5_pct: published top-5 error on ImageNet's validation pictures, of one network; None where none is published.
    source: where `top5_pct` is printed, and how many crops of a picture it averages.
    """

    year: int
    paper: str
    depth: int
    top5_pct: float | None = None
    source: str = ""


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
# The paper's network as torchvision trained it; errors are 100 minus the accuracy that its documentation states.
TORCHVISION = "torchvision 0.28, IMAGENET1K_V1, 1 crop"
VGG_ERRORS = f"{VGG} table 3, fully convolutional at one scale"
RESNET_ERRORS = f"{RESNET} table 3, 10 crops"
DENSENET_ERRORS = f"{DENSENET} table 3, 1 crop"

CATALOG: dict[str, Entry] = {
    "perceptron": Entry(1958, "Rosenblatt, Psychological Review 65 (1958)", 1),
    "mlp": Entry(1986, "Rumelhart, Hinton and Williams, Nature 323 (1986)", 3),
    "lenet5": Entry(1998, LENET, 5),
    "lenet5_1998": Entry(1998, LENET, 7),
    "alexnet": Entry(2012, ALEXNET, 8, 18.2, f"{ALEXNET}, table 2, one network, 10 crops"),
    "alexnet_single": Entry(2012, ALEXNET, 8),
    "alexnet_tv": Entry(2014, "arXiv:1404.5997", 8, 20.934, TORCHVISION),
    "zfnet": Entry(2013, ZFNET, 8, 16.5, f"{ZFNET} table 2, one network, 10 crops"),
    "zfnet_wide": Entry(2013, ZFNET, 8, 16.0, f"{ZFNET} table 2, one network (b), 10 crops"),
    "nin_cifar": Entry(2013, NIN, 9),
    "nin": Entry(2013, NIN, 12),
    "googlenet": Entry(2014, GOOGLENET, 22, 10.07, f"{GOOGLENET} table 3, one network, 1 crop"),
    "googlenet_tv": Entry(2014, GOOGLENET, 22, 10.47, TORCHVISION),
    "inception_v4": Entry(2016, "arXiv:1602.07261", 76, 5.0, "arXiv:1602.07261 table 2, 1 crop"),
    "vgg11": Entry(2014, VGG, 11, 10.4, VGG_ERRORS),
    "vgg11_lrn": Entry(2014, VGG, 11, 10.5, VGG_ERRORS),
    "vgg13": Entry(2014, VGG, 13, 9.9, VGG_ERRORS),
    "vgg16_c": Entry(2014, VGG, 16, 8.8, VGG_ERRORS),
    "vgg16": Entry(2014, VGG, 16, 8.1, VGG_ERRORS),
    "vgg19": Entry(2014, VGG, 19, 8.0, VGG_ERRORS),
    "vgg11_bn": Entry(2014, VGG, 11, 10.19, TORCHVISION),
    "vgg13_bn": Entry(2014, VGG, 13, 9.626, TORCHVISION),
    "vgg16_bn": Entry(2014, VGG, 16, 8.484, TORCHVISION),
    "vgg19_bn": Entry(2014, VGG, 19, 8.158, TORCHVISION),
    "resnet18": Entry(2015, RESNET, 18, 10.922, TORCHVISION),
    "resnet34": Entry(2015, RESNET, 34, 7.46, RESNET_ERRORS),
    "resnet50": Entry(2015, RESNET, 50, 7.138, TORCHVISION),
    "resnet101": Entry(2015, RESNET, 101, 6.454, TORCHVISION),
    "resnet152": Entry(2015, RESNET, 152, 5.954, TORCHVISION),
    "resnet18_a": Entry(2015, RESNET, 18),
    "resnet34_a": Entry(2015, RESNET, 34, 7.76, RESNET_ERRORS),
    "resnet34_c": Entry(2015, RESNET, 34, 7.40, RESNET_ERRORS),
    "resnet50_paper": Entry(2015, RESNET, 50, 6.71, RESNET_ERRORS),
    "resnet101_paper": Entry(2015, RESNET, 101, 6.05, RESNET_ERRORS),
    "resnet152_paper": Entry(2015, RESNET, 152, 5.71, RESNET_ERRORS),
    "plain18": Entry(2015, RESNET, 18),
    "plain34": Entry(2015, RESNET, 34, 10.02, RESNET_ERRORS),
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
    "resnext50_32x4d": Entry(2016, RESNEXT, 50, 6.302, TORCHVISION),
    "resnext101_32x8d": Entry(2016, RESNEXT, 101, 5.474, TORCHVISION),
    "resnext101_64x4d": Entry(2016, RESNEXT, 101, 5.3, f"{RESNEXT} table 4, 1 crop"),
    "densenet121": Entry(2016, DENSENET, 121, 7.71, DENSENET_ERRORS),
    "densenet161": Entry(2016, DENSENET, 161, 6.44, TORCHVISION),
    "densenet169": Entry(2016, DENSENET, 169, 6.85, DENSENET_ERRORS),
    "densenet201": Entry(2016, DENSENET, 201, 6.34, DENSENET_ERRORS),
    "densenet40_12": Entry(2016, DENSENET, 40),
    "densenet100_12": Entry(2016, DENSENET, 100),
    "densenet100_24": Entry(2016, DENSENET, 100),
    "densenet_bc100_12": Entry(2016, DENSENET, 100),
    "densenet_bc250_24": Entry(2016, DENSENET, 250),
    "densenet_bc190_40": Entry(2016, DENSENET, 190),
    "fractalnet20": Entry(2016, FRACTALNET, 20),
    "fractalnet40": Entry(2016, FRACTALNET, 40),
    "quick_regnet26": Entry(2026, "this project", 26),
    "quick_regnet29": Entry(2026, "this project", 29),
}
