"""docs/numbers.md is what its tables compute today, and each verdict follows the rule."""

from __future__ import annotations

import importlib
import sys
from decimal import Decimal
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
sys.path.insert(0, str(DOCS))
make_numbers = importlib.import_module("make_numbers")
record = importlib.import_module("printed.record")

JUDGED = [(title, *make_numbers.judge(row)) for title, rows in make_numbers.SECTIONS.items() for row in rows]


def found(quantity: str, printed: str) -> list[tuple[object, str]]:
    """Answers and verdicts of the rows about a quantity, as printed so."""
    return [(answer, word) for _, row, answer, word in JUDGED if (row.quantity, row.printed) == (quantity, printed)]


def test_the_page_is_what_is_computed_now() -> None:
    assert make_numbers.PAGE.read_text(encoding="utf-8") == make_numbers.page(), "run python docs/make_numbers.py"


def test_what_is_wrong_has_a_reason() -> None:
    assert [(title, row.quantity) for title, row, _, word in JUDGED if word == "wrong" and not row.why] == []


def test_no_row_is_there_twice() -> None:
    keys = [(row.where, row.quantity, row.printed) for _, row, _, _ in JUDGED]
    assert len(keys) == len(set(keys)) > 300


@pytest.mark.parametrize(
    ("printed", "ours", "zeros", "word"),
    [
        ("4,096", 4096, 0, "right"),
        ("4,096", 4097, 0, "wrong"),
        ("3.8 G", 3_857_973_248, 0, "rounded"),  # cut off
        ("3.8 G", 4_089_184_256, 0, "wrong"),
        ("3.8 G", 3_700_000_000, 0, "rounded"),
        ("3.8 G", 3_699_999_999, 0, "wrong"),
        ("400 k", 401_408, 0, "wrong"),
        ("400 k", 401_408, 2, "rounded"),
        ("1000 Ki", 1_024_000, 0, "right"),
        ("0.1 M", 10_080, 0, "wrong"),  # within one unit, and ten times too large
        ("12 x", 8.711, 0, "wrong"),
        ("< 9", 10, 0, "wrong"),
        ("< 9", 8, 0, "right"),
        ("> 50 %", 63.2, 0, "right"),
        ("195 px", 195, 0, "right"),
        ("28, 24", "28, 24", 0, "right"),
        ("3x3", "1x1, 3x3", 0, "wrong"),
        ("55x55x96", "55x55x96", 0, "right"),
    ],
)
def test_the_rule(printed: str, ours: float | str, zeros: int, word: str) -> None:
    row = record.Printed("somewhere", "something", printed, lambda: ours, zeros=zeros)
    assert record.verdict(row, ours) == word


def test_verdicts_by_a_second_route() -> None:
    """Numbers with a decimal point: equal after multiplying out, or less than two half-units apart, or wrong."""
    units = {"k": 3, "M": 6, "G": 9, "P": 15, "MB": 6}
    seen = 0
    for _, row, answer, word in JUDGED:
        digits, _, unit = row.printed.partition(" ")
        if "." not in digits or unit not in units:
            continue
        seen += 1
        step = Decimal(10) ** (units[unit] - len(digits.partition(".")[2]))
        steps_off = abs(Decimal(answer) - Decimal(digits).scaleb(units[unit])) / step
        half_off = abs(Decimal(answer) / Decimal(digits).scaleb(units[unit]) - 1) > Decimal("0.5")
        expected = "wrong" if steps_off > 1 or half_off else "rounded" if steps_off else "right"
        assert word == expected, row.quantity
    assert seen > 50


MUST_BE_THERE = [
    ("ResNet-50: parameters", "25,557,032", 25_557_032, "right"),
    ("ResNet-50: MACs", "4,089,184,256", 4_089_184_256, "right"),
    ("resnet50: receptive field", "427 px", 427, "right"),
    ("ResNet-50: MACs", "3,857,973,248", 3_857_973_248, "right"),
    ("resnet50_paper: receptive field", "483 px", 483, "right"),
    ("ResNet-18: MACs (its 'FLOPs')", "1.8 G", 1_814_073_344, "rounded"),
    ("ResNet-34: MACs (its 'FLOPs')", "3.6 G", 3_663_761_408, "rounded"),
    ("ResNet-50: MACs (its 'FLOPs')", "3.8 G", 3_857_973_248, "rounded"),
    ("ResNet-101: MACs (its 'FLOPs')", "7.6 G", 7_570_194_432, "rounded"),
    ("ResNet-152: MACs (its 'FLOPs')", "11.3 G", 11_282_415_616, "rounded"),
    ("ResNeXt-50 32x4d: parameters", "25.0 M", 25_028_904, "rounded"),
    ("ResNeXt-50 32x4d: MACs", "4.2 G", 4_230_479_872, "rounded"),
    ("VGG-16: parameters", "138,357,544", 138_357_544, "right"),
    ("VGG-16: MACs", "15.47 G", 15_470_264_320, "rounded"),
    ("vgg16: receptive field", "212 px", 212, "right"),
    ("VGG-16: activations of all lines", "24 M", 15_237_608, "wrong"),
    ("alexnet: receptive field", "195 px", 195, "right"),
    ("GoogLeNet: parameters", "7.0 M", 6_998_552, "rounded"),
    ("GoogLeNet: parameters", "5 M", 6_998_552, "wrong"),
    ("naive module: MACs", "854 M", 854_196_224, "rounded"),
    ("bottleneck module: MACs", "358 M", 271_351_808, "wrong"),
    ("DenseNet-121: MACs", "2.834 G", 2_834_161_664, "rounded"),
    *(
        (f"VGG {column}: parameters", f"{printed} M", params, "rounded")
        for column, printed, params in (
            ("A", 133, 132_863_336),
            ("B", 133, 133_047_848),
            ("C", 134, 133_638_952),
            ("D", 138, 138_357_544),
            ("E", 144, 143_667_240),
        )
    ),
    *(
        (f"ResNet-{depth} for CIFAR: parameters", f"{printed} M", params, "rounded")
        for depth, printed, params in (
            (20, "0.27", 269_722),
            (32, "0.46", 464_154),
            (44, "0.66", 658_586),
            (56, "0.85", 853_018),
            (110, "1.7", 1_727_962),
            (1202, "19.4", 19_421_274),
        )
    ),
]


@pytest.mark.parametrize(("quantity", "printed", "ours", "word"), MUST_BE_THERE)
def test_numbers_that_everybody_looks_up(quantity: str, printed: str, ours: int, word: str) -> None:
    assert found(quantity, printed)
    assert set(found(quantity, printed)) == {(ours, word)}
