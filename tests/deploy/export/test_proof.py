"""How a file's numbers are judged against the network's."""

from __future__ import annotations

import numpy as np

from striate.deploy.export.proof import CLOSE, Comparison


def compared(expected: list[list[float]], found: list[list[float]], close: float = CLOSE["bf16"]) -> Comparison:
    comparison = Comparison(close)
    names = [str(number) for number in range(len(expected))]
    comparison.add(names, np.array(expected, np.float32), np.array(found, np.float32))
    return comparison


def test_rounding_is_judged_by_the_largest_logit_of_a_batch() -> None:
    sure, unsure = [32.0, 0.0], [0.5, 0.0]
    near = compared([sure, unsure], [sure, [0.1, 0.3]])
    assert near.agrees and near.near_ties == ["1"] and near.largest == np.float32(0.4)
    alone = compared([unsure], [[0.1, 0.3]])
    assert not alone.agrees and alone.others == ["0"]


def test_what_is_far_is_refused_whatever_the_class() -> None:
    assert not compared([[32.0, 0.0]], [[30.0, 0.0]]).agrees
    assert not compared([[32.0, 0.0]], [[float("nan"), 0.0]]).agrees
