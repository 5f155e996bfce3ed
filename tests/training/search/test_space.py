"""What is searched in: as it is written, drawn from, narrowed, and refused."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.core.errors import StriateError
from striate.recipes import get_recipe
from striate.training.recipe import Recipe
from striate.training.search.drawing import drawn, narrowed, on_grid, points_per_axis, size_of
from striate.training.search.space import Choices, Range, default_space, parse_space, recipe_at
from striate.training.search.tried import Tried

LENET = Recipe(model="lenet5")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("peak_lr", "an axis is field=low..high, field=low..high,log or field=a|b|c"),
        ("peak_lr=", "an axis is field=low..high, field=low..high,log or field=a|b|c"),
        ("lr=1..2", "unknown recipe field 'lr'; did you mean 'peak_lr'?"),
        ("peek_lr=1..2", "unknown recipe field 'peek_lr'; did you mean 'peak_lr'?"),
        ("peak_lr=0..1,log", "a logarithmic range is above 0, and 0 is not; leave ,log out or raise it"),
        ("peak_lr=-1e-3..1,log", "a logarithmic range is above 0, and -0.001 is not; leave ,log out or raise it"),
        ("peak_lr=1e-3..1,lin", "after a range only ,log may stand, got 'lin'"),
        ("peak_lr=1e-3..high", "peak_lr must be a number, got 'high'"),
        ("peak_lr=nan..1", "peak_lr must be a number, got 'nan'"),
        ("peak_lr=1..2000", "peak_lr must be between 0 and 1,000, got 2000.0"),
        ("peak_lr=0.1..0.1", "the range is the one value 0.1; set that by --set peak_lr=0.1"),
        ("batch_size=1.5..9", "batch_size must be a whole number, got '1.5'"),
        ("optimizer=sgd..adamw", "optimizer is no number, so it has no range; give values with | between"),
        ("optimizer=sgd", "give two or more different values with | between, or a range, such as 1e-4..1e-1,log"),
        ("optimizer=sgd|sgd", "give two or more different values with | between, or a range, such as 1e-4..1e-1,log"),
        ("optimizer=sgd|noun", "unknown optimizer 'noun'; known are ad"),
        ("epochs=1..9", "epochs is the same for all trials of a search; set it by --set or the flag of its own"),
        (
            "optimizer=sgd|my.py:Opt",
            "my.py:Opt is code of your own, which is the same for all trials; set it by --set op",
        ),
        ("muon_lr=1e-3..1,log", "muon_lr does nothing here: it needs optimizer=muon"),
    ],
)
def test_what_is_no_axis_is_one_sentence_that_points_at_it(text, line):
    with pytest.raises(StriateError) as refused:
        parse_space([text], LENET)
    assert refused.value.in_flags.startswith(f"--space {text}: {line}")


def test_a_field_that_holds_code_of_ones_own_has_no_axis():
    with pytest.raises(
        StriateError, match=r"optimizer is my\.py:Opt, code of your own, which is the same for all trials"
    ):
        parse_space(["optimizer=sgd|adamw"], replace(LENET, optimizer="my.py:Opt"))


def test_an_optimizer_that_is_chosen_without_a_rate_has_its_own():
    space, _ = parse_space(["optimizer=sgd|adamw"], LENET)
    assert recipe_at(space, LENET, {"optimizer": "sgd"}).peak_lr == LENET.peak_lr
    assert recipe_at(space, LENET, {"optimizer": "adamw"}).peak_lr == pytest.approx(LENET.peak_lr * 0.001 / 0.05)
    space, _ = parse_space(["optimizer=sgd|adamw", "peak_lr=0.1..1"], LENET)
    assert recipe_at(space, LENET, {"optimizer": "adamw", "peak_lr": 0.5}).peak_lr == 0.5


def test_an_axis_that_is_given_twice_is_refused():
    with pytest.raises(StriateError) as refused:
        parse_space(["flip=true|false", "flip=false|true"], LENET)
    assert refused.value.in_flags == "--space flip=false|true: flip is given twice; leave one of them out"
    assert str(refused.value).startswith("space=['flip=false|true']: ")


def test_a_field_that_acts_beside_one_of_the_choices_is_taken():
    space, _ = parse_space(["muon_lr=1e-3..1,log", "optimizer=sgd|muon"], LENET)
    made = recipe_at(space, LENET, {"muon_lr": 0.5, "optimizer": "muon"})
    assert (made.muon_lr, made.optimizer) == (0.5, "muon")


def test_reversed_bounds_are_put_right_and_said():
    (axis,), said = parse_space(["weight_decay=1e5..1e-5,log"], LENET)
    assert axis == Range("weight_decay", 1e-5, 1e5, log=True)
    assert said == ["--space weight_decay=1e5..1e-5,log has its bounds reversed, read as 1e-05..100000"]


@pytest.mark.parametrize("name", ["default", "fast", "finetune", "resnet_2015", "mask_rcnn"])
def test_the_default_space_is_one_that_could_be_written_and_holds_the_recipe(name):
    recipe = get_recipe(name)
    space = default_space(recipe)
    assert parse_space(map(str, space), recipe) == (space, [])
    assert {"peak_lr", "weight_decay"} <= {axis.name for axis in space}
    assert all(axis.low <= getattr(recipe, axis.name) <= axis.high for axis in space)


ranges = st.builds(
    lambda low, width, log, whole: (
        Range("x", round(low * 1000), round(low * 1000) + 1 + round(width), log, True)
        if whole
        else Range("x", low, low + width, log)
    ),
    st.floats(1e-3, 1e3), st.floats(0.1, 1e4), st.booleans(), st.booleans(),
)  # fmt: skip


@given(ranges, st.floats(0, 1, exclude_max=True), st.lists(st.floats(0, 1), min_size=3, max_size=5))
def test_what_is_drawn_lies_in_the_range_and_narrowed_ranges_lie_in_it_too(axis, share, best):
    value = axis.at(share)
    assert axis.low <= value <= axis.high
    assert not axis.whole or isinstance(value, int)
    if not axis.whole:
        assert abs(axis.share(value) - share) < 1e-2
    values = [axis.at(each) for each in best]
    narrow = axis.narrowed(values)
    assert axis.low <= narrow.low < narrow.high <= axis.high
    assert all(narrow.low <= each <= narrow.high for each in values)
    points = axis.points(4)
    assert (sorted(set(points)) == points and {points[0], points[-1]} == {axis.low, axis.high}) or not axis.whole


def test_random_values_are_even_in_their_logarithm():
    axis = Range("peak_lr", 1e-6, 1e-2, log=True)
    values = [drawn((axis,), 0, number)["peak_lr"] for number in range(400)]
    assert len(set(values)) == 400
    for low in (-6, -5, -4, -3):
        assert 70 < sum(low <= math.log10(value) < low + 1 for value in values) < 130


def test_a_grid_has_every_point_once_and_no_more_than_were_asked_for():
    space = (Range("peak_lr", 1e-4, 1.0, log=True), Choices("optimizer", ("sgd", "adamw")))
    points = points_per_axis(space, 11)
    assert (points, size_of(space, points)) == (5, 10)
    found = [on_grid(space, points, 3, number) for number in range(10)]
    assert {(each["peak_lr"], each["optimizer"]) for each in found} == {
        (rate, name) for rate in (1e-4, 1e-3, 1e-2, 1e-1, 1.0) for name in ("sgd", "adamw")
    }
    assert on_grid(space, points, 3, 10) is None
    assert points_per_axis((Range("x", 1, 3, whole=True),), 100) == 3


def test_the_fine_range_is_around_the_best_of_the_coarse_trials():
    space = (Range("peak_lr", 1e-6, 1.0, log=True), Choices("flip", ("true", "false")))
    rates = [10**-each for each in (6, 5, 4, 3, 2, 1, 0)]
    figures = [0.1, 0.2, 0.6, 0.9, 0.8, 0.3, 0.1]
    tried = [
        Tried(number, {"peak_lr": rate, "flip": "true"}, "coarse", "paused", figures={1: figure})
        for number, (rate, figure) in enumerate(zip(rates, figures, strict=True))
    ]
    fine, choices = narrowed(space, tried, higher_is_better=True)
    assert (fine.low, fine.high) == pytest.approx((10**-4.6, 10**-1.4), rel=1e-3)  # 1e-4 to 1e-2, a tenth wider
    assert choices == space[1]
    assert narrowed(space, tried[:2], higher_is_better=True) == space


def test_the_best_at_an_edge_says_to_widen_the_range_unless_there_is_nothing_beyond():
    axis = Range("momentum", 0, 0.9)
    assert axis.edge(0.89) == (
        "momentum 0.89 is at the upper edge of its range: widen it, such as --space momentum=0..1"
    )
    assert axis.edge(0.01) is None  # below 0 there is no momentum
    assert axis.edge(0.5) is None
