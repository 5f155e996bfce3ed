"""Which trial goes on next, by hand."""

from dataclasses import replace

import pytest

from striate.training.search.rungs import best_of, epochs_of, fewest_epochs, next_to_go_on, rungs_of
from striate.training.search.tried import Tried

RUNGS = (1, 3, 9)


def trial(number, figure, epochs=1, **more):
    fields = {"state": "paused", "place": "here", "goal": epochs, "figures": {epochs: figure}} | more
    return Tried(number, {}, "coarse", **fields)


def test_a_third_of_the_first_rung_goes_on_best_first_and_a_ninth_to_the_end():
    tried = [trial(number, number / 10) for number in range(9)]
    gone = []
    while (chosen := next_to_go_on(tried, RUNGS, "here", True)) is not None:
        rung = RUNGS[RUNGS.index(chosen.epochs) + 1]
        gone.append((chosen.number, rung))
        figures = chosen.figures | {rung: 0.9 - chosen.number / 10}  # the order turns round
        tried[chosen.number] = replace(chosen, goal=rung, figures=figures)
    assert gone == [(8, 3), (7, 3), (6, 3), (6, 9)]
    assert best_of(tried, True).number == 6  # one that came farther, though its figure is not the highest
    made = 9 * 1 + 3 * 2 + 1 * 6
    assert epochs_of(9, RUNGS) == made
    assert fewest_epochs(RUNGS) == made + 2 * 3 * 9


def test_lower_is_better_where_the_figure_says_so():
    tried = [trial(number, number / 10) for number in range(3)]
    assert next_to_go_on(tried, RUNGS, "here", False).number == 0


def test_trials_that_are_ended_count_and_trials_elsewhere_do_not_go_on_here():
    tried = [trial(0, 0.1), trial(1, 0.9, place="there"), trial(2, 0, state="ended", figures={})]
    assert next_to_go_on(tried, RUNGS, "here", True).number == 0
    assert next_to_go_on(tried[2:], RUNGS, "here", True) is None


def test_there_is_time_left_for_one_trial_to_come_to_the_end():
    tried = [trial(number, number / 10) for number in range(9)]
    assert next_to_go_on(tried, RUNGS, "here", True, left_epochs=7.9) is None  # 2 to the next rung, 6 to the last
    assert next_to_go_on(tried, RUNGS, "here", True, left_epochs=8).number == 8


@pytest.mark.parametrize(
    ("epochs", "rungs"), [(1, (1,)), (2, (1, 2)), (4, (1, 4)), (9, (1, 3, 9)), (100, (11, 33, 100))]
)
def test_rungs_are_a_third_of_each_other(epochs, rungs):
    assert rungs_of(epochs) == rungs
