from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import torch
from torch import nn

import striate
from striate.core.errors import StriateError
from striate.models import create_model
from striate.models.linear_probe import LinearProbe
from striate.models.own.network import OwnNetwork
from striate.models.own.outputs import AUXILIARY_WEIGHT
from striate.models.stages import groups_of, stages_down_to
from striate.models.stored import digest
from striate.runtime.folding import inference_form

NETS = Path(__file__).with_name("nets.py")


def own(name: str, classes: int | None = 5, **more) -> OwnNetwork:
    torch.manual_seed(0)
    network = create_model(f"{NETS}:{name}", classes, **more)
    assert isinstance(network, OwnNetwork)
    return network


def mistake(name: str, classes: int | None = 5, **more) -> str:
    with pytest.raises(StriateError) as caught:
        own(name, classes, **more)
    return str(caught.value).replace(str(NETS), "nets.py")


@pytest.mark.parametrize(
    "name", ["Body", "Staged", "Dictionary", "InRecord", "Auxiliary", "Shared", "Deciding", "View"]
)
def test_whatever_form_its_answer_has_it_gives_logits(name):
    network = own(name, size=(24, 24)).eval()
    assert network(torch.rand(2, 3, 24, 24)).shape == (2, 5)


def test_auxiliary_heads_weigh_as_in_the_paper_and_only_train():
    network = own("Auxiliary", size=(24, 24))
    images = torch.rand(2, 3, 24, 24)
    assert [weight for weight, _ in network.train().training_logits(images)] == [1.0, AUXILIARY_WEIGHT]
    assert [weight for weight, _ in network.eval().training_logits(images)] == [1.0]


def test_its_weights_have_the_names_that_it_gave_them():
    network = own("Staged")
    assert list(network.state_dict()) == list(network.behind.state_dict())
    assert "enter.0.weight" in network.state_dict() and "scale" in dict(network.named_parameters())
    probe = LinearProbe(network, ("middle",), 3)
    names = set(probe.state_dict())
    assert {"body.scale", "body.enter.0.weight", "classifier.weight"} <= names
    other = LinearProbe(own("Staged"), ("middle",), 3)
    other.load_state_dict(probe.state_dict())
    assert digest(dict(other.state_dict())) == digest(dict(probe.state_dict()))


def test_the_module_itself_and_a_copy_share_nothing_with_the_original():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    before = digest(dict(module.state_dict()))
    network = create_model(module, 5, size=(16, 16))
    copied = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.add_(1)
    assert digest(dict(module.state_dict())) == digest(dict(network.state_dict())) == before
    assert all(ours is behind for ours, behind in zip(copied.parameters(), copied.behind.parameters(), strict=True))
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(copied(images), copied.behind(images)) and not torch.equal(copied(images), network(images))


def test_a_last_layer_for_other_classes_takes_the_place_of_the_networks_own():
    network = create_model(own("Body", 7).behind, 3, size=(16, 16))
    assert network.classes == 3 and network.get_classifier().out_features == 3
    assert [remark.partition(": ")[2] for remark in network.remarks] == [
        "its last layer, body.5, is replaced for 3 classes"
    ]
    assert (
        own("grey", 7).remarks == () and own("grey", 7).preprocess.size == (28, 28) and own("grey", 7).in_channels == 1
    )


def test_a_class_is_called_with_the_number_of_classes_by_its_usual_names():
    from torch.nn import Linear

    def by_place(outputs):
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), Linear(3, outputs))

    def by_name(*, n_classes=1000):
        return by_place(n_classes)

    for make in (by_place, by_name):
        network = create_model(make, 6, size=(8, 8))
        assert network.classes == 6 and network.remarks == ()


def test_stages_are_where_maps_become_smaller():
    network = own("Staged", size=(32, 32))
    assert [(f.name, f.channels, f.stride) for f in network.features_info] == [
        ("enter", 8, 1),
        ("middle", 8, 2),
        ("deep", 8, 4),
    ]
    assert groups_of(network)["head"] == ("answer",)
    assert groups_of(network)["middle"] == ("middle.0", "middle.1", "middle.2")
    assert stages_down_to(network, "middle") == ("deep", "middle")
    network.freeze(groups_of(network)["enter"])
    assert [parameter.requires_grad for parameter in network.enter.parameters()] == [False] * 3
    assert network.middle[0].weight.requires_grad and not network.scale.requires_grad  # it is of the lowest stage


