from __future__ import annotations

import json

import pytest

from striate.core.errors import StriateError
from striate.core.records import Preprocess


def test_a_record_survives_json():
    record = Preprocess((64, 48), (70, 50), (0.5,), (0.25,))
    assert Preprocess.from_dict(json.loads(json.dumps(record.to_dict()))) == record


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": (0, 8)}, "size and resize must be at least 1x1 and at most 65,536 px, got size \\(0, 8\\)"),
        ({"size": (32, 32), "resize": (16, 40)}, "got size \\(32, 32\\) and resize \\(16, 40\\)"),
        ({"size": (8, 8), "mean": (0.5,)}, "one number per channel, at least one, got 1 and 3"),
        ({"size": (8, 8), "mean": (0.5,), "std": (0.0,)}, "std must be above 0"),
    ],
)
def test_nonsense_is_refused(fields, message):
    with pytest.raises(StriateError, match=message):
        Preprocess(**fields)


def test_a_damaged_record_is_refused():
    with pytest.raises(StriateError, match=r"preprocess is damaged: size must be a list of 2, got \[3\]"):
        Preprocess.from_dict({"size": [3]})


@pytest.mark.parametrize(
    ("size", "resize", "enlarges"),
    [((8, 8), (8, 8), False), ((8, 8), (9, 9), False), ((8, 8), (6, 6), True), ((8, 8), (8, 6), True)],
)
def test_a_smaller_working_size_is_enlarged(size, resize, enlarges):
    assert Preprocess(size, resize).enlarges == enlarges
