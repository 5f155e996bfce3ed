"""Costs that papers print, beside ours: habit of one unit of the last printed digit, whole numbers exactly."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import pytest
import torch

from striate.analysis.summary import Summary, summarize
from striate.models import ZOO, create_model

RESNET = "arXiv:1512.03385"
PUBLISHED = [
    ("lenet5", "params", "61706", "LeNet-5 with full C3 and without trainable pooling, as textbooks print it"),
    ("alexnet", "params", "60965224", "NIPS 2012: 60 million; the published Caffe model has exactly these"),
    ("alexnet", "params", "60e6", "NIPS 2012, abstract"),
    ("vgg11", "params", "133e6", "arXiv:1409.1556 table 2, column A"),
    ("vgg13", "params", "133e6", "arXiv:1409.1556 table 2, column B"),
    ("vgg16", "params", "138e6", "arXiv:1409.1556 table 2, column D"),
    ("vgg16", "params", "138357544", "the published weights"),
    ("vgg16", "macs", "15.47e9", "arXiv:1409.1556 column D at 224x224, convolutions and dense layers"),
    ("vgg16", "activations", "15237608", "sum of the 22 lines of its layer table"),
    ("vgg19", "params", "144e6", "arXiv:1409.1556 table 2, column E"),
    ("vgg19", "macs", "19.6e9", f"{RESNET} section 3.3, its 'FLOPs' are MACs"),
    ("resnet18", "macs", "1.8e9", f"{RESNET} table 1, its 'FLOPs' are MACs"),
    ("resnet34", "macs", "3.6e9", f"{RESNET} table 1"),
    ("resnet50", "params", "25557032", "the published weights"),
    ("resnet50", "macs", "4089184256", "stride in the 3x3: 6 % above the paper's 3.8e9"),
    ("resnet50_paper", "macs", "3857973248", "stride in the first 1x1"),
    ("resnet50_paper", "macs", "3.8e9", f"{RESNET} table 1"),
    ("resnet101_paper", "macs", "7.6e9", f"{RESNET} table 1"),
    ("resnet152_paper", "macs", "11.3e9", f"{RESNET} table 1"),
    ("resnet20", "params", "0.27e6", f"{RESNET} table 6"),
    ("resnet32", "params", "0.46e6", f"{RESNET} table 6"),
    ("resnet44", "params", "0.66e6", f"{RESNET} table 6"),
    ("resnet56", "params", "0.85e6", f"{RESNET} table 6"),
    ("resnet110", "params", "1.7e6", f"{RESNET} table 6"),
    ("resnet1202", "params", "19.4e6", f"{RESNET} table 6"),
    ("resnext50_32x4d", "params", "25.0e6", "arXiv:1611.05431 table 1"),
    ("resnext50_32x4d", "macs", "4.2e9", "arXiv:1611.05431 table 1"),
]


@cache
def cost_of(name: str) -> Summary:
    """At the paper's input size."""
    with torch.device("meta"):
        return summarize(create_model(name))


def within_last_digit(value: int, printed: str) -> bool:
    """Papers truncate as often as they round."""
    shown = Decimal(printed)
    return abs(value - shown) <= (Decimal(1).scaleb(int(shown.as_tuple().exponent)) if set(printed) & set(".e") else 0)


@pytest.mark.parametrize(
    ("name", "quantity", "printed", "source"),
    [row for row in PUBLISHED if row[0] in ZOO],
    ids=lambda value: str(value)[:20],
)
def test_published_number(name: str, quantity: str, printed: str, source: str) -> None:
    value = getattr(cost_of(name), quantity)
    assert within_last_digit(value, printed), f"{name} {quantity}: ours {value:,}, printed {printed}: {source}"


def test_the_rule_itself() -> None:
    assert within_last_digit(3_857_973_248, "3.8e9") and not within_last_digit(4_089_184_256, "3.8e9")
    assert within_last_digit(61_706, "61706") and not within_last_digit(61_707, "61706")
