"""Work in several threads: in order, as far ahead as was said, and no further."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from striate.data.threads import in_threads


def test_results_come_in_the_order_of_the_items_whatever_takes_longest() -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3 == 0))
        return 10 * number

    assert list(in_threads(work, range(30), threads=4)) == list(range(0, 300, 10))


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = in_threads(abs, items(), threads=2, under_way=5)
    assert taken == []
    assert next(results) == 0 and len(taken) == 5
    assert next(results) == 1 and len(taken) == 6


@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_else_is_begun_after_an_error(threads: int) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise ValueError("two")
        return number

    results = in_threads(work, range(1000), threads, under_way=4)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert max(begun) <= 5


def test_nothing_is_left_to_do_when_the_caller_stops() -> None:
    begun: list[int] = []
    results = in_threads(begun.append, range(1000), threads=2, under_way=4)
    next(results)
    results.close()  # type: ignore[attr-defined]
    count = len(begun)
    time.sleep(0.01)
    assert len(begun) == count <= 4
