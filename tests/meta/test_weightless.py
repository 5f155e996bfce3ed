from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.analysis.trace import Trace, trace
from striate.meta import weightless as room
from striate.meta.weightless import blueprint, weightless
from striate.models import ZOO, create_model


def made(run: Trace) -> list[tuple[str, list[tuple[object, ...]]]]:
    """Everything that came out of every operator, and with which memory.

    Statistics of batch norm left out: in use there are none, which torch knows on the processor but not on meta.
    """
    return [
        (o.name, [(v.shape, v.dtype, v.memory_bytes) for v in o.outputs[: 1 if "batch_norm" in o.name else None]])
        for o in run.operators
    ]


@pytest.mark.parametrize(
    "name", ["lenet5_1998", "alexnet", "googlenet", "resnet50", "densenet40_12", "fractalnet20", "quick_regnet26"]
)
def test_shortcuts_say_what_torch_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = blueprint(lambda: create_model(name))
    shape = (1, model.in_channels, *model.preprocess.size)
    short = made(trace(model, shape))
    monkeypatch.setattr(room, "SHORTCUTS", {})
    assert short == made(trace(model, shape))


class Everything(nn.Module):
    """Operators with shortcuts in forms that no network of the zoo uses."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(x, 3, 2, ceil_mode=True) + F.avg_pool2d(x, (3, 3), 2, ceil_mode=True)
        x = F.pad(F.conv2d(x, x.new_zeros(5, 3, 1, 3), stride=(2, 1), dilation=(1, 2)), (1, -1, 2, 0))
        x = x.transpose(2, 3) * torch.ones(5, 1, 1, device=x.device)  # not contiguous, broadcast
        x = x.double() / 3 + x.mean((2, 3), keepdim=True) - x.mean(1, keepdim=True)
        x = torch.stack([torch.cat([x, x], -1), torch.cat((x, x), 3)], 1).sum(1)
        x = F.softmax(x.tanh().sigmoid(), 1).flatten(1)
        return (x @ x.new_zeros(x.shape[1], 4)).mul_(2).add_(1).clamp(0).sum(1) ** 2


def test_shortcuts_say_what_torch_says_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    short = made(trace(nn.Sequential(Everything()), (2, 3, 17, 20)))
    monkeypatch.setattr(room, "SHORTCUTS", {})
    assert short == made(trace(nn.Sequential(Everything()), (2, 3, 17, 20)))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: F.linear(x, x.new_zeros(4, 7)),
        lambda x: x + x.new_zeros(3),
        lambda x: x.add_(x.new_zeros(9, 2, 8)),
        lambda x: F.max_pool2d(x[None], 9),
        lambda x: F.conv2d(x[None], x.new_zeros(4, 5, 1, 1)),
        lambda x: F.linear(x[0], x.new_zeros(4, 8), x.new_zeros(5)),
    ],
)
def test_shortcuts_leave_mistakes_to_torch(wrong: object) -> None:
    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return wrong(x)  # type: ignore[operator, no-any-return]

    with pytest.raises(ValueError, match="cannot work on what arrives"):
        trace(nn.Sequential(Wrong()), (2, 1, 8))


def test_blueprint_is_the_network_without_memory() -> None:
    model = blueprint(lambda: create_model("resnet18", classes=7))
    real = create_model("resnet18", classes=7)
    assert {name: tensor.shape for name, tensor in model.state_dict().items()} == {
        name: tensor.shape for name, tensor in real.state_dict().items()
    }
    assert all(tensor.is_meta for tensor in model.state_dict().values())


@pytest.mark.parametrize("name", ZOO)
def test_every_network_has_a_blueprint(name: str) -> None:
    assert all(parameter.is_meta for parameter in blueprint(lambda: create_model(name)).parameters())


def test_tied_weights_stay_tied() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    with weightless(model) as parameters:
        assert model[0].weight is model[1].weight is parameters["0.weight"]
        assert set(parameters) == {"0.weight", "0.bias", "1.bias"}
    assert model[0].weight is model[1].weight and not model[0].weight.is_meta


def test_the_compiler_is_not_imported() -> None:
    """It takes torch 1.5 s; its own answers about shapes import it."""
    program = (
        "import sys\n"
        "from striate.analysis import summarize\n"
        "from striate.meta.weightless import blueprint\n"
        "from striate.models import create_model\n"
        "for name in ('resnet18', 'alexnet', 'googlenet', 'densenet40_12', 'quick_regnet26'):\n"
        "    summarize(blueprint(lambda: create_model(name)))\n"
        "print(sorted(name for name in ('torch._dynamo', 'sympy') if name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
