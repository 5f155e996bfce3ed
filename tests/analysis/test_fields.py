"""Receptive fields read off the trace, against what has a gradient in a linearised network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from striate.analysis.rows import Row
from striate.analysis.summary import Summary, summarize
from striate.meta.weightless import blueprint
from striate.models import ZOO, Network, create_model
from striate.models.perceptron import Perceptron
from striate.ops.windows import Field

PASSED_ON = {"relu", "relu_", "tanh", "sigmoid", "local_response_norm", "batch_norm", "dropout"}


class Linearised(TorchFunctionMode):
    """Makes a network linear with positive weights, so that what an output reads is exactly what has a gradient.

    Averages in the place of maxima, no non-linearities or norms. All maps of a layer see the same pixels, so one stands
    for all of them in a convolution, which then has one weight per tap.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name, kwargs = getattr(function, "__name__", ""), dict(kwargs or {})
        if name in PASSED_ON:
            return args[0]
        if name == "max_pool2d":
            return averaged(*args, **kwargs)
        if name == "conv2d":
            return spread(*args, **kwargs)
        return function(*args, **kwargs)


def averaged(
    image: Tensor,
    kernel: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    **_: Any,
) -> Tensor:
    return F.avg_pool2d(image, kernel, stride, padding, ceil_mode)


