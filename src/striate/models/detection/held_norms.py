"""Batch norms that stay as a classifier's weights have them: few large pictures make poor statistics.

He et al., "Deep residual learning for image recognition", arXiv:1512.03385, appendix A, "Object Detection Baselines":
the norms "are fixed" in fine-tuning, scale and shift included; weight files of detectors are of such networks.
"""

from __future__ import annotations

from torch import nn

from striate.models.resnet import Bottleneck, ResNet, resnet50


def hold_norms(network: nn.Module, prefix: str) -> tuple[str, ...]:
    """Make scale and shift of every batch norm constants, under their old names; returns the paths, behind `prefix`.

    To keep their statistics too they have to stay in evaluation mode.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8))
    >>> hold_norms(network, "body"), sum(p.numel() for p in network.parameters())
    (('body.1',), 24)
    """
    held = []
    for path, norm in network.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            for name, parameter in list(norm.named_parameters(recurse=False)):
                delattr(norm, name)
                norm.register_buffer(name, parameter.detach())
            held.append(f"{prefix}.{path}")
    return tuple(held)


def held_resnet50(in_channels: int) -> tuple[ResNet, tuple[str, ...]]:
    """ResNet-50 with held norms, and the paths of these in a detector."""
    resnet = resnet50(1, in_channels)
    for block in resnet.modules():
        if isinstance(block, Bottleneck):  # norms that are held would let every block double what is drawn
            nn.init.constant_(block.bn3.weight, 0.25)
    return resnet, hold_norms(resnet, "backbone.body")
