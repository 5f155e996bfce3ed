"""Numbers beyond reason end in one sentence, at once; the range stands in the help."""

from __future__ import annotations

import pytest

from striate.analysis.gradients import check_gradients
from striate.core.errors import StriateError
from striate.models import create_model


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("check-gradients lenet5 --entries 99999999999", "10000"),
        ("summary resnet18 --in-channels 1000000000", "4096"),
        ("summary resnet18 --classes 99999999999", "1000000"),
        ("layer conv --in 3x32x32 --kernel 5 --padding 1000000000 --filters 10", "the padding"),
        ("layer conv --in 3x32x32 --kernel 5 --dilation 1000000000 --filters 10", "the dilation"),
        ("compare alexnet vgg16 --size 99999999x9999999", "size must be at most 65,536"),
        ("train digits --seed 99999999999999999999", "seed must be between 0 and"),
        ("train digits --threads 99999999999999999999", "threads must be between 1 and 4,096"),
    ],
)
def test_a_number_beyond_reason(striate, words, message):
    answer = striate(*words.split())
    assert (answer.status, answer.out) == (2, "")
    assert message in answer.err and "Traceback" not in answer.err


def test_python_has_the_same_bounds():
    with pytest.raises(StriateError, match="resnet18: in_channels must be at most 4,096, got 1000000000"):
        create_model("resnet18", in_channels=1_000_000_000)
    network = create_model("lenet5")
    with pytest.raises(StriateError, match="entries must be between 1 and 10,000, got 99999999999"):
        check_gradients(network, None, entries=99_999_999_999)
