"""Names that nobody knows."""

from __future__ import annotations

from striate.core.errors import unknown_name
from striate.models import ZOO


def said(name: str, known=ZOO, listed_by: str = "`striate models`") -> str:
    return str(unknown_name("model", name, known, listed_by))


def test_the_nearest_whatever_the_case():
    assert said("ResNet-18").startswith("unknown model 'ResNet-18'; did you mean 'resnet18' or ")
    assert said("resnet19").count("'") == 8  # the name and three others


def test_of_a_long_list_three_and_how_to_see_it():
    line = said("qq")
    assert line.startswith(f"unknown model 'qq'; the nearest of {len(ZOO)} are ")
    assert line.endswith("; `striate models` lists them")
    assert line.count(", ") == 2
    assert said("", [f"n{number}" for number in range(99)], "").startswith("unknown model ''; the nearest of 99 are ")


def test_a_short_list_is_shown():
    assert said("zzz", ("step", "cosine")) == "unknown model 'zzz'; known are cosine, step"
