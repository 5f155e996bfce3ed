from __future__ import annotations

import pytest

from striate.analysis.zoo import counted, overview, overviews, year_range
from striate.analysis.zoo_costs import COSTS
from striate.core.errors import StriateError
from striate.core.units import amount
from striate.models import ZOO
from striate.models.catalog import CATALOG, PROTOCOLS


def test_the_table_of_costs_is_what_we_count_now() -> None:
    assert list(COSTS) == list(ZOO)
    changed = [name for name in ZOO if counted(name) != COSTS[name]]
    assert changed == [], "run python docs/make_zoo_costs.py and look at what it changes"


def test_every_network_has_a_line() -> None:
    lines = overviews()
    assert [line.name for line in lines] == list(ZOO)
    assert [(line.year, line.depth, line.errors) for line in lines] == [
        (CATALOG[name].year, CATALOG[name].depth, CATALOG[name].errors) for name in ZOO
    ]


def test_another_size_is_counted_anew() -> None:
    large = overview("resnet18", (448, 448))
    assert (large.picture, large.params) == ((3, 448, 448), 11_689_512)
    assert 4 * overview("resnet18").macs - large.macs == 3 * 512 * 1000  # all but the last product grow by 4


def test_auxiliary_heads_are_told_apart() -> None:
    line = overview("googlenet")
    assert line.params - line.training_params == line.inference_params == 6_998_552


def test_filters_and_sorting() -> None:
    small = overviews(max_params=amount("10M"), max_macs=amount("1G"), sort="top5_pct")
    assert small and all(line.inference_params <= 10e6 and line.macs <= 1e9 for line in small)
    assert {line.name for line in overviews(years=(2012, 2013))} == {
        *("alexnet", "alexnet_single", "zfnet", "zfnet_wide", "nin_cifar", "nin")
    }
    firsts = [line.errors[0] for line in overviews("*", sort="top5_pct") if line.errors]
    within = {protocol: [error.top5_pct for error in firsts if error.protocol == protocol] for protocol in PROTOCOLS}
    assert [error.top5_pct for error in firsts] == [pct for errors in within.values() for pct in sorted(errors)]
    assert "googlenet" in {line.name for line in overviews(max_params=7e6)}


def test_a_part_of_a_name_is_enough() -> None:
    assert {line.name for line in overviews("_paper")} == {"resnet50_paper", "resnet101_paper", "resnet152_paper"}
    assert [line.name for line in overviews("resnet18")] == ["resnet18"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: overviews("resnet19"), "unknown model 'resnet19'; did you mean 'resnet18' or 'resnet152'"),
        (lambda: overview("vgg15"), "unknown model 'vgg15'; did you mean"),
        (lambda: overviews(sort="parms"), "unknown sorting 'parms'; did you mean 'params'"),
        (lambda: amount("10X"), "an amount is a number with or without k, M, G or T, such as 10M or 1.5G, got '10X'"),
        (lambda: amount("nan"), "an amount is a number"),
        (lambda: amount(""), "an amount is a number"),
        (lambda: amount("-3M"), "an amount is a number"),
        (lambda: year_range("15"), "years are given as 2015 or 2012-2014, got '15'"),
    ],
)
def test_mistakes(ask, message: str) -> None:
    with pytest.raises(StriateError) as error:
        ask()
    assert message in str(error.value)
