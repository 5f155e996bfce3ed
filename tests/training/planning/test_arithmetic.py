"""Costs that nobody has tried follow from those that were, by arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.analysis.summary import summarize
from striate.runtime.runtime import Runtime
from striate.training.memory.forecast import training_bytes
from striate.training.planning.arithmetic import Work, estimated, rates
from striate.training.planning.trial import Costs
from striate.training.recipe import Recipe

PLAIN = Runtime("cpu", "fp32", channels_last=False, threads=1)
RATE = st.floats(1e-12, 1e-6)
WORK = st.builds(
    Work,
    macs=st.floats(1e6, 1e12),
    moved_bytes=st.floats(1e6, 1e10),
    weight_bytes=st.floats(1e5, 1e9),
    batch_size=st.just(32),
    at_once=st.just(32),
    needed_bytes=st.just((1e9, 1e8)),
)


def seconds(work: Work, each: tuple[float, ...]) -> float:
    return sum(part * rate for part, rate in zip(work.parts, each, strict=True))


@given(st.tuples(RATE, RATE, RATE), st.lists(WORK, min_size=1, max_size=8, unique_by=lambda work: work.macs))
def test_rates_are_never_negative_and_never_worse_than_multiply_accumulates_alone(true, works):
    tried = [(work, seconds(work, true)) for work in works]
    found = rates(tried)
    assert min(found) >= 0 and max(found) > 0
    alone = [work.macs / taken for work, taken in tried]
    rate = sum(alone) / sum(each**2 for each in alone)
    worse = sum((rate * each - 1) ** 2 for each in alone)
    assert sum((seconds(work, found) / taken - 1) ** 2 for work, taken in tried) <= worse * (1 + 1e-6) + 1e-9


def test_a_machine_that_is_bound_by_all_three_is_found_out():
    each = (2e-12, 3e-10, 5e-10)
    works = [Work(m * 1e9, b * 1e6, w * 1e6, 8, 8, (1, 1)) for m, b, w in ((1, 9, 2), (7, 3, 1), (2, 2, 8), (5, 5, 5))]
    assert rates([(work, seconds(work, each)) for work in works]) == pytest.approx(each)


def test_a_network_of_twice_the_work_is_estimated_to_take_twice_the_time_and_memory():
    one = Work(1e9, 1e7, 1e6, 10, 10, (2e8, 1e8))
    two = Work(2e9, 2e7, 2e6, 10, 10, (4e8, 2e8))
    found = estimated({"one": one, "two": two}, {"one": Costs(0.5, 0.01, 0.002, 10, 300_000_000)})["two"]
    assert found == Costs(pytest.approx(1.0), pytest.approx(0.02), 0.002, 10, 600_000_000)


def test_memory_of_few_pictures_is_scaled_as_the_forecast_grows_with_pictures():
    recipe, cost = Recipe(model="resnet20", batch_size=64), summarize("resnet20")
    work = Work.of(cost, PLAIN, recipe)
    for pictures in (1, 8, 64):
        assert work.bytes_at(pictures) == pytest.approx(training_bytes(cost, pictures, PLAIN, recipe))
    needed = training_bytes(cost, 8, PLAIN, recipe)
    assert work.scaled(Costs(1.0, 1.0, 1.0, 8, 3 * needed)) == pytest.approx(
        3 * training_bytes(cost, 64, PLAIN, recipe)
    )
    assert work.scaled(Costs(1.0, 1.0, 1.0, 8, None)) is None
