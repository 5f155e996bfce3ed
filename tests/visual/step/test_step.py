"""Steps through whole networks; weights, in-place functions, shared layers; what cannot be."""

import pytest
import torch
from torch import nn

from foreign_modules import FOREIGN
from striate import StriateError
from striate.models import create_model
from striate.visual.step.calls import layers_of
from striate.visual.step.step import worked_step


class Headed(nn.Module):
    """A part of a network, with the means of its maps as classes."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = nn.Sequential(*parts)

    def forward(self, x):
        return self.parts(x).mean((2, 3))


def part_of(name):
    torch.manual_seed(0)
    if name.startswith("lenet5"):
        return create_model(name), (1, 1, 32, 32)
    if name == "resnet20":
        return Headed(create_model("resnet20").layer2[0]), (1, 16, 8, 8)
    if name == "googlenet":
        return Headed(create_model("googlenet").inception3a), (1, 192, 3, 3)
    if name == "alexnet":
        network = create_model("alexnet")
        return Headed(*list(network.features.children())[:4]), (1, 3, 23, 23)
    block = create_model("densenet100_12").features.denseblock1
    for later in [name for name, _ in block.named_children()][2:]:
        delattr(block, later)
    return Headed(block), (1, 16, 4, 4)


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998", "resnet20", "googlenet", "densenet", "alexnet"])
def test_every_layer_of_a_network_at_a_random_place(name):
    network, shape = part_of(name)
    draw = torch.Generator().manual_seed(1)
    image = torch.randn(shape, generator=draw)
    layers = layers_of(network.eval(), image)
    assert len(layers) > 4
    for layer in layers:
        at = [int(torch.randint(size, (), generator=draw)) for size in layer.shape[layer.shape[0] == 1 :]]
        step = worked_step(network, image, layer.label, at)
        assert step.difference < 1e-9 and step.shapes and tuple(step.output.shape) == layer.shape


def test_a_layer_that_is_called_twice_has_two_numbers_and_one_weight():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x):
            return self.conv(self.conv(x)).flatten(1)

    torch.manual_seed(0)
    image, network = torch.randn(1, 1, 4, 4), Twice()
    steps = [worked_step(network, image, layer, (0, 1, 1), 3) for layer in ("conv", "conv:2")]
    assert any(step.update.elsewhere for step in steps)
    network = network.double()
    network(image.double())[0, 3].backward()
    for step in steps:
        expected = network.conv.weight.grad[step.update.place].item()
        assert step.update.gradient + step.update.elsewhere == pytest.approx(expected)
        assert step.update.after == pytest.approx(step.update.predicted, abs=1e-2)


def test_numbers_by_hand_and_the_network_stays_as_it_is():
    network = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Flatten())
    network[0].weight.data = torch.tensor([[2.0, -3.0]])
    step = worked_step(network.train(), torch.tensor([[[[5.0, 7.0]]]]), "0", (0, 0, 0), rate=0.1)
    assert step.worked.value == 2 * 5 - 3 * 7 and step.gradient == 1
    assert [step.flow(each).tolist() for each in step.worked.terms] == [[2, -3], [5, 7]]
    assert (step.update.place, step.update.new, step.update.after) == ((0, 1), pytest.approx(-2.3), pytest.approx(-6.1))
    assert network.training and network[0].weight.tolist() == [[2.0, -3.0]] and network[0].weight.grad is None


@pytest.mark.parametrize(
    ("layer", "at", "sentence"),
    [
        ("0", (3, 0, 0), "0 gives 3 x 8 x 8 numbers, so the place is from 0,0,0 to 2,7,7, got 3,0,0"),
        ("0", (1, 1), "0 gives 3 x 8 x 8 numbers"),
        ("9", None, "unknown layer '9'; known are 0, 1, 2, 3"),
        ("1", None, "1 is rrelu, whose arithmetic is not known here; known are convolution, transposed convolution"),
    ],
)
def test_what_cannot_be_is_one_sentence(layer, at, sentence):
    network = nn.Sequential(nn.Conv2d(1, 3, 1), nn.RReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(StriateError) as refused:
        worked_step(network, torch.randn(1, 1, 8, 8), layer, at)
    assert sentence in refused.value.in_flags and "\n" not in str(refused.value)


def test_a_part_that_the_score_does_not_hang_on_has_no_gradient():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    step = worked_step(network, torch.randn(1, 1, 3, 3), "0", (1, 0, 0), class_number=0)
    assert step.gradient == 0 and step.update.gradient == 0


@pytest.mark.parametrize("name", ["reused in place", "an in-place method", "a part in place"])
def test_every_layer_of_a_module_that_is_not_ours(name):
    torch.manual_seed(0)
    network, image = FOREIGN[name][0]().eval(), torch.randn(1, 3, 16, 16)
    for layer in layers_of(network, image):
        assert worked_step(network, image, layer.label).difference < 1e-9


def test_a_score_without_gradients_has_none_anywhere():
    network, image = FOREIGN["without gradients"][0]().eval(), torch.randn(1, 3, 16, 16)
    step = worked_step(network, image, layers_of(network, image)[0].label)
    assert step.gradient == 0 and step.difference < 1e-9
