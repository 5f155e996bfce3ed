"""What papers print of their own networks, and what is published with the weights."""

from __future__ import annotations

from math import prod

from printed.quantities import (
    in_use,
    inside,
    last_shape,
    lenet_connections,
    macs_inside,
    net,
    row,
    shape,
    weight_layers,
    weights_inside,
)
from printed.record import Printed

LENET, ALEXNET, VGG = "Proc. IEEE 86 (1998)", "NIPS 2012", "arXiv:1409.1556"
GOOGLENET, RESNET, RESNEXT = "arXiv:1409.4842 table 1, lecture 2", "arXiv:1512.03385", "arXiv:1611.05431 table 1"
DENSENET, FRACTALNET = "arXiv:1608.06993 table 2", "arXiv:1605.07648 table 1"
FIELDS = "Araujo et al., Distill 2019"
KEYS = {"C1": "features.c1", "S2": "features.s2", "C3": "features.c3", "S4": "features.s4"}
KEYS |= {"C5": "hidden.c5", "F6": "hidden.f6", "output": "output"}

LENET_ROWS = [
    Printed(LENET, "LeNet-5: trainable parameters", "60,000", lambda: net("lenet5_1998").params),
    Printed(LENET, "LeNet-5: connections", "340,908", lambda: sum(map(lenet_connections, KEYS.values()))),
    *(
        Printed(LENET, f"LeNet-5 {name}: parameters", printed, lambda path=KEYS[name]: row("lenet5_1998", path).params)
        for name, printed in (("C1", "156"), ("S2", "12"), ("C3", "1,516"), ("S4", "32"), ("F6", "10,164"))
    ),
    *(
        Printed(LENET, f"LeNet-5 {name}: connections", printed, lambda path=KEYS[name]: lenet_connections(path))
        for name, printed in (("C1", "122,304"), ("S2", "5,880"), ("C3", "151,600"), ("S4", "2,000"), ("C5", "48,120"))
    ),
    Printed("textbooks", "LeNet-5 in its common form: parameters", "61,706", lambda: net("lenet5").params),
]

ALEXNET_ROWS = [
    Printed(ALEXNET, "AlexNet: parameters", "60 M", lambda: net("alexnet").params, zeros=1),
    Printed(
        ALEXNET,
        "AlexNet: neurons",
        "650 k",
        lambda: sum(found.activations for found in net("alexnet").rows if found.macs),
        zeros=1,
    ),
    Printed(
        ALEXNET,
        "AlexNet: numbers in a picture",
        "150,528",
        lambda: prod(net("alexnet").input_shape),
        "224x224x3; the sizes of the maps need 227x227x3",
    ),
    Printed(
        ALEXNET,
        "AlexNet: neurons of conv1",
        "253,440",
        lambda: prod(row("alexnet", "features.conv1").out_shape),
        "55x48x96; the map is 55x55x96",
    ),
    *(
        Printed(ALEXNET, f"AlexNet: neurons of {name}", printed, lambda p=path: prod(row("alexnet", p).out_shape))
        for name, path, printed in (
            ("conv2", "features.conv2", "186,624"),
            ("conv3", "features.conv3", "64,896"),
            ("conv4", "features.conv4", "64,896"),
            ("conv5", "features.conv5", "43,264"),
            ("fc6", "classifier.fc6", "4,096"),
        )
    ),
    Printed("published Caffe weights", "AlexNet: parameters", "60,965,224", lambda: net("alexnet").params),
    Printed("one tower, as courses list it", "AlexNet: parameters", "62,378,344", lambda: net("alexnet_single").params),
    Printed(
        "arXiv:1409.4842 section 1",
        "AlexNet / GoogLeNet: parameters",
        "12 x",
        lambda: net("alexnet").params / in_use("googlenet"),
        "8.7 with the classifier, 10.2 without it",
    ),
]

