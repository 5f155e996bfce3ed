"""Maps equal to Captum's within 1e-5, wherever Captum has the method; and by hand where it has none."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from foreign_modules import Functional, Gated, OfPixels, ReusedInPlace
from of_others import captum_module
from striate.models import create_model
from striate.visual.attribution.gradients import NOISE
from striate.visual.attribution.methods import attribution
from striate.visual.occlusion import CELLS, COVERED

pytestmark = pytest.mark.filterwarnings(
    "ignore:Input Tensor .* required_grads has been set", "ignore:Setting .* hooks on ReLU"
)


@pytest.fixture(scope="module")
def captum():
    return captum_module()


class Plain(nn.Module):
    """ReLUs as modules, none used twice, which is what Captum's rules for them need; max pooling; a hidden layer."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 7 * 6, 12), nn.ReLU(), nn.Linear(12, 5))

    def forward(self, images):
        return self.head(self.features(images))


@pytest.fixture
def asked():
    """A network, three images of 18x16 and a class of each."""
    torch.manual_seed(3)
    network = Plain().eval()
    network(torch.randn(4, 3, 18, 16))
    return network, torch.randn(3, 3, 18, 16), torch.tensor([0, 2, 4])


def same(found, expected):
    """Within 1e-5 of the largest number."""
    largest = expected.detach().abs().max()
    assert largest > 0
    torch.testing.assert_close(torch.from_numpy(found) / largest, expected.detach() / largest, rtol=0, atol=1e-5)


def test_gradient(captum, asked):
    network, images, classes = asked
    same(attribution(network, images, classes, "gradient"), captum.Saliency(network).attribute(images, classes).amax(1))


@pytest.mark.parametrize("steps", [5, 50])
def test_integrated_gradients(captum, asked, steps):
    network, images, classes = asked
    expected = captum.IntegratedGradients(network).attribute(images, target=classes, n_steps=steps).sum(1)
    same(attribution(network, images, classes, "integrated-gradients", steps=steps), expected.float())


def test_integrated_gradients_add_up_to_what_the_score_gains(asked):
    network, images, classes = asked
    found = attribution(network, images, classes, "integrated-gradients", steps=100).sum((1, 2))
    gained = (network(images) - network(torch.zeros_like(images))).gather(1, classes[:, None])[:, 0].detach()
    assert torch.from_numpy(found) == pytest.approx(gained, abs=0.01)


def test_smoothgrad(captum, asked, monkeypatch):
    network, images, classes = asked
    images, classes = images[:1], classes[:1]
    generator = torch.Generator().manual_seed(11)
    noise = torch.cat([torch.randn(images.shape, generator=generator) for _ in range(6)])
    monkeypatch.setattr(torch, "normal", lambda mean, spread: noise * spread)
    tunnel = captum.NoiseTunnel(captum.Saliency(network))
    scale = NOISE * float(images.max() - images.min())
    expected = tunnel.attribute(images, nt_type="smoothgrad", nt_samples=6, stdevs=scale, target=classes, abs=False)
    same(attribution(network, images, classes, "smoothgrad", steps=6, seed=11), expected.abs().amax(1))


def test_occlusion(captum, asked):
    network, images, classes = asked
    steps = [math.ceil(side / CELLS) for side in images.shape[2:]]
    windows = (3, *(COVERED * step for step in steps))
    occlusion = captum.Occlusion(network)
    expected = occlusion.attribute(images, windows, (3, *steps), target=classes)
    assert (expected[:, 0] == expected[:, 2]).all()
    same(attribution(network, images, classes, "occlusion"), expected[:, 0].float())


@pytest.mark.parametrize(
    ("method", "theirs"), [("deconvnet", "Deconvolution"), ("guided-backpropagation", "GuidedBackprop")]
)
def test_rectifiers(captum, asked, method, theirs):
    network, images, classes = asked
    expected = getattr(captum, theirs)(network).attribute(images, target=classes).abs().amax(1)
    same(attribution(network, images, classes, method), expected)


@pytest.mark.parametrize("layer", ["features.0", "features.5"])
def test_grad_cam(captum, asked, layer):
    network, images, classes = asked
    theirs = captum.LayerGradCam(network, network.get_submodule(layer))
    small = theirs.attribute(images, classes, relu_attributions=True)
    expected = F.interpolate(small, images.shape[2:], mode="bilinear")[:, 0]
    same(attribution(network, images, classes, "grad-cam", layer), expected)


