"""Who reads whom, worked out by hand for small networks of every kind of connection."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from striate.analysis.summary import summarize
from striate.analysis.wiring import wiring
from striate.core.errors import StriateError
from striate.meta.weightless import blueprint
from striate.models import create_model


class Of(nn.Module):
    """A network of a function and two layers."""

    def __init__(self, function):
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.idle, self.in_place = nn.Dropout(), nn.ReLU(inplace=True)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def into_a_buffer(net, x):
    room = torch.empty(1, 8, 6, 6, device=x.device)
    room[:, :4] = net.first(x)
    room[:, 4:] = net.second(x)
    return room.relu()


def written_in_place(net, x):
    y = net.first(x)
    kept = y[:, :2]
    net.in_place(y)
    return kept + 1  # a view sees what was written after it was made


CASES = {
    "a chain": (lambda net, x: net.second(net.first(x)), [("Conv2d", [0]), ("Conv2d", [1])]),
    "a residual": (lambda net, x: x + net.first(x), [("Conv2d", [0]), ("add", [0, 1])]),
    "a residual, in place": (
        lambda net, x: net.in_place(net.second(net.first(x)).add_(x)),
        [("Conv2d", [0]), ("Conv2d", [1]), ("add", [2, 0]), ("ReLU", [3])],
    ),
    "two branches side by side": (
        lambda net, x: torch.cat([net.first(x), net.second(x), x], 1),
        [("Conv2d", [0]), ("Conv2d", [0]), ("cat", [1, 2, 0])],
    ),
    "halves, by views": (
        lambda net, x: F.relu(net.first(x)[:, :2]) * x.flip(1)[:, 2:],
        [("Conv2d", [0]), ("relu", [1]), ("flip", [0]), ("mul", [2, 3])],
    ),
    "twice the same layer": (lambda net, x: net.first(net.first(x)), [("Conv2d", [0]), ("Conv2d", [1])]),
    "dropout that does nothing": (
        lambda net, x: net.second(net.idle(net.first(x))),
        [("Conv2d", [0]), ("Dropout", [1]), ("Conv2d", [2])],
    ),
    "written into parts of a buffer": (
        into_a_buffer,
        [("Conv2d", [0]), ("copy", [1]), ("Conv2d", [0]), ("copy", [3]), ("relu", [2, 4])],
    ),
    "a view of what is then written": (written_in_place, [("Conv2d", [0]), ("ReLU", [1]), ("add", [1, 2])]),
    "something twice": (lambda net, x: net.first(x) + x + x, [("Conv2d", [0]), ("add", [1, 0]), ("add", [2, 0])]),
}


@pytest.mark.parametrize("case", CASES)
def test_small_networks_by_hand(case):
    function, expected = CASES[case]
    layers = wiring(Of(function), (4, 6, 6)).layers
    assert (layers[0].row.kind, layers[0].reads) == ("Input", ())
    assert [(layer.row.kind, list(layer.reads)) for layer in layers[1:]] == expected


def test_functions_and_modules_are_told_apart():
    layers = wiring(Of(lambda net, x: net.in_place(net.first(x)).sigmoid()), (4, 6, 6)).layers
    assert [layer.is_function for layer in layers] == [False, False, False, True]


def test_windows_groups_and_transposed_ones():
    network = nn.Sequential(
        nn.Conv2d(4, 8, (3, 5), stride=2, dilation=2, groups=2), nn.MaxPool2d(2), nn.ConvTranspose2d(8, 4, 3, stride=2)
    )
    _, first, pool, last = wiring(network, (4, 32, 32)).layers
    assert [(w.kernel, w.stride, w.dilation) for w in first.windows] == [(3, 2, 2), (5, 2, 2)]
    assert (first.groups, first.is_transposed) == (2, False)
    assert [(w.kernel, w.stride) for w in pool.windows] == [(2, 2)] * 2
    assert last.is_transposed and [w.stride for w in last.windows] == [2, 2]


def test_what_depends_on_no_input_stands_apart():
    layers = wiring(Of(lambda net, x: net.first(x) + torch.arange(6).to(x) * 2), (4, 6, 6))
    assert [layer.row.kind for layer in layers.layers] == ["Input", "Conv2d", "add"]
    assert layers.layers[-1].reads == (1,)
    assert "arange" in [row.kind for row in layers.constants]


def test_two_inputs_and_layers_that_did_not_run():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right, self.never = nn.Linear(4, 3), nn.Linear(5, 3), nn.Linear(2, 2)

        def forward(self, left, right):
            return self.left(left) * self.right(right)

    found = wiring(Two(), inputs=[(1, 4), (1, 5)])
    assert [(layer.row.kind, list(layer.reads)) for layer in found.layers] == [
        ("Input 0", []), ("Input 1", []), ("Linear", [0]), ("Linear", [1]), ("mul", [2, 3]),
    ]  # fmt: skip
    assert [row.path for row in found.not_run] == ["never"]


@pytest.mark.parametrize("name", ["googlenet", "quick_detector", "unet", "resnet18"])
def test_every_row_of_the_summary_is_there_once(name):
    network = blueprint(lambda: create_model(name))
    found = wiring(network)
    rows = [layer.row for layer in found.layers]
    assert sorted(map(repr, (*rows, *found.constants, *found.not_run))) == sorted(map(repr, summarize(network).rows))
    assert all(read < number for number, layer in enumerate(found.layers) for read in layer.reads)
    assert all(layer.reads for layer in found.layers if not layer.row.kind.startswith("Input"))


def test_a_network_whose_path_depends_on_numbers_is_run_on_real_ones():
    class Chooses(Of):
        def forward(self, x):
            return self.first(x) if x.sum() > 1e9 else self.second(x)

    assert [layer.row.path for layer in wiring(Chooses(None), (4, 6, 6)).layers][-1] == "second"


def test_what_does_not_fit_is_named():
    with pytest.raises(StriateError, match="first"):
        wiring(Of(lambda net, x: net.first(x)), (3, 6, 6))
