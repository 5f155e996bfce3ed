"""Networks of patterns: the zoo's own in one line, sizes, classes, stages, and what cannot be built."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate.analysis.summary import Summary, summarize
from striate.core.errors import StriateError
from striate.meta.weightless import blueprint
from striate.models import Network, create_model
from striate.models.pattern import ALEXNET, LENET5, VGG16, PatternNetwork, pattern_network
from striate.models.stages import groups_of

ISSUE = "[(conv64-relu)*2-pool]*3-(fc256-relu)*1-softmax"
DENSE = "(fc4096-relu-dropout)*2"


def vgg(convolutions: str, after: str = "-relu") -> str:
    """The pattern of a column of VGG: how many convolutions each stage has."""
    widths = (64, 128, 256, 512, 512)
    stages = [f"(conv{width}{after})*{count}-pool" for width, count in zip(widths, convolutions, strict=True)]
    return "-".join([*stages, DENSE])


OF_THE_ZOO = {
    "lenet5": LENET5,
    "alexnet_single": ALEXNET,
    "alexnet": "input3x227x227-conv96k11s4p0-relu-lrn-pool3s2-conv256k5g2-relu-lrn-pool3s2-conv384-relu-conv384g2-relu-"
    "conv256g2-relu-pool3s2-(dropout-fc4096-relu)*2",
    "alexnet_tv": "conv64k11s4p2-relu-pool3s2-conv192k5-relu-pool3s2-conv384-relu-(conv256-relu)*2-pool3s2-"
    "(dropout-fc4096-relu)*2",
    "vgg11": vgg("11222"),
    "vgg11_lrn": f"conv64-relu-lrn-pool-conv128-relu-pool-(conv256-relu)*2-pool-((conv512-relu)*2-pool)*2-{DENSE}",
    "vgg13": vgg("22222"),
    "vgg16": VGG16,
    "vgg16_c": "(conv64-relu)*2-pool-(conv128-relu)*2-pool-(conv256-relu)*2-conv256k1-relu-pool-"
    f"((conv512-relu)*2-conv512k1-relu-pool)*2-{DENSE}",
    "vgg16_bn": vgg("22333", "-bn-relu"),
    "vgg19": vgg("22444"),
    "mlp": "input1x28x28-fc300-relu-fc100-relu-softmax10",
    "perceptron": "input1x28x28-softmax10",
}
SAME_NAMES = [name for name in OF_THE_ZOO if name.startswith("vgg") or name == "alexnet_tv"]
SMALL = ["lenet5", "mlp", "perceptron"]


def costs(summary: Summary) -> list[tuple[str, int, int, tuple[int, ...]]]:
    """What each layer is and costs, without what is the identity at the network's own size."""
    rows = [row for row in summary.rows if row.kind not in ("AdaptiveAvgPool2d", "Flatten")]
    return [(row.kind, row.params, row.macs, row.out_shape) for row in rows]


@pytest.mark.parametrize("name", OF_THE_ZOO)
def test_networks_of_the_zoo_in_one_line(name: str) -> None:
    ours = summarize(blueprint(lambda: pattern_network(OF_THE_ZOO[name])))
    theirs = summarize(blueprint(lambda: create_model(name)))
    assert (ours.params, ours.macs, ours.input_shape) == (theirs.params, theirs.macs, theirs.input_shape)
    assert costs(ours) == costs(theirs)


@pytest.mark.parametrize("name", SAME_NAMES)
def test_weights_of_the_zoo_have_the_same_names(name: str) -> None:
    ours = blueprint(lambda: pattern_network(OF_THE_ZOO[name])).state_dict()
    theirs = blueprint(lambda: create_model(name)).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


@pytest.mark.parametrize("name", [*SMALL, "alexnet_tv"])
def test_the_same_weights_give_equal_bits(name: str) -> None:
    theirs, ours = create_model(name, classes=4).eval(), pattern_network(OF_THE_ZOO[name], classes=4).eval()
    tensors = theirs.state_dict().values()
    ours.load_state_dict(dict(zip(ours.state_dict(), tensors, strict=True)))
    images = torch.randn(2, theirs.in_channels, *theirs.preprocess.size)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize(
    "pattern", [ISSUE, "conv8k7s2p3-relu-pool3s2p1-conv9k4p0-gap", "avgpool3-conv4k5p0-pool-fc3-relu"]
)
def test_the_smallest_picture_is_the_smallest_that_works(pattern: str) -> None:
    smallest = blueprint(lambda: pattern_network(pattern)).smallest_px
    network = blueprint(lambda: pattern_network(pattern, size=(smallest, smallest + 1)))
    assert network(torch.empty(2, 3, smallest, smallest + 1, device="meta")).shape == (2, 1000)
    if smallest > 1:
        with pytest.raises(StriateError, match=rf"smallest pictures that the pattern takes are {smallest}x{smallest}"):
            pattern_network(pattern, size=(smallest, smallest - 1))


