"""The two training sections of the ResNet paper."""

from __future__ import annotations

from striate.training.recipe import Recipe


def resnet_2015() -> Recipe:
    """ResNet on ImageNet, He et al., arXiv:1512.03385, section 3.4.

    striate train imagenet/ --recipe resnet_2015
    The paper reports 6.71 % top-5 error for 50 layers with 10 crops. ImageNet was not at hand: tested to train, not to
    the end.
    """
    return Recipe(
        model="resnet50",
        size_px=224,
        epochs=120,
        batch_size=256,
        peak_lr=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        decay_norms_and_biases=True,
        schedule="plateau",
        drop_factor=0.1,
        patience_epochs=5,
        flip=True,
        lighting_std=0.1,
    )


def cifar_resnet() -> Recipe:
    """ResNet-20 to 110 on CIFAR, He et al., arXiv:1512.03385, section 4.2.

    striate train cifar-10-batches-py/ --recipe cifar_resnet
    The paper reports 91.25 % for 20 layers. CIFAR-10 was not at hand; on 10 classes of Tiny-ImageNet, 30 epochs
    end at 53.0 % (48.6 to 57.3) on 500 pictures; see docs/measured.md.
    """
    return Recipe(
        model="resnet20",
        size_px=32,
        epochs=164,
        batch_size=128,
        peak_lr=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        decay_norms_and_biases=True,
        schedule="step",
        drop_at=(0.5, 0.75),
        drop_factor=0.1,
        crop_padding_px=4,
        flip=True,
    )