def test_a_chain_that_keeps_its_size_is_parted_evenly():
    network = own("Tokens", size=(32, 32))
    assert [feature.name for feature in network.features_info] == [f"blocks.{number}" for number in range(4)]
    vectors = LinearProbe(network, ("blocks.1", "last"), 3).eval().forward_features(torch.rand(2, 3, 32, 32))
    assert vectors.shape == (2, 16 + 16)  # tokens are averaged, not their numbers


def test_what_came_frozen_stays_frozen_and_its_own_train_is_called():
    network = own("Frozen", size=(16, 16))
    assert not network.body[0].weight.requires_grad
    network.freeze(())
    assert not network.body[0].weight.requires_grad and network.body[5].weight.requires_grad
    assert network.train().training and network.behind.training and not network.body[1].training


@pytest.mark.parametrize("name", ["Reading", "Shared", "Staged", "Deciding", "Drawing"])
def test_norms_are_folded_only_where_the_answers_stay(name):
    network = own(name, size=(24, 24)).train()
    for _ in range(3):
        network(torch.rand(8, 3, 24, 24) * 3)
    form = inference_form(network.eval(), network.preprocess)
    assert any(type(module) is nn.Identity for module in form.modules()) == (name == "Staged")
    images = torch.rand(4, 3, 24, 24)
    if name != "Drawing":
        assert torch.allclose(form(images), network(images), atol=1e-5)


def test_a_view_of_maps_decides_the_layout():
    assert own("View", size=(24, 24)).against_channels_last and not own("Body", size=(24, 24)).against_channels_last


def test_what_changes_outside_of_the_state_is_told():
    assert own("Remembering").remarks == () and own("Body").remarks == ()
    (remark,) = own("Counting").remarks
    assert "changes lost and calls" in remark
    (remark,) = own("Probabilities").remarks
    assert "ends in softmax" in remark


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Nameless", "nets.py:Nameless: forward gives dict with features; a classifier gives logits (N, classes)"),
        ("Wrong", "nets.py:Wrong gives 6 logits for 5 classes, although it was given that number"),
        ("Refusing", r"nets.py:Refusing: forward raises ValueError at nets.py:\d+ on pictures 3x224x224: not today$"),
        ("Empty", "nets.py:Empty has no parameters, so there is nothing to train"),
        ("lazy", "nets.py:lazy has lazy layers, whose weights have no shapes yet; run it once on a picture first"),
        ("frozen_whole", "nets.py:frozen_whole: no parameter takes a gradient"),
        ("of_two", "nets.py:of_two needs classes, width, and is given the number of classes alone"),
        ("nothing", "nets.py:nothing makes NoneType, and no nn.Module"),
        ("failing", r"nets.py:failing cannot be built: ZeroDivisionError: division by zero at nets.py:\d+"),
        ("three", "nets.py:three is int, and no network"),
        ("Stagde", "unknown name in nets.py 'Stagde'; did you mean 'Staged'"),
    ],
)
def test_what_is_no_network_is_one_sentence(name, words):
    said = mistake(name)
    assert re.match(words.replace("(", r"\(").replace(")", r"\)") if "\\d" not in words else words, said), said
    assert "\n" not in said


def test_a_size_that_does_not_fit_names_the_line_of_its_own_code():
    said = mistake("Sized", size=(40, 40))
    assert (
        re.search(r"RuntimeError at nets.py:\d+ on pictures 3x40x40: mat1 and mat2", said) and "(size_px=...)" in said
    )
    assert own("Sized").preprocess.size == (48, 48)
    assert own("Sized", size=(48, 48)).classes == 5


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_jit_and_a_network_that_does_not_exist():
    with pytest.raises(StriateError, match=r"compiled by torch\.jit"):
        create_model(torch.jit.trace(nn.Linear(3, 2), torch.rand(1, 3)), 2)
    with pytest.raises(StriateError, match=r"no_such\.py cannot be read"):
        create_model("no_such.py:Net")
    with pytest.raises(StriateError, match="'own' are those that a network of your own comes with"):
        create_model("resnet20", weights="own")


