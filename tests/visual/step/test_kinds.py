"""Every kind of layer by hand against torch, value and gradients, in 64-bit numbers."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from striate.core.errors import StriateError
from striate.layers.local_response_norm import LocalResponseNorm
from striate.layers.squeeze_excitation import SqueezeExcitation
from striate.visual.step.calls import Calls, layers_of
from striate.visual.step.kinds import KINDS
from striate.visual.step.step import worked_step

MAPS = (4, 7, 6)


class Only(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Scaled(nn.Module):
    """Maps times a weight of each channel, plus one."""

    def __init__(self):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.randn(4, 1, 1)), nn.Parameter(torch.randn(4, 1, 1))

    def forward(self, x):
        return x * self.scale + self.shift


def drawn(norm):
    for tensor in (norm.weight, norm.bias, *norm.buffers()):
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.5, 2)
    return norm


LAYERS = {
    "conv": nn.Conv2d(4, 6, 3),
    "conv, stride, padding": nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2)),
    "conv, dilation": nn.Conv2d(4, 6, 3, dilation=2, padding=2, bias=False),
    "conv, groups": nn.Conv2d(4, 8, 3, groups=2, padding="same"),
    "conv, depthwise": nn.Conv2d(4, 4, 5, groups=4, padding=2),
    "conv, reflected": nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect"),
    "transposed": nn.ConvTranspose2d(4, 6, 3),
    "transposed, all": nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2, dilation=2),
    "times a mask": Only(lambda x: x * (torch.arange(6) > 2)),
    "a mask times": Only(lambda x: (torch.arange(6) > 2) * x),
    "linear": nn.Linear(6, 5),
    "linear, no bias": nn.Linear(6, 5, bias=False),
    "product of matrices": Only(lambda x: x @ x.transpose(2, 3)),
    "max": nn.MaxPool2d(3, 2, 1),
    "max, dilation, up": nn.MaxPool2d(2, 2, dilation=2, ceil_mode=True),
    "average": nn.AvgPool2d(2),
    "average, padding, up": nn.AvgPool2d(3, 2, 1, ceil_mode=True),
    "average, not padding": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "average, divisor": nn.AvgPool2d(2, divisor_override=3),
    "adaptive average": nn.AdaptiveAvgPool2d((3, 4)),
    "adaptive max": nn.AdaptiveMaxPool2d((3, 4)),
    "mean": Only(lambda x: x.mean((2, 3))),
    "mean, kept": Only(lambda x: x.mean(1, keepdim=True)),
    "sum": Only(lambda x: x.sum(2)),
    "batch norm": drawn(nn.BatchNorm2d(4)),
    "batch norm, own": nn.BatchNorm2d(4, track_running_stats=False),
    "layer norm": drawn(nn.LayerNorm((7, 6))),
    "layer norm, plain": nn.LayerNorm(6, elementwise_affine=False),
    "group norm": drawn(nn.GroupNorm(2, 4)),
    "instance norm": nn.InstanceNorm2d(4, affine=True),
    "instance norm, kept": nn.InstanceNorm2d(4, track_running_stats=True),
    "response norm": nn.LocalResponseNorm(3, alpha=0.5),
    "response norm, even": nn.LocalResponseNorm(2, alpha=0.5, k=2.0),
    "the paper's response norm": LocalResponseNorm(alpha=0.3),
    "relu": nn.ReLU(),
    "relu, in place": nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True)),
    "relu6": nn.ReLU6(),
    "leaky": nn.LeakyReLU(0.1),
    "elu": nn.ELU(0.7),
    "celu": nn.CELU(0.7),
    "selu": nn.SELU(),
    "gelu": nn.GELU(),
    "gelu, tanh": nn.GELU("tanh"),
    "silu": nn.SiLU(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "softplus": nn.Softplus(2.0, 1.0),
    "hardsigmoid": nn.Hardsigmoid(),
    "hardswish": nn.Hardswish(),
    "hardtanh": nn.Hardtanh(-0.5, 0.3),
    "clamp": Only(lambda x: x.clamp(min=0.2)),
    "prelu": nn.PReLU(),
    "prelu, each": nn.PReLU(4),
    "square": Only(torch.square),
    "power": Only(lambda x: x**3),
    "roots": Only(lambda x: (x.abs() + 1).rsqrt()),
    "minus": Only(lambda x: -x),
    "dropout": nn.Dropout(),
    "dropout of maps": nn.Dropout2d(),
    "softmax": nn.Softmax(1),
    "log softmax": nn.LogSoftmax(3),
    "sum of maps": Only(lambda x: x + x.tanh()),
    "sum, in place": Only(lambda x: (2 * x).add_(x, alpha=2)),
    "difference from a number": Only(lambda x: 2 - x),
    "quotient": Only(lambda x: x / (2 + x.square())),
    "a number over": Only(lambda x: 1 / (2 + x.square())),
    "product with itself": Only(lambda x: x * x),
    "scale and shift": Scaled(),
    "squeeze and excitation": SqueezeExcitation(4, 2),
    "concatenation": Only(lambda x: torch.cat([x, 2 * x], 1)),
    "stack": Only(lambda x: torch.stack([x, x.relu()], 2)),
    "padding": Only(lambda x: F.pad(x, (1, 2), value=3.0)),
    "slices": Only(lambda x: x[:, ::2, 1:, [0, 3]]),
    "other shapes": Only(lambda x: x.flatten(1).reshape(1, 7, 24).permute(0, 2, 1)),
    "shuffled pixels": nn.PixelShuffle(2),
    "shuffled channels": nn.ChannelShuffle(2),
    "nearest": nn.Upsample(scale_factor=2.5),
    "bilinear": nn.Upsample(scale_factor=(1.5, 2), mode="bilinear"),
    "bilinear, corners": nn.UpsamplingBilinear2d((13, 5)),
    "nearest, exact": nn.Upsample((9, 4), mode="nearest-exact"),
}


class Answering(nn.Module):
    """A layer, and as classes what it gives, averaged."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.answers(self.layer(x))

    def answers(self, y):
        return y.flatten(1)[:, : y[0].numel() // 3 * 3].reshape(1, 3, -1).square().mean(2)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_by_hand_is_torch_s(name):
    draw = torch.Generator().manual_seed(len(name))
    image = torch.randn(1, *MAPS, generator=draw)
    network = Answering(LAYERS[name])
    layers = [each.label for each in layers_of(network.eval(), image) if each.label.startswith("layer")]
    for layer in layers:
        shape = worked_step(network, image, layer, class_number=1).output.shape[1:]
        at = [int(torch.randint(size, (), generator=draw)) for size in shape]
        step = worked_step(network, image, layer, at, 1)  # which raises where a derivative is not torch's
        assert step.difference < 1e-7  # torch's own hardsigmoid is by a sixth in 32 bits
    expected = copy.deepcopy(network).double().eval()
    output = expected.layer(image.double().requires_grad_())
    assert step.worked.value == pytest.approx(output[(0, *at)].item(), abs=1e-9)
    (gradient,) = torch.autograd.grad(expected.answers(output)[0, 1], output, retain_graph=True)
    assert step.gradient == pytest.approx(gradient[(0, *at)].item(), abs=1e-9)
    if step.update is not None:
        weight = expected.get_parameter(step.update.name)
        (gradient,) = torch.autograd.grad(expected.answers(output)[0, 1], weight)
        assert step.update.gradient == pytest.approx(gradient[step.update.place].item(), abs=1e-9)
        assert step.update.elsewhere == 0


def test_the_layers_above_are_of_every_kind():
    tried = set()
    for layer in LAYERS.values():
        calls = Calls(layer)
        with torch.no_grad(), calls.noting(layer.eval()):
            layer(torch.randn(1, *MAPS))
        tried |= {each.name for each in calls.made}
    assert [kind for kind, functions in KINDS.items() if not tried & functions.keys()] == []


def test_a_slope_that_is_not_finite_is_said():
    network = nn.Sequential(Only(torch.sqrt), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(StriateError, match=r"0 \(sqrt\) has no finite number or derivative at 0,0,0,0; choose another"):
        worked_step(network, torch.zeros(1, 1, 2, 2), "0", (0, 0, 0))