def spread(
    image: Tensor,
    weight: Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    taps = torch.ones(1, 1, *weight.shape[2:])
    made = F.conv2d(image.mean(1, keepdim=True), taps, None, stride, padding, dilation)
    return Reach.apply(made).expand(-1, weight.shape[0], -1, -1)  # type: ignore[no-any-return]


class Reach(torch.autograd.Function):
    """Passes a gradient on as 1 where there is any: over a thousand layers, products would leave a float's range."""

    @staticmethod
    def forward(ctx: Any, image: Tensor) -> Tensor:
        return torch.ones_like(image)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return (gradients[0] != 0).to(gradients[0].dtype)


def seen(made: Tensor, picture: Tensor, position: int) -> tuple[int, int]:
    """First row of the picture that the units at this height see, and how many rows."""
    (gradient,) = torch.autograd.grad(made[:, :, position].sum(), picture, retain_graph=True)
    rows = gradient.sum((0, 1, 3)).nonzero().flatten()
    return int(rows[0]), int(rows[-1] - rows[0]) + 1


@contextmanager
def captured(model: Network, paths: list[str]) -> Iterator[dict[str, Tensor]]:
    made: dict[str, Tensor] = {}
    hooks = [
        model.get_submodule(path).register_forward_hook(lambda _, __, output, path=path: made.update({path: output}))
        for path in paths
    ]
    try:
        yield made
    finally:
        for hook in hooks:
            hook.remove()


def last_row(cost: Summary, path: str) -> Row:
    return [row for row in cost.rows if row.path == path or row.path.startswith(f"{path}.")][-1]


def positive(name: str) -> Network:
    """The network; a small one with real weights, all 1, as LeNet of 1998 multiplies with some outside convolutions."""
    model = blueprint(lambda: create_model(name))
    if sum(parameter.numel() for parameter in model.parameters()) > 100_000:
        return model
    model = create_model(name)
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    return model


# Squeeze-and-excitation: every unit sees all of the picture, however large that is.
EXCITED = ["quick_regnet26", "quick_regnet29"]
CONVOLUTIONAL = [name for name in ZOO if ZOO[name].__module__ != Perceptron.__module__ and name not in EXCITED]


@pytest.mark.parametrize("name", EXCITED)
def test_squeeze_and_excitation_sees_the_whole_picture(name: str) -> None:
    model = create_model(name)
    cost, side = summarize(model), model.preprocess.size[0]
    stages = {feature.name: last_row(cost, feature.name) for feature in model.features_info}
    picture = torch.ones(1, model.in_channels, side, side, requires_grad=True)
    with captured(model.eval().requires_grad_(False), list(stages)) as made, Linearised():
        model.forward_features(picture)
    for path, row in stages.items():
        height = row.field[0]
        assert (height.start_px <= 0) and (height.start_px + height.size_px >= side), path
        for position in (0, made[path].shape[2] - 1):
            assert seen(made[path], picture, position) == (0, side), path


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_field_is_what_has_a_gradient(name: str) -> None:
    """Every stage, on a picture just tall enough and as narrow as can be."""
    model = positive(name)
    cost, narrow = summarize(model), model.smallest_px
    stages = {feature.name: last_row(cost, feature.name) for feature in model.features_info}
    field, jump, _ = stages[model.features_info[-1].name].field[0]
    tall = int(max(2 * narrow, field + 3 * jump, *cost.input_shape[2:]))
    picture = torch.ones(1, model.in_channels, tall, narrow, requires_grad=True)
    with captured(model.eval().requires_grad_(False), list(stages)) as made, Linearised():
        model.forward_features(picture)
    for path, row in stages.items():
        height = row.field[0]
        position = ceil(-height.start_px / height.jump_px)
        first, size = seen(made[path], picture, position)
        following, _ = seen(made[path], picture, position + 1)
        assert (size, following - first) == (height.size_px, height.jump_px), path
        assert first == height.start_px + position * height.jump_px, path


@pytest.mark.parametrize("name", ["perceptron", "mlp"])
def test_a_dense_layer_sees_everything(name: str) -> None:
    cost = summarize(create_model(name))
    assert cost.field_px == cost.rows[-1].field_px == 28
    assert cost.rows[-1].jump_px == 0


@pytest.mark.parametrize(
    ("name", "field_px", "source"),
    [
        ("vgg16", 212, "Araujo et al., Distill 2019"),
        ("resnet50", 427, "stride in the 3x3; computed by gradients too"),
        ("resnet50_paper", 483, "Araujo et al., Distill 2019"),
        ("resnet101_paper", 1027, "Araujo et al., Distill 2019"),
        ("resnet152_paper", 1507, "Araujo et al., Distill 2019"),
        ("alexnet", 195, "Araujo et al., Distill 2019"),
    ],
)
def test_published_field(name: str, field_px: int, source: str) -> None:
    assert summarize(blueprint(lambda: create_model(name))).field_px == field_px, source


def last(*layers: nn.Module, size: tuple[int, ...] = (4, 16, 16)) -> Row:
    return summarize(nn.Sequential(*layers), size).rows[-1]


def test_size_stride_and_offset_of_a_chain() -> None:
    row = last(nn.Conv2d(4, 4, 7, stride=2, padding=3), nn.MaxPool2d(3, stride=2, padding=1))
    assert row.field_px == 7 + (3 - 1) * 2
    assert row.jump_px == 2 * 2
    assert row.offset_px == -3 - 1 * 2


def test_axes_are_kept_apart() -> None:
    row = last(nn.Conv2d(4, 4, (1, 7), padding=(0, 3)), nn.Conv2d(4, 4, (3, 1), stride=(2, 1)))
    assert row.field == (Field(3, 2, 0), Field(7, 1, -3))
    assert (row.field_px, row.jump_px, row.offset_px) == (7, 2, -3)


def test_dilation() -> None:
    assert last(nn.Conv2d(4, 4, 3, dilation=4)).field_px == 4 * 2 + 1


def test_transposed_convolution_and_enlarging() -> None:
    down = nn.Conv2d(4, 4, 2, stride=2)
    assert last(down, nn.ConvTranspose2d(4, 4, 2, stride=2)).field == (Field(2, 1, 0),) * 2
    assert last(down, nn.Upsample(scale_factor=2)).field[0].size_px == 2
    assert last(down, nn.Upsample(scale_factor=2)).jump_px == 1
    assert last(down, down, nn.Upsample(scale_factor=8)).jump_px == 0.5


def test_adaptive_pooling() -> None:
    assert last(nn.AdaptiveAvgPool2d(4)).field[0] == Field(4, 4, 0)
    assert last(nn.AdaptiveMaxPool2d(4)).field[0] == Field(4, 4, 0)
    assert last(nn.AdaptiveAvgPool2d(1)).field[0] == Field(16, 0, 0)


class Branches(nn.Module):
    """Two windows of even and odd size side by side, added or concatenated."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(4, 4, 3, padding=1)
        self.wide = nn.Conv2d(4, 4, 5, padding=2)
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        return self.join(self.narrow(x), self.wide(self.narrow(x)))


@pytest.mark.parametrize("join", [torch.add, torch.maximum, lambda a, b: torch.cat([a, b], 1), torch.mul])
def test_branches_unite(join: Callable[[Tensor, Tensor], Tensor]) -> None:
    assert last(Branches(join)).field == (Field(7, 1, -3),) * 2


class Channels(nn.Module):
    """Channel shuffle, split and channels-last, as ShuffleNet and ConvNeXt have them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.dense, self.norm = nn.Conv2d(4, 4, 3), nn.Linear(4, 8), nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        left, right = x.chunk(2, dim=1)
        x = torch.cat([right, left], 1).permute(0, 2, 3, 1)
        return self.norm(self.dense(x)).permute(0, 3, 1, 2).relu()


def test_reshaping_of_channels_leaves_the_field() -> None:
    assert last(Channels(), nn.Conv2d(8, 1, 3)).field == (Field(5, 1, 0),) * 2


class Gate(nn.Module):
    """Squeeze and excitation: each map is multiplied with a number made of the whole map."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.dense(x.mean((2, 3)))[:, :, None, None].sigmoid()


def test_a_gate_sees_everything_and_keeps_the_stride() -> None:
    row = last(nn.Conv2d(4, 4, 2, stride=2), Gate())
    assert (row.field_px, row.jump_px) == (16, 2)


def test_slices_padding_and_rows_of_patches() -> None:
    class Every(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.pad(x[:, :, 1::3, ::2], (2, 0, 1, 0))

    assert last(Every()).field == (Field(1, 3, 1 - 3), Field(1, 2, -2 * 2))


def test_attention_sees_everything() -> None:
    class Tokens(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            tokens = x.flatten(2).transpose(1, 2)
            return F.scaled_dot_product_attention(tokens, tokens, tokens)

    assert last(nn.Conv2d(4, 4, 2, stride=2), Tokens()).field_px == 16


def test_writing_in_parts_is_not_lost() -> None:
    class Nails(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            made = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
            made[:, :, ::2, ::2] = x
            return made + 1

    assert last(Nails()).field_px >= 1


def test_dropped_pixels() -> None:
    assert last(nn.Conv2d(4, 4, 3, stride=3), size=(4, 7, 7)).dropped == (1, 1)
    assert last(nn.MaxPool2d(2), size=(4, 7, 8)).dropped == (1, 0)
    assert last(nn.MaxPool2d(2, ceil_mode=True), size=(4, 7, 8)).dropped_px == 0
    assert last(nn.ReLU()).dropped_px == 0


def test_pooling_rounded_up_on_maps_smaller_than_its_window() -> None:
    row = last(nn.MaxPool2d(3, stride=2, ceil_mode=True), size=(4, 2, 2))
    assert (row.out_shape, row.dropped_px) == ((1, 4, 1, 1), 0)
    model = blueprint(lambda: create_model("googlenet_tv"))
    assert [row for row in summarize(model, (20, 20)).rows if row.out_shape][-1].out_shape == (1, 1000)