def test_its_parts_may_be_called_as_anything_here_is():
    names = ("preprocess", "classes", "label", "answer", "frozen", "architecture", "behind", "own", "training_logits")

    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            for name in names:
                self.add_module(name, nn.Linear(3, 3))
            self.last = nn.Linear(3, 4)

        def forward(self, images):
            numbers = images.mean((2, 3))
            for name in names:
                numbers = self._modules[name](numbers)
            return self.last(numbers)

    network = create_model(Named(), 6, size=(8, 8))
    assert network.label.endswith("Named") and network.classes == 6 and network.behind.last.out_features == 6
    assert [network.get_submodule(name) for name in names] == [network.behind._modules[name] for name in names]
    assert LinearProbe(network, ("label", "answer"), 2)(torch.rand(2, 3, 8, 8)).shape == (2, 2)


def test_its_cost_is_told_by_every_verb_that_tells_costs():
    assert striate.summarize(own("Staged", size=(32, 32))).params == sum(p.numel() for p in own("Staged").parameters())
    found = striate.check_gradients(own("Body", size=(12, 12)).double().float(), torch.rand(2, 3, 12, 12), entries=1)
    assert found.is_right


def test_a_network_of_the_zoo_stays_one():
    network = create_model("resnet20", 4)
    again = create_model(network, 4)
    assert type(again) is type(network) and again.architecture == "resnet20" and again is not network
    assert create_model(network, 6).classes == 6


def test_a_builder_that_hands_any_keyword_on_is_told_the_number_of_classes():
    def takes_it(**more):
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, more["num_classes"]))

    def passes_over_it(**more):
        return takes_it(num_classes=9)

    def knows_it_not(**more):
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 9, **more))

    assert create_model(takes_it, 6, size=(8, 8)).remarks == ()
    for make in (passes_over_it, knows_it_not):
        network = create_model(make, 6, size=(8, 8))
        assert network.classes == 6 and "2, is replaced for 6 classes" in network.remarks[0]


class ChannelsLast(nn.Sequential):
    """A norm as Swin transformers have it: (N, H, W, C)."""

    def forward(self, maps):
        return super().forward(maps.permute(0, 2, 3, 1))


def test_maps_with_the_channels_at_the_end_are_known_by_their_sides():
    class Turned(nn.Module):
        def __init__(self, num_classes):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), ChannelsLast(nn.LayerNorm(6), nn.Linear(6, 12)))
            self.answer = nn.Linear(12, num_classes)

        def forward(self, images):
            return self.answer(self.body(images).mean((1, 2)))

    network = create_model(Turned, 5, size=(32, 32))
    assert (network.features_info[-1].channels, network.features_info[-1].name) == (12, "body")
    vectors = LinearProbe(network, ("body",), 5).eval().forward_features(torch.rand(2, 3, 32, 32))
    assert vectors.shape == (2, 12)


def test_the_last_stage_is_a_part_of_a_body_that_holds_all_stages():
    class Whole(nn.Module):
        def __init__(self, num_classes):
            super().__init__()
            self.blocks = nn.Sequential(*(nn.Conv2d(3 if not n else 4, 4, 3, stride=2, padding=1) for n in range(3)))
            self.answer = nn.Linear(4, num_classes)

        def forward(self, images):
            return self.answer(self.blocks(images).mean((2, 3)))

    stages = create_model(Whole, 5, size=(32, 32)).features_info
    assert [(f.name, f.stride) for f in stages] == [("blocks.0", 2), ("blocks.1", 4), ("blocks.2", 8)]


def test_where_torch_destroys_memory_channels_do_not_lie_last():
    def begins_with_1x1(num_classes):
        return nn.Sequential(
            nn.Conv2d(3, 8, 1, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes)
        )

    network = create_model(begins_with_1x1, 5, size=(16, 16))
    assert "gradient of 0, a 1x1 convolution with a stride" in network.against_channels_last
    assert LinearProbe(network, ("0",), 3).against_channels_last == network.against_channels_last


def test_weights_in_other_numbers_become_float32():
    network = create_model(own("Body").behind.double(), 5, size=(16, 16))
    assert network(torch.rand(2, 3, 16, 16)).dtype == torch.float32 and "were float64" in network.remarks[0]


def test_what_a_module_has_besides_is_found():
    network = own("Staged")
    assert network.answer is network.behind.answer and network.scale is network.behind.scale
    with pytest.raises(AttributeError, match="nothing"):
        network.nothing  # noqa: B018
    with pytest.raises(
        StriateError, match=r"nets\.py names a file and nothing in it; give FILE\.py:NAME, such as .*nets\.py:Net"
    ):
        create_model(str(NETS))
