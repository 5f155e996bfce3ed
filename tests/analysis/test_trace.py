from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from striate.analysis.trace import trace
from striate.core.errors import StriateError


class Odd(nn.Module):
    """Everything a forward pass may do to its own module."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.constant = torch.ones(4, 1, 1)  # neither parameter nor buffer
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last = self.norm(self.conv(x))
        return self.last * self.constant


def test_model_is_left_as_it_was() -> None:
    model = Odd()
    model.norm.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    objects = [id(tensor) for tensor in (*model.parameters(), *model.buffers())]
    trace(model, (1, 3, 8, 8))
    assert model.training and model.conv.training and not model.norm.training
    assert model.calls == 0 and not hasattr(model, "last")
    assert [id(tensor) for tensor in (*model.parameters(), *model.buffers())] == objects
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model(torch.zeros(2, 3, 8, 8)).device.type == "cpu"


def test_model_is_left_as_it_was_when_it_raises() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 4), nn.Linear(5, 4))
    with pytest.raises(StriateError):
        trace(model, (1, 4))
    assert all(parameter.device.type == "cpu" for parameter in model.parameters()) and model.training
    assert model[1](torch.zeros(1, 4)).shape == (1, 4)


def test_random_numbers_are_not_consumed() -> None:
    class Random(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.rand(())

    state = torch.random.get_rng_state()
    trace(nn.Sequential(Random()), (1, 3))
    assert torch.equal(state, torch.random.get_rng_state())


def test_operators_carry_path_shapes_and_parameters() -> None:
    run = trace(Odd(), (1, 3, 8, 8))
    conv = next(operator for operator in run.operators if operator.macs)
    assert (conv.path, conv.name) == ("conv", "convolution")
    assert [value.shape for value in conv.inputs] == [(1, 3, 8, 8), (4, 3, 3, 3), (4,)]
    assert conv.outputs[0].shape == (1, 4, 6, 6) and conv.outputs[0].dtype is torch.float32
    assert conv.parameters == ("conv.weight", "conv.bias")
    assert conv.macs == 6 * 6 * 4 * 3 * 3 * 3
    assert run.operators[-1].path == "" and run.operators[-1].name == "mul"


def test_number_type_is_the_weights() -> None:
    run = trace(nn.Sequential(nn.Conv2d(1, 1, 1)).to(torch.bfloat16), (1, 1, 2, 2))
    assert run.image.dtype is torch.bfloat16 and run.operators[0].outputs[0].memory_bytes == 2 * 2 * 2


def test_recurrent_weights_are_replaced_too() -> None:
    run = trace(nn.Sequential(nn.LSTM(5, 7)), (1, 2, 5))
    assert sum(operator.macs for operator in run.operators) == 2 * (5 * 28 + 7 * 28)


def test_parametrized_layer_is_one_leaf() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    run = trace(nn.Sequential(layer), (1, 3, 8, 8))
    assert [call.path for call in run.calls if call.is_leaf] == ["0"]
    assert {name for operator in run.operators for name in operator.parameters} == set(run.parameters)


def test_a_caught_error_does_not_shift_the_paths() -> None:
    class Forgiving(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wrong, self.right = nn.Linear(5, 4), nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            try:
                return self.wrong(x)
            except RuntimeError:
                return self.right(x).relu()

    run = trace(Forgiving(), (1, 3))
    assert [(operator.path, operator.name) for operator in run.operators if operator.computes] == [
        ("right", "addmm"),
        ("", "relu"),
    ]


def test_failure_names_layer_and_arriving_shape() -> None:
    model = nn.Sequential()
    model.add_module("stem", nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2)))
    model.add_module("deep", nn.Sequential(nn.Conv2d(8, 8, 5)))
    with pytest.raises(
        StriateError, match=r"layer 'deep.0' \(Conv2d\) cannot work on what arrives, \(1, 8, 3, 3\)"
    ) as raised:
        trace(model, (1, 3, 8, 8))
    assert "Kernel size can't be greater than actual input size; give another size" in str(raised.value)


def test_lazy_layers_are_refused() -> None:
    with pytest.raises(StriateError, match="0 is a lazy layer; run the network once on a real batch first"):
        trace(nn.Sequential(nn.LazyLinear(3)), (1, 3))