def test_sizes_channels_and_classes_come_from_the_caller_then_from_the_text() -> None:
    def made(pattern: str, **given: object) -> tuple[object, ...]:
        network = blueprint(lambda: create_model(pattern, **given))
        return network.in_channels, network.preprocess.size, network.preprocess.resize, network.classes

    assert made("conv4-gap") == (3, (224, 224), (256, 256), 1000)
    assert made("input1x28x30-conv4-gap-softmax7") == (1, (28, 30), (28, 30), 7)
    told = made("input1x28x30-conv4-gap-softmax7", classes=2, in_channels=4, size=(64, 64))
    assert told == (4, (64, 64), (64, 64), 2)
    assert made("(conv4-pool)*8-gap") == (3, (256, 256), (293, 293), 1000)  # 224 would leave nothing


def test_with_gap_any_size_fits_and_without_it_one() -> None:
    free = pattern_network("conv4-relu-pool-gap-fc8-relu", classes=3, size=(16, 16))
    assert free(torch.zeros(2, 3, 9, 31)).shape == (2, 3)
    with pytest.raises(StriateError, match=r"^conv4-relu-pool-gap-fc8-relu-softmax: a 1x9 picture is too small: layer"):
        free(torch.zeros(2, 3, 1, 9))
    bound = pattern_network("conv4-relu-pool", classes=3, size=(16, 16))
    with pytest.raises(StriateError, match=r"reads every place of those of a 16x16 picture, got 9x31; resize the pict"):
        bound(torch.zeros(2, 3, 9, 31))


def test_stages_end_where_maps_get_smaller() -> None:
    network = pattern_network("conv4s2-bn-relu-(conv5-relu)*2-pool-dropout-conv6-relu-gap", classes=3, size=(16, 16))
    assert [(f.name, f.channels, f.stride) for f in network.features_info] == [
        ("features.6", 5, 2),
        ("features.10", 6, 4),
    ]
    assert list(groups_of(network)) == ["head", "features.10", "features.6"]
    assert list(groups_of(pattern_network("fc4-relu", 3, 1, (2, 2)))) == ["head"]


def test_another_number_of_classes() -> None:
    network = pattern_network("conv4-relu-gap-fc5-tanh", classes=3, size=(8, 8))
    network.reset_classifier(7)
    features = network.forward_features(torch.zeros(2, 3, 8, 8))
    assert network.forward_head(features).shape == (2, network.classes) == (2, 7)
    assert network.forward_head(features, pre_logits=True).shape == (2, 5)


@pytest.mark.parametrize(
    "before", ["relu", "tanh", "sigmoid", "conv4", "bn", "lrn", "pool", "dropout", "elu", "leakyrelu"]
)
def test_relu_never_writes_over_what_is_read_again(before: str) -> None:
    torch.manual_seed(0)
    network: Network = pattern_network(f"{before}-relu-conv3-{before}-relu-fc4-bn-relu", classes=2, size=(8, 8))
    images = torch.randn(3, 3, 8, 8)
    kept = images.clone()
    network(images).sum().backward()
    assert torch.equal(images, kept)
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_weights_are_drawn_from_the_seed_as_he_says() -> None:
    torch.manual_seed(3)
    first = pattern_network("conv256-relu-gap", classes=2)
    torch.manual_seed(3)
    assert torch.equal(first.features[0].weight, pattern_network("conv256-relu-gap", classes=2).features[0].weight)
    assert first.features[0].weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.05)
    assert not first.features[0].bias.any()


@pytest.mark.parametrize(
    "pattern, size, said",
    [
        ("fc8-relu-conv4", None, "column 10 of the pattern: conv4 reads maps, and there are none behind fc8 (colum"),
        ("conv4-gap-pool", None, "column 11 of the pattern: pool reads maps, and there are none behind gap (column 7)"),
        ("conv4-gap-gap", None, "column 11 of the pattern: gap reads maps, and there are none behind gap (column 7)"),
        ("conv6g2", None, "column 1 of the pattern: conv6g2 divides 3 channels into 6 by 2 groups; both must be mu"),
        ("(conv4-pool)*4", (8, 8), "column 8 of the pattern: pool gets maps of 1x1, smaller than its window of 2; the "
         "smallest pictures that the pattern takes are 16x16, got 8x8"),
        ("conv64-relu-fc9999-relu", (900, 900), "column 13 of the pattern: with pictures of 900x900 fc9999 has 518,"),
        ("softmax", (60_000, 60_000), "column 1 of the pattern: with pictures of 60000x60000 the class layer has 10,"),
    ],
)  # fmt: skip
def test_what_cannot_be_built(pattern: str, size: tuple[int, int] | None, said: str) -> None:
    with pytest.raises(StriateError) as caught:
        create_model(pattern, size=size)
    assert str(caught.value).startswith(said)


def test_a_long_pattern_is_shortened_where_it_is_only_named() -> None:
    network = blueprint(lambda: create_model(VGG16))
    assert isinstance(network, PatternNetwork)
    assert network.architecture == VGG16
    assert network.label == VGG16[:60] + "..."


def test_modules_are_those_of_torch() -> None:
    network = pattern_network(
        "conv4-bn-relu-lrn-leakyrelu-elu-tanh-sigmoid-dropout0.2-avgpool-fc5-bn-relu", 2, 3, (4, 4)
    )
    assert {type(module) for module in network.classifier} == {nn.Linear, nn.BatchNorm1d, nn.ReLU}
    assert network.features[8].p == 0.2
