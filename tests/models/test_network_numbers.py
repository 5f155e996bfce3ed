"""Parameter counts, initialisation statistics and dropout of the first networks, by hand and by drawing."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

import pytest
import torch
from torch import nn

from striate.core.errors import StriateError
from striate.models import create_model, resnet50
from striate.models.network import set_dropout

torch.set_num_threads(1)

# network, parameters as printed, source; papers truncate or round: one unit of the last digit is allowed
PRINTED = [
    ("alexnet", "60e6", "NIPS 2012, abstract"),
    ("vgg11", "133e6", "arXiv:1409.1556 table 2"),
    ("vgg13", "133e6", "arXiv:1409.1556 table 2"),
    ("vgg16", "138e6", "arXiv:1409.1556 table 2"),
    ("vgg19", "144e6", "arXiv:1409.1556 table 2"),
    ("resnet20", "0.27e6", "arXiv:1512.03385 table 6"),
    ("resnet32", "0.46e6", "arXiv:1512.03385 table 6"),
    ("resnet44", "0.66e6", "arXiv:1512.03385 table 6"),
    ("resnet56", "0.85e6", "arXiv:1512.03385 table 6"),
    ("resnet110", "1.7e6", "arXiv:1512.03385 table 6"),
    ("resnet1202", "19.4e6", "arXiv:1512.03385 table 6"),
    ("vgg11_lrn", "133e6", "arXiv:1409.1556 table 2"),
    ("vgg16_c", "134e6", "arXiv:1409.1556 table 2"),
    ("resnext50_32x4d", "25.0e6", "arXiv:1611.05431 table 1"),
    ("airbench94", "1.97e6", "arXiv:2404.00498 section 2"),
]

# network, MACs as printed (the papers write FLOPs for them) at 224x224, source
PRINTED_MACS = [
    ("resnet18", "1.8e9", "arXiv:1512.03385 table 1"),
    ("resnet34", "3.6e9", "arXiv:1512.03385 table 1"),
    ("plain34", "3.6e9", "arXiv:1512.03385 figure 3"),
    ("resnet34_a", "3.6e9", "arXiv:1512.03385 figure 3"),
    ("resnet50_paper", "3.8e9", "arXiv:1512.03385 table 1"),
    ("resnet101_paper", "7.6e9", "arXiv:1512.03385 table 1"),
    ("resnet152_paper", "11.3e9", "arXiv:1512.03385 table 1"),
    ("resnet50", "4.1e9", "arXiv:1611.05431 table 1"),
    ("resnext50_32x4d", "4.2e9", "arXiv:1611.05431 table 1"),
    ("vgg19", "19.6e9", "arXiv:1512.03385 figure 3"),
]


def within_last_digit(value: int, printed: str) -> bool:
    shown = Decimal(printed)
    return abs(value - shown) <= Decimal(1).scaleb(int(shown.as_tuple().exponent))


@pytest.mark.parametrize(("name", "printed", "source"), PRINTED)
def test_published_parameters(name: str, printed: str, source: str, parameters_of: Callable[[str], int]) -> None:
    assert within_last_digit(parameters_of(name), printed), source


@pytest.mark.parametrize(("name", "printed", "source"), PRINTED_MACS)
def test_published_macs(name: str, printed: str, source: str, on_meta: Callable, macs_of: Callable) -> None:
    assert within_last_digit(macs_of(on_meta(name), (3, 224, 224)), printed), source


def test_the_stride_of_the_paper_matters(on_meta: Callable, macs_of: Callable) -> None:
    assert macs_of(on_meta("resnet50_paper"), (3, 224, 224)) == 3_857_973_248
    for layers, printed in ((50, "3.8e9"), (101, "7.6e9"), (152, "11.3e9")):
        common = macs_of(on_meta(f"resnet{layers}"), (3, 224, 224))
        assert not within_last_digit(common, printed)


def test_shortcut_options_by_their_parameters(parameters_of: Callable[[str], int]) -> None:
    plain = parameters_of("plain34")
    assert parameters_of("resnet34_a") == plain
    growing = sum(w * 2 * w + 2 * (2 * w) for w in (64, 128, 256))  # 1x1 convolution and batch norm
    assert parameters_of("resnet34") == plain + growing
    every_other = sum((n * (w * w + 2 * w)) for w, n in ((64, 3), (128, 3), (256, 5), (512, 2)))
    assert parameters_of("resnet34_c") == plain + growing + every_other
    assert parameters_of("plain20") == parameters_of("resnet20")


def test_columns_of_vgg(parameters_of: Callable[[str], int]) -> None:
    assert parameters_of("vgg11_lrn") == parameters_of("vgg11")
    one_by_one = sum(8 * w * w for w in (256, 512, 512))  # C has 1x1 where D has 3x3
    assert parameters_of("vgg16") - parameters_of("vgg16_c") == one_by_one
    norms = 2 * (64 + 128 + 2 * 256 + 4 * 512)
    assert parameters_of("vgg11_bn") - parameters_of("vgg11") == norms
    assert parameters_of("vgg16_bn") == 138_365_992


def test_activations_of_vgg16(on_meta: Callable) -> None:
    """All numbers in the layer table for one picture: 15.2 million; a much copied slide says 24 million."""
    model = on_meta("vgg16")
    total = 3 * 224 * 224

    def add(_: nn.Module, __: object, output: torch.Tensor) -> None:
        nonlocal total
        total += output[0].numel()

    counted = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.Linear)]
    handles = [layer.register_forward_hook(add) for layer in counted]
    model(torch.empty(1, 3, 224, 224, device="meta"))
    for handle in handles:
        handle.remove()
    assert total == 15_237_608


def test_lenet5_by_hand(parameters_of: Callable[[str], int]) -> None:
    convolutions = (5 * 5 * 1 + 1) * 6 + (5 * 5 * 6 + 1) * 16
    dense = (16 * 5 * 5 + 1) * 120 + (120 + 1) * 84 + (84 + 1) * 10
    assert parameters_of("lenet5") == convolutions + dense == 61_706


def test_alexnet_by_hand(parameters_of: Callable[[str], int]) -> None:
    convolutions = (
        (11 * 11 * 3 + 1) * 96
        + (5 * 5 * 48 + 1) * 256
        + (3 * 3 * 256 + 1) * 384
        + (3 * 3 * 192 + 1) * 384
        + (3 * 3 * 192 + 1) * 256
    )
    dense = (256 * 6 * 6 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    assert parameters_of("alexnet") == convolutions + dense == 60_965_224


def test_exact_parameters(parameters_of: Callable[[str], int]) -> None:
    assert parameters_of("vgg16") == 138_357_544
    assert parameters_of("resnet18") == 11_689_512
    assert parameters_of("resnet50") == 25_557_032
    assert parameters_of("resnet152") == 60_192_808
    # stem, three stages of 2n convolutions (the first of stages 2 and 3 reads half the maps), head
    n = 3
    stages = 2 * n * 9 * 16**2 + sum((2 * n - 1) * 9 * w**2 + 9 * w * w // 2 for w in (32, 64))
    norms = 2 * (16 + 2 * n * (16 + 32 + 64))
    assert parameters_of("resnet20") == 9 * 3 * 16 + stages + norms + 65 * 10 == 269_722


def test_macs_of_the_paper_tables(on_meta: Callable, macs_of: Callable) -> None:
    assert macs_of(on_meta("resnet50"), (3, 224, 224)) == 4_089_184_256
    assert macs_of(on_meta("vgg16"), (3, 224, 224)) == 15_470_264_320
    assert macs_of(on_meta("lenet5"), (1, 32, 32)) == (
        25 * 6 * 28**2 + 25 * 6 * 16 * 10**2 + 400 * 120 + 120 * 84 + 84 * 10
    )


def test_layer_shapes_of_alexnet(on_meta: Callable, shapes_of: Callable) -> None:
    paths = [f"features.{layer}" for layer in ("conv1", "pool1", "conv2", "pool2", "conv3", "conv5", "pool5")]
    assert shapes_of(on_meta("alexnet"), (3, 227, 227), paths) == [
        (96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6),
    ]  # fmt: skip


def test_layer_shapes_of_resnet50(on_meta: Callable, shapes_of: Callable) -> None:
    paths = ["conv1", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool"]
    assert shapes_of(on_meta("resnet50"), (3, 224, 224), paths) == [
        (64, 112, 112), (64, 56, 56), (256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7),
        (2048, 1, 1),
    ]  # fmt: skip


def std_is(weight: torch.Tensor, expected: float) -> bool:
    """Whether a sample's deviation is the expected one within five standard errors, sigma / sqrt(2 n)."""
    return abs(weight.std().item() - expected) < 5 * expected / math.sqrt(2 * weight.numel())


