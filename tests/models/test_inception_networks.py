"""GoogLeNet (the paper's and torchvision's) and Inception-v4: table 1 row by row, heads, published counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from striate.models import create_model
from striate.models.googlenet import MODULES, Inception, NaiveInception

torch.set_num_threads(1)

# arXiv:1409.4842, table 1: module, output (C, H, W), "ops" in millions as printed
ROWS = [
    ("inception3a", (256, 28, 28), 128),
    ("inception3b", (480, 28, 28), 304),
    ("inception4a", (512, 14, 14), 73),
    ("inception4b", (512, 14, 14), 88),
    ("inception4c", (512, 14, 14), 100),
    ("inception4d", (528, 14, 14), 119),
    ("inception4e", (832, 14, 14), 170),
    ("inception5a", (832, 7, 7), 54),
    ("inception5b", (1024, 7, 7), 71),
]
PRINTED_WRONG = {"inception5a"}  # 51.1 M: the printed 54 fits a 5x5 reduction of 48 instead of the printed 32


def weights_of(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.dim() > 1)


def test_shapes_of_table_1(on_meta: Callable, shapes_of: Callable) -> None:
    paths = [name for name, _, _ in ROWS]
    assert shapes_of(on_meta("googlenet"), (3, 224, 224), paths) == [shape for _, shape, _ in ROWS]
    stem = ["stem.conv1", "stem.pool1", "stem.conv3", "stem.pool2", "pool3", "pool4", "avgpool"]
    assert shapes_of(on_meta("googlenet"), (3, 224, 224), stem) == [
        (64, 112, 112), (64, 56, 56), (192, 56, 56), (192, 28, 28), (480, 14, 14), (832, 7, 7), (1024, 1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "shape", "printed_millions"), ROWS)
def test_ops_of_table_1(name: str, shape: tuple[int, int, int], printed_millions: int) -> None:
    """Weights times positions: every convolution of a module keeps the size."""
    channels = 192 if name == "inception3a" else ROWS[[n for n, _, _ in ROWS].index(name) - 1][1][0]
    one, three_reduce, three, five_reduce, five, pooled = MODULES[name]
    by_hand = (
        channels * (one + three_reduce + five_reduce + pooled) + 9 * three_reduce * three + 25 * five_reduce * five
    )
    with torch.device("meta"):
        module = Inception(channels, *MODULES[name])
    assert weights_of(module) == by_hand
    macs = by_hand * shape[1] * shape[2]
    assert (abs(macs / 1e6 - printed_millions) <= 1) == (name not in PRINTED_WRONG)


def test_googlenet_parameters(on_meta: Callable, macs_of: Callable) -> None:
    model = on_meta("googlenet")
    heads = sum(p.numel() for aux in (model.aux1, model.aux2) for p in aux.parameters())
    total = sum(p.numel() for p in model.parameters())
    assert total - heads == 6_998_552
    by_hand = sum((c + 1) * 128 + (2048 + 1) * 1024 + (1024 + 1) * 1000 for c in (512, 528))
    assert heads == by_hand
    assert macs_of(model, (3, 224, 224)) == pytest.approx(1.58e9, rel=0.005)


def test_naive_module_against_bottlenecks(macs_of: Callable) -> None:
    """28x28x256 in: 854 M multiply-accumulates naive, 271 M with bottlenecks (slides that say 358 M err)."""
    with torch.device("meta"):
        naive = NaiveInception(256, 128, 192, 96)
        with_bottlenecks = Inception(256, 128, 64, 192, 64, 96, 64)
    pixels = 28 * 28
    assert macs_of(naive, (256, 28, 28)) == pixels * 256 * (128 + 9 * 192 + 25 * 96) == 854_196_224
    assert macs_of(with_bottlenecks, (256, 28, 28)) == pixels * (
        256 * 128 + 256 * 64 + 9 * 64 * 192 + 256 * 64 + 25 * 64 * 96 + 256 * 64
    )
    assert round(macs_of(with_bottlenecks, (256, 28, 28)) / 1e6) == 271
    assert naive(torch.empty(1, 256, 28, 28, device="meta")).shape == (1, 128 + 192 + 96 + 256, 28, 28)
    assert with_bottlenecks(torch.empty(1, 256, 28, 28, device="meta")).shape == (1, 480, 28, 28)


@pytest.mark.parametrize("name", ["googlenet", "googlenet_tv"])
def test_auxiliary_heads_train_and_do_not_predict(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name, classes=6)
    images = torch.empty(2, 3, 224, 224, device="meta")
    assert [(weight, tuple(logits.shape)) for weight, logits in model.training_logits(images)] == [
        (1.0, (2, 6)),
        (0.3, (2, 6)),
        (0.3, (2, 6)),
    ]
    ran: list[str] = []
    for aux in ("aux1", "aux2"):
        model.get_submodule(aux).register_forward_hook(lambda *_, aux=aux: ran.append(aux))
    model(images)
    assert ran == []


def test_auxiliary_pooling_sees_4x4(on_meta: Callable) -> None:
    """5x5 average pooling with stride 3 gives 4x4 on 14x14: (14 - 5) / 3 + 1; the fitting layer is the identity."""
    head = on_meta("googlenet").aux1
    assert head.pool(torch.empty(1, 512, 14, 14, device="meta")).shape[2:] == (4, 4)
    x = torch.rand(1, 8, 4, 4)
    assert torch.equal(head.fit(x), x)


def test_main_logits_are_the_same_with_and_without_heads() -> None:
    torch.manual_seed(0)
    model = create_model("googlenet", classes=4).eval()
    images = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        assert torch.equal(model(images), model.training_logits(images)[0][1])
        features = model.forward_features(images)
    assert 1e-3 < features.std().item() < 1e3  # nothing died or exploded without batch norm


def test_torchvisions_googlenet(on_meta: Callable, macs_of: Callable) -> None:
    model = on_meta("googlenet_tv")
    heads = sum(p.numel() for aux in (model.aux1, model.aux2) for p in aux.parameters())
    assert sum(p.numel() for p in model.parameters()) - heads == 6_624_904
    assert len([key for key in model.state_dict() if not key.startswith("aux")]) == 344
    assert len(model.state_dict()) == 364
    assert model.preprocess.mean == (0.5, 0.5, 0.5)
    assert macs_of(model, (3, 224, 224)) == pytest.approx(1.50e9, rel=0.005)


def test_inception_v4_shapes_of_figure_9(on_meta: Callable, shapes_of: Callable) -> None:
    paths = ["stem.0", "stem.1", "stem.2", "stem.3", "stem.4", "stem", "modules_a", "reduction_a", "modules_b",
             "reduction_b", "modules_c", "avgpool"]  # fmt: skip
    assert shapes_of(on_meta("inception_v4"), (3, 299, 299), paths) == [
        (32, 149, 149), (32, 147, 147), (64, 147, 147), (160, 73, 73), (192, 71, 71), (384, 35, 35),
        (384, 35, 35), (1024, 17, 17), (1024, 17, 17), (1536, 8, 8), (1536, 8, 8), (1536, 1, 1),
    ]  # fmt: skip


def test_inception_v4_modules_by_hand(on_meta: Callable) -> None:
    model = on_meta("inception_v4")
    module_b = 1024 * 128 + 1024 * 384 + 1024 * 192 + 7 * (192 * 224 + 224 * 256)
    module_b += 1024 * 192 + 7 * (192 * 192 + 192 * 224 + 224 * 224 + 224 * 256)
    assert weights_of(model.modules_b[0]) == module_b
    reduction_a = 9 * 384 * 384 + 384 * 192 + 9 * 192 * 224 + 9 * 224 * 256
    assert weights_of(model.reduction_a) == reduction_a
    assert sum(p.numel() for p in model.parameters()) == 42_679_816
