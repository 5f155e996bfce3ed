"""Lengths of time as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.core.durations import as_written, seconds_of
from striate.core.errors import StriateError


@pytest.mark.parametrize("text", ["", "m", "0s", "-5m", "5m junk", "1h-3m", "nan s", "5 weeks", "1e3s"])
def test_what_is_no_time_is_one_sentence(text):
    with pytest.raises(StriateError) as refused:
        seconds_of(text)
    assert refused.value.in_flags == (
        f"--budget must be a time with its unit, such as 30s, 20m, 2h or 1h30m, got {text!r}"
    )


def test_a_number_without_a_unit_is_asked_for_one():
    with pytest.raises(StriateError) as refused:
        seconds_of("20")
    assert refused.value.in_flags == "--budget needs a unit; is 20 meant as 20m (minutes), 20s or 20h?"


def test_more_than_a_year_is_refused_by_the_name_that_it_has():
    with pytest.raises(StriateError, match=r"budget must be a time .*, got '400d', and at most a year$"):
        seconds_of("400d", "budget")


@given(st.integers(1, 365 * 86_400))
def test_a_time_that_is_written_is_read_again(seconds):
    assert seconds_of(as_written(seconds)) == seconds
