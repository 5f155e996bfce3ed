"""A second head on any network of the zoo: its numbers, its weights, its names."""

from __future__ import annotations

import pytest
import torch

from striate.analysis.zoo import overview
from striate.core.errors import StriateError
from striate.models import ZOO, create_model, list_models
from striate.models.localisation import BoxHead
from striate.models.localisation.box_head import BEGINS_AT
from striate.models.stages import groups_of
from striate.runtime.folding import inference_form

SMALL = (
    "lenet5",
    "perceptron",
    "nin_cifar",
    "resnet20",
    "densenet40_12",
    "fractalnet20",
    "quick_regnet26",
    "googlenet",
)


@pytest.mark.parametrize("name", SMALL)
def test_one_box_for_all_classes_and_the_logits_of_the_network_itself(name):
    torch.manual_seed(0)
    network = create_model(f"{name}+box", classes=3).eval()
    images = torch.randn(2, network.in_channels, *network.preprocess.size)
    with torch.inference_mode():
        answer = network(images)
        assert answer.shape == (2, 3, 5)
        torch.testing.assert_close(answer[:, :, 0], network.body(images))
        assert (answer[:, :1, 1:] == answer[:, :, 1:]).all()
        torch.testing.assert_close(answer[:, 0, 1:], torch.tensor([BEGINS_AT] * 2))
    assert (network.classes, network.architecture, network.preprocess.fit) == (3, f"{name}+box", "stretch")
    assert network.preprocess.resize == network.preprocess.size


@pytest.mark.parametrize("ending", ["+box", "+boxes"])
def test_every_parameter_learns_and_folding_answers_alike(ending):
    torch.manual_seed(0)
    network = create_model(f"resnet20{ending}", classes=4, size=(32, 48))
    images = torch.randn(3, 3, 32, 48)
    network(images).square().sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
    form = inference_form(network.eval(), network.preprocess)
    with torch.inference_mode():
        torch.testing.assert_close(form(images), network(images), rtol=1e-4, atol=1e-4)


def test_a_box_for_each_class():
    network = create_model("lenet5+boxes", classes=3).eval()
    torch.nn.init.normal_(network.box_head.edges.weight)
    answer = network(torch.randn(2, 1, 32, 32))
    assert answer.shape == (2, 3, 5)
    assert not torch.equal(answer[:, 0, 1:], answer[:, 1, 1:])
    network.reset_classifier(7)
    assert network(torch.randn(2, 1, 32, 32)).shape == (2, 7, 5)
    assert network.classes == 7


def test_packaged_weights_are_those_of_the_body():
    network, body = (create_model(name, weights="embedded") for name in ("quick_regnet26+box", "quick_regnet26"))
    assert network.class_names == body.class_names
    assert (network.preprocess.size, network.preprocess.resize) == ((80, 80), (64, 64))  # small pictures are enlarged
    for name, tensor in body.state_dict().items():
        assert torch.equal(network.state_dict()[f"body.{name}"], tensor)


def test_stages_are_those_of_the_body_and_both_heads_are_the_head():
    groups = groups_of(create_model("resnet20+box"))
    assert list(groups) == ["head", "body.layer3", "body.layer2", "body.layer1"]
    assert {path.partition(".")[0] for path in groups["head"]} == {"body", "box_head"}
    assert "body.fc" in groups["head"]


def test_maps_of_any_size_are_averaged_to_the_grid():
    head = BoxHead(4, boxes=2)
    assert [head(torch.ones(1, 4, *size)).shape for size in ((5, 5), (7, 7), (2, 3), (1, 1))] == [(1, 8)] * 4


def test_names():
    assert list_models("resnet18+*", task="localisation") == ["resnet18+box", "resnet18+boxes"]
    assert len(list_models(task="localisation")) == 2 * len(ZOO)
    for name in ("resnet19+box", "unet+box", "+box"):
        with pytest.raises(StriateError, match=r"unknown model"):
            create_model(name)


def test_its_line_among_the_models_is_that_of_the_body_with_the_head_and_without_its_errors():
    body, line = overview("resnet18"), overview("resnet18+box")
    head = BoxHead(512, boxes=1)
    assert (line.year, line.depth, line.errors) == (body.year, body.depth, ())
    assert line.params == body.params + sum(parameter.numel() for parameter in head.parameters())
    assert line.macs == body.macs + 512 * 64 * 7 * 7 + 64 * 25 * 256 + 256 * 4