VGG_ROWS = [
    *(
        Printed(f"{VGG} table 2", f"VGG {column}: parameters", f"{printed} M", lambda name=name: net(name).params)
        for column, name, printed in (
            ("A", "vgg11", 133),
            ("A-LRN", "vgg11_lrn", 133),
            ("B", "vgg13", 133),
            ("C", "vgg16_c", 134),
            ("D", "vgg16", 138),
            ("E", "vgg19", 144),
        )
    ),
    *(
        Printed(
            f"{VGG} table 1", f"VGG {column}: layers with weights", str(printed), lambda name=name: weight_layers(name)
        )
        for column, name, printed in (
            ("A", "vgg11", 11),
            ("A-LRN", "vgg11_lrn", 11),
            ("B", "vgg13", 13),
            ("C", "vgg16_c", 16),
            ("D", "vgg16", 16),
            ("E", "vgg19", 19),
        )
    ),
    Printed("published weights", "VGG-16: parameters", "138,357,544", lambda: net("vgg16").params),
    Printed("convolutions and dense layers at 224 px", "VGG-16: MACs", "15.47 G", lambda: net("vgg16").macs),
    Printed("arXiv:1512.03385 section 3.3", "VGG-19: MACs", "19.6 G", lambda: net("vgg19").macs),
]

# module: output, parameters in units of 1024, multiply-accumulates in millions
GOOGLENET_TABLE = {
    "inception3a": ("28x28x256", "159", "128"),
    "inception3b": ("28x28x480", "380", "304"),
    "inception4a": ("14x14x512", "364", "73"),
    "inception4b": ("14x14x512", "437", "88"),
    "inception4c": ("14x14x512", "463", "100"),
    "inception4d": ("14x14x528", "580", "119"),
    "inception4e": ("14x14x832", "840", "170"),
    "inception5a": ("7x7x832", "1072", "54"),
    "inception5b": ("7x7x1024", "1388", "71"),
    "fc": ("1000", "1000", "1"),
}
GOOGLENET_SLIPS = {
    "inception4a": "0.8 % too low; its operations agree",
    "inception4c": "7 % too low; its operations agree",
    "inception4d": "1.8 % too low; its operations agree",
    "inception4e": "0.8 % too low; its operations agree",
    "inception5a": "5 % too high",
    "inception5b": "1.5 % too low; its operations agree",
}
GOOGLENET_ROWS = [
    Printed(GOOGLENET, "GoogLeNet conv1: output", "112x112x64", lambda: shape(row("googlenet", "stem.conv1.conv"))),
    Printed(
        GOOGLENET,
        "GoogLeNet conv1: parameters",
        "2.7 Ki",
        lambda: weights_inside("googlenet", "stem.conv1"),
        "7x7x3x64; 2.7 would be a depth-wise 7x7 followed by a 1x1",
    ),
    Printed(
        GOOGLENET,
        "GoogLeNet conv1: MACs",
        "34 M",
        lambda: macs_inside("googlenet", "stem.conv1"),
        "goes with its 2.7 Ki parameters: 2.7 x 1024 x 112 x 112",
    ),
    Printed(GOOGLENET, "GoogLeNet pool1: output", "56x56x64", lambda: shape(row("googlenet", "stem.pool1"))),
    Printed(GOOGLENET, "GoogLeNet conv2: output", "56x56x192", lambda: shape(row("googlenet", "stem.conv3.conv"))),
    Printed(
        GOOGLENET,
        "GoogLeNet conv2: parameters",
        "112 Ki",
        lambda: weights_inside("googlenet", "stem.conv2") + weights_inside("googlenet", "stem.conv3"),
    ),
    Printed(
        GOOGLENET,
        "GoogLeNet conv2: MACs",
        "360 M",
        lambda: macs_inside("googlenet", "stem.conv2") + macs_inside("googlenet", "stem.conv3"),
    ),
    Printed(GOOGLENET, "GoogLeNet pool2: output", "28x28x192", lambda: shape(row("googlenet", "stem.pool2"))),
    Printed(GOOGLENET, "GoogLeNet pool3: output", "14x14x480", lambda: shape(row("googlenet", "pool3"))),
    Printed(GOOGLENET, "GoogLeNet pool4: output", "7x7x832", lambda: shape(row("googlenet", "pool4"))),
    Printed(GOOGLENET, "GoogLeNet average pooling: output", "1x1x1024", lambda: shape(row("googlenet", "avgpool"))),
    *(
        Printed(GOOGLENET, f"GoogLeNet {name}: output", size, lambda n=name: last_shape("googlenet", n))
        for name, (size, _, _) in GOOGLENET_TABLE.items()
    ),
    *(
        Printed(
            GOOGLENET,
            f"GoogLeNet {name}: parameters",
            f"{printed} Ki",
            lambda n=name: weights_inside("googlenet", n),
            GOOGLENET_SLIPS.get(name, ""),
        )
        for name, (_, printed, _) in GOOGLENET_TABLE.items()
    ),
    *(
        Printed(
            GOOGLENET,
            f"GoogLeNet {name}: MACs",
            f"{printed} M",
            lambda n=name: macs_inside("googlenet", n),
            "goes with its 1072 Ki parameters x 49" if name == "inception5a" else "",
        )
        for name, (_, _, printed) in GOOGLENET_TABLE.items()
    ),
    Printed("arXiv:1409.4842 section 1", "GoogLeNet: MACs", "1.5 G", lambda: net("googlenet").macs),
    Printed(
        "with its classifier, without auxiliary heads", "GoogLeNet: parameters", "7.0 M", lambda: in_use("googlenet")
    ),
]

