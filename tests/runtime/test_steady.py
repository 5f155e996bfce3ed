"""A row's answer does not depend on the rows beside it."""

from __future__ import annotations

import torch
from torch import nn

from striate.models import create_model
from striate.runtime.folding import inference_form
from striate.runtime.steady import ROWS, SteadyLinear


def test_a_row_has_the_same_bits_alone_and_among_any_number() -> None:
    plain = nn.Linear(300, 70)
    rows = torch.randn(2 * ROWS + 5, 300)
    steady = SteadyLinear(plain)
    whole = steady(rows)
    torch.testing.assert_close(whole, plain(rows))
    for count in (1, 2, 5, ROWS, ROWS + 1):
        assert torch.equal(steady(rows[:count]), whole[:count])


def test_a_network_in_its_inference_form_answers_pictures_in_a_batch_as_each_alone() -> None:
    network = create_model("lenet5")
    form = inference_form(network, network.preprocess)
    pictures = torch.randn(7, 1, 32, 32)
    with torch.inference_mode():
        assert torch.equal(form(pictures), torch.cat([form(picture[None]) for picture in pictures]))


def test_in_16_bits_it_is_a_plain_linear_layer() -> None:
    plain, rows = nn.Linear(30, 7), torch.randn(3, 30)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(SteadyLinear(plain)(rows), plain(rows))
