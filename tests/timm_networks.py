"""Networks of timm, small enough for a test, each as a builder that a command line can name."""

from __future__ import annotations

from of_others import timm_module

timm = timm_module()


def resnet18(num_classes):
    return timm.create_model("resnet18", num_classes=num_classes)


def regnety_002(num_classes):
    return timm.create_model("regnety_002", num_classes=num_classes)


def mobilenetv3_small_050(num_classes):
    return timm.create_model("mobilenetv3_small_050", num_classes=num_classes)


def efficientnet_b0(num_classes):
    return timm.create_model("efficientnet_b0", num_classes=num_classes)


def convnext_atto(num_classes):
    return timm.create_model("convnext_atto", num_classes=num_classes)


def ghostnet_050(num_classes):
    return timm.create_model("ghostnet_050", num_classes=num_classes)


def vit_tiny_patch16_224(num_classes):
    return timm.create_model("vit_tiny_patch16_224", num_classes=num_classes, img_size=32, depth=4)


def densenet121(num_classes):
    return timm.create_model("densenet121", num_classes=num_classes, block_config=(2, 2, 2, 2))


def mobilevit_xxs(num_classes):
    return timm.create_model("mobilevit_xxs", num_classes=num_classes)


def swin_tiny(num_classes):
    name = "swin_tiny_patch4_window7_224"
    return timm.create_model(name, num_classes=num_classes, img_size=32, window_size=2, depths=(1, 1, 1, 1))


def repvgg_a0(num_classes):
    return timm.create_model("repvgg_a0", num_classes=num_classes)


def nf_regnet_b0(num_classes):
    return timm.create_model("nf_regnet_b0", num_classes=num_classes)


def levit_128s(num_classes):
    return timm.create_model("levit_128s", num_classes=num_classes, img_size=64)
