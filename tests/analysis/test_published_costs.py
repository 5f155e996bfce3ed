"""Costs that papers print, beside ours: habit of one unit of the last printed digit, whole numbers exactly."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import pytest

from striate.analysis.summary import Summary, summarize
from striate.meta.weightless import blueprint
from striate.models import create_model

RESNET, DENSENET = "arXiv:1512.03385", "arXiv:1608.06993"
PUBLISHED = [
    ("lenet5", "params", "61706", "LeNet-5 with full C3 and without trainable pooling, as textbooks print it"),
    ("lenet5_1998", "params", "60000", "Proc. IEEE 1998, section II.B: 60,000 trainable free parameters"),
    ("alexnet", "params", "60e6", "NIPS 2012, abstract"),
    ("alexnet", "params", "60965224", "the published Caffe model"),
    ("alexnet_single", "params", "62378344", "lecture slides that list one tower"),
    ("alexnet_tv", "params", "61100840", "torchvision's weights"),
    ("vgg11", "params", "133e6", "arXiv:1409.1556 table 2, column A"),
    ("vgg13", "params", "133e6", "arXiv:1409.1556 table 2, column B"),
    ("vgg16_c", "params", "134e6", "arXiv:1409.1556 table 2, column C"),
    ("vgg16", "params", "138e6", "arXiv:1409.1556 table 2, column D"),
    ("vgg16", "params", "138357544", "the published weights"),
    ("vgg16", "macs", "15.47e9", "arXiv:1409.1556 column D at 224x224, convolutions and dense layers"),
    ("vgg16", "activations", "15237608", "sum of the 22 lines of its layer table"),
    ("vgg19", "params", "144e6", "arXiv:1409.1556 table 2, column E"),
    ("vgg19", "macs", "19.6e9", f"{RESNET} section 3, its 'FLOPs' are MACs"),
    ("googlenet", "macs", "1.5e9", "arXiv:1409.4842 section 1: 1.5 billion multiply-adds at inference"),
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
    ("densenet121", "params", "7978856", "the published weights"),
    ("densenet121", "macs", "2.834e9", "the layers of the paper's table 1 at 224x224"),
    ("densenet161", "params", "28681000", "the published weights"),
    ("densenet169", "params", "14149480", "the published weights"),
    ("densenet201", "params", "20013928", "the published weights"),
    ("densenet40_12", "params", "1.0e6", f"{DENSENET} table 2"),
    ("densenet100_12", "params", "7.0e6", f"{DENSENET} table 2"),
    ("densenet100_24", "params", "27.2e6", f"{DENSENET} table 2"),
    ("densenet_bc100_12", "params", "0.8e6", f"{DENSENET} table 2"),
    ("densenet_bc250_24", "params", "15.3e6", f"{DENSENET} table 2"),
    ("densenet_bc190_40", "params", "25.6e6", f"{DENSENET} table 2"),
]


@cache
def cost_of(name: str) -> Summary:
    """At the paper's input size."""
    return summarize(blueprint(lambda: create_model(name)))


def within_last_digit(value: int, printed: str) -> bool:
    """Papers truncate as often as they round."""
    shown = Decimal(printed)
    return abs(value - shown) <= (Decimal(1).scaleb(int(shown.as_tuple().exponent)) if set(printed) & set(".e") else 0)


@pytest.mark.parametrize(
    ("name", "quantity", "printed", "source"),
    PUBLISHED,
    ids=lambda value: str(value)[:20],
)
def test_published_number(name: str, quantity: str, printed: str, source: str) -> None:
    value = getattr(cost_of(name), quantity)
    assert within_last_digit(value, printed), f"{name} {quantity}: ours {value:,}, printed {printed}: {source}"


def test_googlenet_without_its_auxiliary_heads() -> None:
    """They are there for training only; slides that print 5 million leave out more."""
    in_use = sum(row.params for row in cost_of("googlenet").rows if row.kind != "not run")
    assert in_use == 6_998_552


def test_the_rule_itself() -> None:
    assert within_last_digit(3_857_973_248, "3.8e9") and not within_last_digit(4_089_184_256, "3.8e9")
    assert within_last_digit(61_706, "61706") and not within_last_digit(61_707, "61706")
