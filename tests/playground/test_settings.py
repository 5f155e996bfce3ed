"""What may be set, and the sentence for what may not."""

import pytest

from striate import StriateError
from striate.playground import Settings
from striate.playground.settings import settings_of


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"data": "moons"}, "unknown data 'moons'; known are circle, gauss, own, spiral, xor"),
        ({"noise": 0.6}, "noise must be between 0.0 and 0.5, got 0.6"),
        ({"noise": float("nan")}, "noise must be between 0.0 and 0.5, got nan"),
        ({"train_share": 1}, "train_share must be between 0.1 and 0.9, got 1.0"),
        ({"batch": 0}, "batch must be between 1 and 500, got 0"),
        ({"rate": "fast"}, r"rate must be a number, got 'fast' \(str\)"),
        ({"rate": 0}, "rate must be between 1e-05 and 10.0, got 0.0"),
        ({"hidden": [4] * 7}, r"hidden must be at most 6 layers of 1 to 8 neurons, got \(4, 4, 4, 4, 4, 4, 4\)"),
        ({"hidden": [0]}, r"hidden must be at most 6 layers of 1 to 8 neurons, got \(0,\)"),
        ({"features": []}, r"features must be one or more, each once, got \(\)"),
        ({"features": ["x1", "x1"]}, r"features must be one or more, each once, got \('x1', 'x1'\)"),
        (
            {"learner": "svm", "hidden": [4]},
            r"the learner 'svm' has no hidden layers, got \(4,\); leave hidden out",
        ),
        ({"points": [[0, 0, 1]]}, "points are for data 'own', and this is 'circle'"),
        ({"data": "own", "points": [[0, 0, 1]] * 501}, "points must be at most 500, got 501"),
        (
            {"data": "own", "points": [[0, 6.5, 1]]},
            r"a point must be \(x1, x2, class\), both between -6 and 6 and class 0 or 1, got \(0, 6.5, 1\)",
        ),
        ({"data": "own", "points": [[0, 0, 2]]}, r"class 0 or 1, got \(0, 0, 2\)"),
        ({"lr": 1}, "unknown setting 'lr'"),
    ],
)
def test_what_is_not_allowed_is_told_in_a_sentence(given, sentence):
    with pytest.raises(StriateError, match=sentence):
        settings_of(given)


def test_lists_of_json_are_taken():
    given = {"data": "own", "points": [[1, -2, 0]], "hidden": [4, 2], "features": ["x1", "sin x2"]}
    expected = Settings("own", ((1.0, -2.0, 0.0),), features=("x1", "sin x2"), hidden=(4, 2))
    assert settings_of(given) == expected