def test_grad_cam_of_pixels_is_that_of_the_mean_over_those_that_are_answered_so(captum):
    torch.manual_seed(0)
    network, images = OfPixels().eval(), torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        best = network(images).argmax(1)
    number = int(best.mode().values.mode().values)
    answered = best == number
    assert 0 < answered.sum() < answered.numel()

    def score(images):
        return (network(images)[:, number] * answered).sum((1, 2)) / answered.sum()

    small = captum.LayerGradCam(score, network.down).attribute(images, relu_attributions=True)
    expected = F.interpolate(small, (16, 16), mode="bilinear")[:, 0]
    same(attribution(network, images, number, "grad-cam", "down"), expected)
    same(attribution(network, images, number, "gradient"), captum.Saliency(score).attribute(images).amax(1))


# What Captum has not.


@pytest.mark.parametrize("make", [Functional, ReusedInPlace, Gated])
def test_rectifiers_however_they_are_written(make, monkeypatch):
    """Against a ReLU with the rule in its own gradient, put in the place of every way to call one."""
    torch.manual_seed(2)
    network, images = make().eval(), torch.randn(2, 3, 16, 16)
    for method, rule in (
        ("deconvnet", lambda gradient, x: gradient.clamp(min=0)),
        ("guided-backpropagation", lambda gradient, x: gradient.clamp(min=0) * (x > 0)),
    ):
        found = attribution(network, images, 1, method)

        class Ruled(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x.clamp(min=0)

            @staticmethod
            def backward(ctx, gradient, rule=rule):
                return rule(gradient, *ctx.saved_tensors)

        with monkeypatch.context() as patch:
            for owner, name in ((F, "relu"), (torch, "relu"), (torch.Tensor, "relu")):
                patch.setattr(owner, name, lambda x, inplace=False, Ruled=Ruled: Ruled.apply(x))
            given = images.clone().requires_grad_()
            (expected,) = torch.autograd.grad(network(given)[:, 1].sum(), given)
        same(found, expected.abs().amax(1))


def test_cam_is_grad_cam_before_its_relu_and_up_to_the_number_of_places():
    torch.manual_seed(0)
    network, images = create_model("resnet20", classes=5).eval(), torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        network.get_classifier().weight[3] -= 0.1  # so that some places speak against it
        maps = network.forward_features(images)
        small = torch.einsum("k,nkhw->nhw", network.get_classifier().weight[3], maps)
    expected = F.interpolate(small[:, None], (32, 32), mode="bilinear")[:, 0]
    same(attribution(network, images, 3, "cam"), expected)
    same(
        8 * 8 * attribution(network, images, 3, "grad-cam"),
        F.interpolate(small[:, None].relu(), (32, 32), mode="bilinear")[:, 0],
    )


def test_cams_by_hand():
    """One map [[1, 2], [3, 0]], whose places weigh 2, 1, -1 and 0 in the only logit, and its negative, not weighed."""

    class Tiny(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps = nn.Conv2d(1, 2, 1, bias=False)
            self.maps.weight.data = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
            self.last = nn.Linear(8, 1, bias=False)
            self.last.weight.data = torch.tensor([[2.0, 1, -1, 0, 0, 0, 0, 0]])

        def forward(self, images):
            return self.last(self.maps(images).flatten(1))

    images = torch.tensor([[[[1.0, 2], [3, 0]]]])
    # Grad-CAM: the mean gradient is (2 + 1 - 1 + 0) / 4 = 0.5.
    assert attribution(Tiny(), images, 0, "grad-cam", "maps").tolist() == [[[0.5, 1.0], [1.5, 0.0]]]
    # LayerCAM: each place by its own positive gradient: 1 * 2, 2 * 1, 3 * 0, 0 * 0.
    assert attribution(Tiny(), images, 0, "layer-cam", "maps").tolist() == [[[2.0, 2.0], [0.0, 0.0]]]
    # Grad-CAM++: the map sums to 6, so shares are 4 / (8 + 6 * 8) = 1/14 and 1 / (2 + 6) = 1/8, where gradients are
    # positive; the weight is 2/14 + 1/8 = 15/56.
    assert attribution(Tiny(), images, 0, "grad-cam++", "maps")[0] == pytest.approx(
        torch.tensor([[1.0, 2], [3, 0]]).numpy() * 15 / 56
    )
    # Of the gradient, whose sign does not count.
    assert attribution(Tiny(), images, 0, "gradient").tolist() == [[[2.0, 1.0], [1.0, 0.0]]]