def test_alexnet_is_drawn_as_section_5_says() -> None:
    torch.manual_seed(0)
    model = create_model("alexnet", classes=10)
    layers = {p: m for p, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert all(std_is(layer.weight, 0.01) for layer in layers.values())
    ones = {path.split(".")[1] for path, layer in layers.items() if (layer.bias == 1).all()}
    zeros = {path.split(".")[1] for path, layer in layers.items() if (layer.bias == 0).all()}
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"}
    assert zeros == {"conv1", "conv3", "fc8"}


@pytest.mark.parametrize("name", ["resnet18", "resnet20"])
def test_resnets_are_drawn_by_he(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.out_channels * layer.kernel_size[0] * layer.kernel_size[1]
            assert std_is(layer.weight, math.sqrt(2 / fan_out))
        elif isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all() and (layer.bias == 0).all()


def test_lenet5_is_drawn_by_glorot() -> None:
    torch.manual_seed(0)
    c3 = create_model("lenet5").features.c3.weight
    limit = math.sqrt(6 / (25 * 6 + 25 * 16))
    assert c3.abs().max() <= limit and std_is(c3, limit / math.sqrt(3))


def test_the_seed_draws_the_weights() -> None:
    def drawn() -> torch.Tensor:
        torch.manual_seed(3)
        return create_model("resnet20").conv1.weight

    assert torch.equal(drawn(), drawn())


def test_reset_classifier_draws_small() -> None:
    torch.manual_seed(0)
    model = create_model("resnet18", classes=100)
    model.reset_classifier(200)
    assert std_is(model.fc.weight, 0.01) and (model.fc.bias == 0).all()


def test_dropout_drops_with_its_probability_and_scales() -> None:
    torch.manual_seed(0)
    model = create_model("alexnet", classes=10).train()
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]
    set_dropout(model, 0.25)
    dropped = model.classifier.drop6(torch.ones(100_000))
    share = (dropped == 0).float().mean().item()
    assert abs(share - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 100_000)
    assert dropped.max().item() == pytest.approx(1 / (1 - 0.25))
    assert torch.equal(model.eval().classifier.drop6(torch.ones(8)), torch.ones(8))


def test_set_dropout_refuses_what_cannot_work() -> None:
    with pytest.raises(StriateError, match=r"^resnet20 has no dropout layer, so its dropout cannot be set to 0\.5$"):
        set_dropout(create_model("resnet20"), 0.5)
    with pytest.raises(StriateError, match=r"dropout must be at least 0 and below 1, got 1.0"):
        set_dropout(create_model("vgg11", classes=2, in_channels=1), 1.0)


def test_a_builder_builds_without_the_factory() -> None:
    with torch.device("meta"):
        model = resnet50(classes=4)
    assert model(torch.empty(1, 3, 64, 64, device="meta")).shape == (1, 4)
    with pytest.raises(StriateError, match=r"^ResNet: pictures must be"):
        model(torch.empty(1, 1, 64, 64, device="meta"))


def test_unknown_and_impossible_requests() -> None:
    with pytest.raises(StriateError, match="unknown model 'alexnett'; did you mean 'alexnet"):
        create_model("alexnett")
    with pytest.raises(StriateError, match="lenet5: in_channels must be at least 1, got 0"):
        create_model("lenet5", in_channels=0)
