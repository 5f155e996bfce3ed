"""A run that ends in time, by a clock that only the test moves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.core.errors import StriateError
from striate.training.budget import deadline as module
from striate.training.budget.deadline import AIM, Deadline
from striate.training.budget.record import DECIDED, Budget, Decided, Stretch, read_decided
from striate.training.recipe import Recipe

END_S, BETWEEN_S = 5.0, 2.0


class Clock:
    """Seconds that are gone, as the test has it."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(module, "seconds_gone", lambda: self.now)


def run(clock, folder, budget, recipe, steps, step_s):
    """Make the steps of a run, each of `step_s(number)` seconds. Returns the deadline, the steps and their places."""
    total, places = recipe.epochs * steps, []
    decided = Decided(END_S, BETWEEN_S, (Stretch(0, 0, total),))
    found = Deadline(Budget(budget), recipe, steps, 64, folder, decided)
    made = 0
    while True:
        if made and made % steps == 0:
            clock.now += BETWEEN_S
        places.append(found.place(made))
        clock.now += step_s(made)
        made += 1
        if found.is_over(made):
            return found, made, places


def test_a_schedule_is_stretched_evenly_over_the_steps_that_are_left():
    decided = Decided(1.0, 1.0, (Stretch(0, 0, 100), Stretch(50, 50, 150)))
    assert [decided.at(step).step for step in (0, 49, 50, 149)] == [0, 0, 50, 50]
    places = [decided.at(step).place_of(step, 100) for step in range(150)]
    assert places[:51] == list(range(51)) and places[100] == 75 and places[149] == 99
    assert Stretch(50, 50, 75).place_of(74, 100) == 98


@settings(max_examples=20, deadline=None)
@given(
    step_s=st.floats(0.05, 3.0),
    change=st.floats(0.4, 2.5),
    planned=st.floats(0.4, 2.5),
    steps=st.integers(2, 60),
    start_px=st.sampled_from((None, 24)),
)
def test_a_run_ends_in_its_budget_whatever_was_planned_and_though_its_pace_changes(
    step_s, change, planned, steps, start_px
):
    with pytest.MonkeyPatch.context() as patch:
        clock, written = Clock(patch), []
        patch.setattr(module, "write_decided", lambda folder, decided: written.append(decided))
        clock.now = 30.0  # before the first step
        epochs = max(1, round(planned * 555 / (steps * step_s + BETWEEN_S)))
        recipe = Recipe(model="resnet18", epochs=epochs, start_px=start_px)
        found, made, places = run(
            clock, Path(), "10m", recipe, steps, lambda number: step_s * (change if number > 100 else 1)
        )
    longest = step_s * max(1, change) + BETWEEN_S
    assert clock.now + END_S <= 600 * AIM + longest
    assert clock.now + END_S >= 600 * AIM - 0.03 * 600 - longest
    assert places == sorted(places) and places[-1] <= found.total - 1
    assert written[-1] == found.decided
    assert [found.place(step) for step in range(made)] == places  # what is decided later changes no step before


def test_a_run_whose_time_is_gone_ends_after_the_step_under_way_and_a_resumed_one_counts_what_was_spent(
    monkeypatch, tmp_path
):
    clock = Clock(monkeypatch)
    found = Deadline(
        Budget("60s"), Recipe(model="lenet5", epochs=9), 10, 32, tmp_path, Decided(5, 1, (Stretch(0, 0, 90),))
    )
    assert not found.is_late and not found.is_over(1)
    assert found.told_rest() == ", 1 min of its 60s left"
    found.goes_on(40.0)
    clock.now = 10.0
    assert found.elapsed() == 50.0 and not found.is_late
    clock.now = 14.2
    assert found.is_late and found.is_over(2)
    assert read_decided(tmp_path).stretches[-1] == Stretch(2, 2, 2)
    assert found.told_end(2).startswith("the budget of 60s ends the run at step 2, after 0.2 epochs")


def test_what_is_written_down_is_repeated_before_anything_new_is_decided(monkeypatch, tmp_path):
    clock = Clock(monkeypatch)
    decided = Decided(5, 1, (Stretch(0, 0, 90), Stretch(20, 20, 60)))
    found = Deadline(Budget("60s"), Recipe(model="lenet5", epochs=9), 10, 32, tmp_path, decided)
    for made in range(5, 21):
        clock.now += 3.0
        assert not found.is_over(made) or made > 20
    assert found.decided == decided
    assert not (tmp_path / DECIDED).exists()


def test_an_end_that_was_decided_is_one_for_the_process_that_repeats_it_too(monkeypatch, tmp_path):
    clock = Clock(monkeypatch)
    ended = Decided(5, 1, (Stretch(0, 0, 90), Stretch(20, 20, 20)))
    found = Deadline(Budget("60s"), Recipe(model="lenet5", epochs=9), 10, 32, tmp_path, ended)
    clock.now = 1.0  # with more time than the process had that decided it
    assert not found.is_over(19) and found.is_over(20)


@pytest.mark.parametrize(
    ("stretches", "got"),
    [
        ([], "none"),
        ([{"step": 5, "place": 5, "last": 10}], "5 (last 10)"),
        ([{"step": 0, "place": 0, "last": 9}] * 2, "0 (last 9), 0 (last 9)"),
        ([{"step": 0, "place": 0, "last": 9}, {"step": 5, "place": 5, "last": 4}], "0 (last 9), 5 (last 4)"),
    ],
)
def test_stretches_that_no_run_has_decided_are_refused(tmp_path, stretches, got):
    (tmp_path / DECIDED).write_text(json.dumps({"end_s": 1, "between_s": 1, "stretches": stretches}))
    with pytest.raises(StriateError) as caught:
        read_decided(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / DECIDED} is damaged: stretches must begin at step 0, each at a later step than the one before "
        f"and with a last step that is not before its own, got {got}"
    )


def test_a_damaged_file_of_decisions_is_named(tmp_path):
    (tmp_path / DECIDED).write_text('{"end_s": 1, "between_s": 1, "stretches": [{"step": -1, "place": 0, "last": 3}]}')
    with pytest.raises(StriateError, match=r"budget\.json.*step"):
        read_decided(tmp_path)
