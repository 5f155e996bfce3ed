"""The layers that are shown are those of the paper."""

import pytest
import torch

from striate.models import create_model
from striate.visual.activations import layer_outputs


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet5", ["c1", "s2", "c3", "s4", "c5", "f6", "output"]),
        ("lenet5_1998", ["c1", "s2", "c3", "s4", "c5", "f6", "output"]),
    ],
)
def test_the_layers_of_lenet5(name, expected):
    network = create_model(name).eval()
    image = torch.randn(1, 1, 32, 32)
    layers = layer_outputs(network, image)
    assert [layer.name.rpartition(".")[2] for layer in layers] == expected
    shapes = [layer.values.shape for layer in layers]
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]
    with torch.no_grad():
        assert torch.from_numpy(layers[-1].values) == pytest.approx(network(image)[0])


def test_a_layer_is_shown_as_the_next_one_reads_it():
    network = create_model("lenet5").eval()
    image = torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        expected = network.features[1](network.features[0](image))[0]
    assert torch.from_numpy(layer_outputs(network, image)[0].values).equal(expected)
    assert not any(module._forward_hooks for module in network.modules())


def test_a_residual_sum_is_a_layer_of_its_own():
    layers = layer_outputs(create_model("resnet20", classes=10).eval(), torch.zeros(1, 3, 32, 32))
    assert layers[0].values.shape == (16, 32, 32)
    assert layers[-1].values.shape == (10,)
    assert len({layer.name for layer in layers}) > 19