RESNET_ROWS = [
    *(
        Printed(
            f"{RESNET} table 1", f"ResNet-{depth}: MACs (its 'FLOPs')", f"{printed} G", lambda name=name: net(name).macs
        )
        for depth, name, printed in (
            (18, "resnet18", "1.8"),
            (34, "resnet34", "3.6"),
            (50, "resnet50_paper", "3.8"),
            (101, "resnet101_paper", "7.6"),
            (152, "resnet152_paper", "11.3"),
        )
    ),
    *(
        Printed(
            f"{RESNET} table 1",
            f"ResNet-{depth}: layers with weights",
            str(depth),
            lambda d=depth: weight_layers(f"resnet{d}"),
        )
        for depth in (18, 34, 50, 101, 152)
    ),
    *(
        Printed(
            f"{RESNET} table 1",
            f"ResNet {name}: side of the map",
            str(side),
            lambda path=path: inside("resnet50_paper", path)[-1].out_shape[-1],
        )
        for name, path, side in (
            ("conv1", "conv1", 112),
            ("conv2_x", "layer1", 56),
            ("conv3_x", "layer2", 28),
            ("conv4_x", "layer3", 14),
            ("conv5_x", "layer4", 7),
        )
    ),
    *(
        Printed(
            f"{RESNET} table 6",
            f"ResNet-{depth} for CIFAR: parameters",
            f"{printed} M",
            lambda d=depth: net(f"resnet{d}").params,
        )
        for depth, printed in ((20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"), (110, "1.7"), (1202, "19.4"))
    ),
    Printed("stride in the 3x3, as in torchvision", "ResNet-50: MACs", "4,089,184,256", lambda: net("resnet50").macs),
    Printed(
        "stride in the first 1x1, as in the paper",
        "ResNet-50: MACs",
        "3,857,973,248",
        lambda: net("resnet50_paper").macs,
    ),
    Printed("published weights", "ResNet-50: parameters", "25,557,032", lambda: net("resnet50").params),
    Printed(RESNEXT, "ResNet-50: parameters", "25.5 M", lambda: net("resnet50").params),
    Printed(RESNEXT, "ResNet-50: MACs", "4.1 G", lambda: net("resnet50").macs),
    Printed(RESNEXT, "ResNeXt-50 32x4d: parameters", "25.0 M", lambda: net("resnext50_32x4d").params),
    Printed(RESNEXT, "ResNeXt-50 32x4d: MACs", "4.2 G", lambda: net("resnext50_32x4d").macs),
]

DENSE_ROWS = [
    *(
        Printed(DENSENET, f"DenseNet {label}: parameters", f"{printed} M", lambda name=name: net(name).params)
        for label, name, printed in (
            ("L 40, k 12", "densenet40_12", "1.0"),
            ("L 100, k 12", "densenet100_12", "7.0"),
            ("L 100, k 24", "densenet100_24", "27.2"),
            ("BC, L 100, k 12", "densenet_bc100_12", "0.8"),
            ("BC, L 250, k 24", "densenet_bc250_24", "15.3"),
            ("BC, L 190, k 40", "densenet_bc190_40", "25.6"),
        )
    ),
    Printed("layers of arXiv:1608.06993 table 1", "DenseNet-121: MACs", "2.834 G", lambda: net("densenet121").macs),
    Printed(
        FRACTALNET,
        "FractalNet-20: parameters",
        "38.6 M",
        lambda: net("fractalnet20").params,
        "three columns of the widths that section 4 prints, 64, 128, 256, 512, 512, give 33.7 M",
    ),
]

FIELD_ROWS = [
    Printed(FIELDS, f"{name}: receptive field", f"{printed} px", lambda name=name: net(name).field_px)
    for name, printed in (
        ("alexnet", 195),
        ("vgg16", 212),
        ("resnet50_paper", 483),
        ("resnet101_paper", 1027),
        ("resnet152_paper", 1507),
        ("inception_v4", 2071),
    )
] + [
    Printed(
        "stride in the 3x3, as in torchvision", "resnet50: receptive field", "427 px", lambda: net("resnet50").field_px
    )
]

# parameters, and billions of multiply-accumulates, which the page calls GFLOPS
TORCHVISION = {
    "alexnet_tv": ("61,100,840", "0.71"),
    "vgg11": ("132,863,336", "7.61"),
    "vgg11_bn": ("132,868,840", "7.61"),
    "vgg13": ("133,047,848", "11.31"),
    "vgg13_bn": ("133,053,736", "11.31"),
    "vgg16": ("138,357,544", "15.47"),
    "vgg16_bn": ("138,365,992", "15.47"),
    "vgg19": ("143,667,240", "19.63"),
    "vgg19_bn": ("143,678,248", "19.63"),
    "googlenet_tv": ("6,624,904", "1.5"),
    "resnet18": ("11,689,512", "1.81"),
    "resnet34": ("21,797,672", "3.66"),
    "resnet50": ("25,557,032", "4.09"),
    "resnet101": ("44,549,160", "7.8"),
    "resnet152": ("60,192,808", "11.51"),
    "resnext50_32x4d": ("25,028,904", "4.23"),
    "resnext101_32x8d": ("88,791,336", "16.41"),
    "resnext101_64x4d": ("83,455,272", "15.46"),
    "densenet121": ("7,978,856", "2.83"),
    "densenet161": ("28,681,000", "7.73"),
    "densenet169": ("14,149,480", "3.36"),
    "densenet201": ("20,013,928", "4.29"),
}
TORCHVISION_ROWS = [
    printed
    for name, (params, macs) in TORCHVISION.items()
    for printed in (
        Printed("torchvision's table of weights", f"{name}: parameters", params, lambda n=name: in_use(n)),
        Printed(
            "torchvision's table of weights", f"{name}: MACs (its 'GFLOPS')", f"{macs} G", lambda n=name: net(n).macs
        ),
    )
]

SECTIONS = {
    "LeNet-5": LENET_ROWS,
    "AlexNet": ALEXNET_ROWS,
    "VGG": VGG_ROWS,
    "GoogLeNet": GOOGLENET_ROWS,
    "ResNet and ResNeXt": RESNET_ROWS,
    "DenseNet and FractalNet": DENSE_ROWS,
    "Receptive fields": FIELD_ROWS,
    "Published weights": TORCHVISION_ROWS,
}
