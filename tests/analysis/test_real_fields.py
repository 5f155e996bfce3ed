"""Receptive fields said of a trace, against what changing single pixels shows: never smaller, equal where it can be.

`EQUAL` are said exactly; `COVERED` may be said too large, as everything or as what the next simpler rule gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from striate.analysis.summary import summarize
from striate.layers import BedOfNailsUnpool, LocallyConnected2d, NearestUnpool
from striate.ops.windows import receptive_field

C = 4  # channels
CHANGES = (0.7, 40.0)  # small ones for what saturates, large ones that win every maximum


def positive(model: nn.Module, seed: int = 0) -> nn.Module:
    """Weights of 0.2 to 1 in double precision: nothing cancels, nothing is cut off by a ReLU."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.double().eval().parameters():
        parameter.data = 0.2 + 0.8 * torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
    return model


def changed(model: nn.Module, size: tuple[int, ...], pictures: int = 2) -> Tensor:
    """(pixels, elements): which elements of the output change with which pixel, whatever its channel."""
    generator = torch.Generator().manual_seed(1)
    rows = []
    with torch.no_grad():
        for _ in range(pictures):
            picture = 0.5 + torch.rand(1, *size, generator=generator, dtype=torch.float64)
            before = model(picture).flatten()
            rows.append(
                torch.stack([_differs(model, picture, before, pixel) for pixel in range(picture[0, 0].numel())])
            )
    return torch.stack(rows).any(0)


def _differs(model: nn.Module, picture: Tensor, before: Tensor, pixel: int) -> Tensor:
    made = []
    for change in CHANGES:
        other = picture.clone()
        other.view(*picture.shape[:2], -1)[:, :, pixel] += change
        made.append((model(other).flatten() - before).abs() > 1e-9 * (1 + before.abs()))
    return torch.stack(made).any(0)


def real_field(model: nn.Module, size: tuple[int, ...], *, goes_round: bool = False) -> tuple[int, ...]:
    """Pixels from the first to the last that one element sees, at most, along each axis of the picture.

    goes_round: the picture has no edge, so its two ends are neighbours.
    """
    seen = changed(positive(model), size)
    axes = size[1:]
    seen = seen.reshape(*axes, -1)
    return tuple(
        max(
            _extent(line, goes_round)
            for line in seen.any(tuple(other for other in range(len(axes)) if other != axis)).T
        )
        for axis in range(len(axes))
    )


def _extent(seen: Tensor, goes_round: bool) -> int:
    places = seen.nonzero().flatten().tolist()
    if not places:
        return 0
    if not goes_round:
        return int(places[-1] - places[0] + 1)
    gaps = [(after - before - 1) % len(seen) for before, after in zip(places, places[1:] + places[:1], strict=True)]
    return len(seen) - (max(gaps) if len(places) > 1 else len(seen) - 1)


class Do(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Tensor], *layers: nn.Module, weight: tuple[int, ...] = (C, C)) -> None:
        super().__init__()
        self.function, self.before = function, nn.Sequential(*layers)
        self.weight = nn.Parameter(torch.zeros(weight))

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        return self.function(x, self.weight) if self.function.__code__.co_argcount == 2 else self.function(x)


def conv(kernel: Any, stride: Any = 1, padding: Any = 0, **more: Any) -> nn.Conv2d:
    return nn.Conv2d(C, C, kernel, stride, padding, **more)


def conv1(kernel: int, stride: int = 1, padding: int = 0, **more: Any) -> nn.Conv1d:
    return nn.Conv1d(C, C, kernel, stride, padding, **more)


def said(model: nn.Module, size: tuple[int, ...]) -> tuple[float, ...]:
    rows = [row for row in summarize(model, size).rows if row.out_shape]
    return tuple(float(field.size_px) for field in rows[-1].field)


def written(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :, 1:] += x[:, :, :-1]
    return y


def interleaved(x: Tensor) -> Tensor:
    y = x.new_zeros(*x.shape[:2], 2 * x.shape[2])
    y[:, :, ::2], y[:, :, 1::2] = x, 2 * x
    return y


def bordered(x: Tensor) -> Tensor:
    y = x.new_zeros(*x.shape[:2], x.shape[2] + 4)
    y[:, :, 2:-2] = x
    return y


def patches(x: Tensor, weight: Tensor) -> Tensor:
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 1, 3, 5).reshape(n, (h // 4) * (w // 4), c * 16)
    return x @ weight


def window_attention(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // 3, 3, w // 3, 3).permute(0, 2, 4, 3, 5, 1).reshape(n * (h // 3) * (w // 3), 9, c)
    return ((x @ x.transpose(1, 2)).softmax(-1) @ x).reshape(n, h // 3, w // 3, 3, 3, c)


def by_hand_shuffle(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.reshape(n, c // 4, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c // 4, 2 * h, 2 * w)


def space_to_depth(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


def up(scale: float, mode: str = "nearest", **more: Any) -> nn.Module:
    return nn.Upsample(scale_factor=scale, mode=mode, **more)


def gate(x: Tensor, weight: Tensor) -> Tensor:
    return x * (x.mean((2, 3)) @ weight)[:, :, None, None]


LINE, SQUARE = (C, 24), (C, 12, 12)
EQUAL: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    # enlarging, then a window
    "nearest by 4, 3x3": (nn.Sequential(conv(4, 4), up(4), conv(3)), (C, 20, 20)),
    "nearest by 4 of fields of 7, 3x3": (nn.Sequential(conv1(7, 4, 3), up(4), conv1(3)), (C, 44)),
    "bilinear by 4, 3x3": (nn.Sequential(conv1(7, 4, 3), up(4, "linear"), conv1(3)), (C, 60)),
    "transposed 2x2, 2x2": (nn.Sequential(nn.ConvTranspose2d(C, C, 2, 2), conv(2)), (C, 6, 6)),
    "transposed 4, padding 1": (nn.Sequential(conv1(2, 2), nn.ConvTranspose1d(C, C, 4, 2, 1), conv1(3)), LINE),
    "transposed with holes": (nn.Sequential(nn.ConvTranspose1d(C, C, 2, 3), conv1(3)), (C, 9)),
    "transposed dilated": (nn.Sequential(nn.ConvTranspose1d(C, C, 3, 2, dilation=3), conv1(3)), (C, 9)),
    "nearest by 1.5": (nn.Sequential(conv1(2, 2), up(1.5), conv1(2)), LINE),
    "bilinear, corners": (nn.Sequential(conv1(2, 2), up(3, "linear", align_corners=True), conv1(3)), (C, 16)),
    "bilinear down": (nn.Sequential(up(0.5, "linear"), conv1(3)), LINE),
    "bilinear by 3": (nn.Sequential(conv1(2, 2), up(3, "linear"), conv1(2)), LINE),
    "bicubic": (nn.Sequential(conv(2, 2), up(2, "bicubic"), conv(3)), (C, 20, 20)),
    "nearest, twice": (nn.Sequential(conv1(2, 2), up(2), conv1(3, 2, 1), up(2), conv1(3)), (C, 32)),
    "adaptive, uneven": (nn.Sequential(nn.AdaptiveAvgPool1d(5), conv1(2)), (C, 12)),
    "pixel shuffle": (nn.Sequential(conv(2, 2), nn.PixelShuffle(2), nn.Conv2d(1, 1, 3)), SQUARE),
    "pixel shuffle by hand": (nn.Sequential(conv(2, 2), Do(by_hand_shuffle), nn.Conv2d(1, 1, 3)), SQUARE),
    "space to depth": (nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * C, 1, 2)), SQUARE),
    "space to depth by hand": (nn.Sequential(Do(space_to_depth), nn.Conv2d(4 * C, 1, 2)), SQUARE),
    "nearest unpool": (nn.Sequential(conv(2, 2), NearestUnpool(2), conv(3)), SQUARE),
    "bed of nails": (nn.Sequential(conv(2, 2), BedOfNailsUnpool(2), conv(2)), SQUARE),
    "locally connected": (nn.Sequential(LocallyConnected2d(C, C, (12, 12), 3), conv(2)), SQUARE),
    # statistics of the whole picture
    "group norm": (nn.Sequential(conv(3), nn.GroupNorm(2, C)), SQUARE),
    "instance norm": (nn.Sequential(conv(3), nn.InstanceNorm2d(C)), SQUARE),
    "instance norm, affine": (nn.Sequential(conv1(3), nn.InstanceNorm1d(C, affine=True)), LINE),
    "layer norm over all": (nn.LayerNorm(SQUARE), SQUARE),
    "layer norm over the width": (nn.LayerNorm(12), SQUARE),
    "layer norm over channels": (Do(lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (C,)), conv(3)), SQUARE),
    "batch norm without statistics": (nn.BatchNorm2d(C, track_running_stats=False), SQUARE),
    "batch norm": (nn.Sequential(conv(3), nn.BatchNorm2d(C), nn.ReLU(), conv(2)), SQUARE),
    "rms norm over the width": (nn.RMSNorm(12), SQUARE),
    "softmax over the width": (nn.Softmax(-1), SQUARE),
    "softmax over channels": (nn.Sequential(conv(3), nn.Softmax(1)), SQUARE),
    "cumulative sum": (Do(lambda x: x.cumsum(2)), SQUARE),
    "normalised over channels": (Do(lambda x: F.normalize(x, dim=1), conv(3)), SQUARE),
    "gate": (Do(gate, conv(2, 2)), SQUARE),
    # reshaping
    "lines": (nn.Sequential(conv1(5, 2), nn.AvgPool1d(2), conv1(3)), (C, 31)),
    "pooling of lines": (nn.MaxPool1d(2), (C, 12)),
    "an axis of length one": (Do(lambda x: x.unsqueeze(2).reshape(1, C, 1, -1).squeeze(2), conv1(3)), LINE),
    "one, flattened and back": (Do(lambda x: x[:, :, None].flatten(1, 2).unflatten(1, (C, 1)), conv1(3)), LINE),
    "tokens": (Do(lambda x: x.flatten(2).transpose(1, 2), conv(4, 4)), SQUARE),
    "tokens, dense": (Do(lambda x, w: x.flatten(2).transpose(1, 2) @ w, conv(4, 4)), SQUARE),
    "patches": (Do(patches, weight=(C * 16, 3)), SQUARE),
    "attention in windows": (Do(window_attention), SQUARE),
    "channels last": (Do(lambda x, w: (x.permute(0, 2, 3, 1) @ w).permute(0, 3, 1, 2), conv(3)), SQUARE),
    "turned": (nn.Sequential(Do(lambda x: x.transpose(2, 3), conv((3, 1))), conv((1, 2))), SQUARE),
    # moving
    "slices": (Do(lambda x: x[:, :, 1::3, :-2], conv(3)), SQUARE),
    "selected row": (Do(lambda x: x[:, :, 3], conv(3)), SQUARE),
    "split along the picture": (Do(lambda x: torch.add(*x.chunk(2, 2)), conv(3)), SQUARE),
    "unbound": (Do(lambda x: torch.stack(x.unbind(2)[:2], 2).sum(2)), SQUARE),
    "flip": (nn.Sequential(Do(lambda x: x.flip(2), conv((3, 2))), conv(2)), SQUARE),
    "with its mirror image": (Do(lambda x: x + x.flip(2)), SQUARE),
    "written into a slice": (Do(written, conv1(3)), LINE),
    "interleaved": (nn.Sequential(Do(interleaved), conv1(3)), LINE),
    "zeros around": (nn.Sequential(Do(bordered), conv1(3)), LINE),
    "repeated": (nn.Sequential(Do(lambda x: x.repeat_interleave(3, 2)), conv1(4)), (C, 9)),
    "tiled": (nn.Sequential(Do(lambda x: x.repeat(1, 1, 2)), conv1(3)), LINE),
    "reflection": (nn.Sequential(conv1(3, padding=2, padding_mode="reflect"), conv1(3, 2)), LINE),
    "replication": (nn.Sequential(conv(3, padding=2, padding_mode="replicate"), conv(2)), SQUARE),
    "zero padding": (nn.Sequential(nn.ZeroPad2d((1, 2, 0, 1)), conv(3), conv(2, 2)), SQUARE),
    # products
    "einsum": (Do(lambda x, w: torch.einsum("bchw,cd->bdhw", x, w), conv(3)), SQUARE),
    "einsum over the width": (Do(lambda x, w: torch.einsum("bchw,wd->bchd", x, w), weight=(12, 5)), SQUARE),
    "unfold": (Do(lambda x, w: w @ F.unfold(x, 3, stride=2), weight=(2, 9 * C)), SQUARE),
    "sliding view": (Do(lambda x: x.unfold(2, 4, 2).sum(-1)), LINE),
    "attention": (Do(lambda x: F.scaled_dot_product_attention(x, x, x)), SQUARE),
    "max unpool": (Do(lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)), SQUARE),
    "filters of the picture": (Do(lambda x: F.conv2d(x, x[:, :, :3, :3])), (C, 6, 6)),
    "concatenated channels": (Do(lambda x: torch.cat([x, F.max_pool2d(x, 3, 1, 1)], 1), conv(2)), SQUARE),
    "two scales": (Do(lambda x: x + F.interpolate(F.avg_pool2d(x, 4), scale_factor=4), conv(2, 2)), (C, 16, 16)),
    "gated linear unit": (Do(lambda x: F.glu(x, 1), conv(3)), SQUARE),
    "pooled to one, then up": (Do(lambda x: F.interpolate(F.adaptive_avg_pool2d(x, 1), size=(12, 12))), SQUARE),
    "rounded up": (nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), conv(2)), (C, 13, 13)),
}
COVERED: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "flattened": (nn.Sequential(conv(3), nn.Flatten()), SQUARE),
    "unfold and fold": (Do(lambda x: F.fold(F.unfold(x, 3), (12, 12), 3)), SQUARE),
    "sorted": (Do(lambda x: x.sort(2)[0]), SQUARE),
    "spectrum": (Do(lambda x: torch.fft.rfft2(x).real), SQUARE),
    "grid sample": (Do(lambda x: F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1) - 1, align_corners=False)), SQUARE),
    "gathered": (Do(lambda x: x.gather(2, (3 * x).long() % 12)), SQUARE),
    "picked rows": (Do(lambda x: x[:, :, [0, 2, 1]], conv(3)), SQUARE),
    "cat along the picture": (Do(lambda x: torch.cat([x, x.flip(2)], 2), conv(3)), SQUARE),
    "written rows": (Do(lambda x: torch.stack([x[:, :, i] * x[:, :, 5] for i in range(6)], 2)), SQUARE),
    "distances": (Do(lambda x: torch.cdist(x, x)), SQUARE),
    "put by index": (Do(lambda x: x.clone().index_put((torch.tensor([0]), torch.tensor([1])), x[0, 2])), SQUARE),
    "unpooled elsewhere": (Do(lambda x: F.max_unpool2d(x, (7 * x).long() % 100, 2)), (C, 6, 6)),
    "normal unpool, overlapping": (
        Do(lambda x: F.max_unpool2d(*F.max_pool2d(x, 3, 2, return_indices=True), 3, 2)),
        (C, 11, 11),
    ),
    "antialiased": (Do(lambda x: F.interpolate(x, scale_factor=0.4, mode="bilinear", antialias=True)), SQUARE),
    "local response": (nn.LocalResponseNorm(3), SQUARE),
}
ROUND: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "circular": (nn.Sequential(conv(3, padding=1, padding_mode="circular"), conv(3)), SQUARE),
    "circular, twice": (nn.Sequential(*(conv1(3, padding=1, padding_mode="circular") for _ in range(2))), LINE),
    "circular after a stride": (nn.Sequential(conv1(2, 2), conv1(3, padding=1, padding_mode="circular")), LINE),
    "circular after losing pixels": (nn.Sequential(conv1(3), conv1(3, padding=1, padding_mode="circular")), LINE),
    "roll": (Do(lambda x: x.roll(5, 2), conv((3, 2))), SQUARE),
    "roll, then a window": (nn.Sequential(Do(lambda x: x.roll((1, -2), (2, 3))), conv(3)), SQUARE),
    "with its rolled self": (Do(lambda x: x + x.roll(-2, 2)), LINE),
    "roll after losing pixels": (Do(lambda x: x + x.roll(1, 2), conv1(4)), LINE),
}


@pytest.mark.parametrize("name", EQUAL)
def test_field_is_what_is_seen(name: str) -> None:
    model, size = EQUAL[name]
    assert said(model, size) == real_field(model, size)


@pytest.mark.parametrize("name", COVERED)
def test_field_is_not_smaller_than_what_is_seen(name: str) -> None:
    model, size = COVERED[name]
    assert all(mine >= real for mine, real in zip(said(model, size), real_field(model, size), strict=True))


@pytest.mark.parametrize("name", ROUND)
def test_a_picture_that_goes_round_has_no_edge(name: str) -> None:
    model, size = ROUND[name]
    assert said(model, size) == real_field(model, size, goes_round=True)


PIECES: list[Callable[[], nn.Module]] = [
    *(lambda w=w: conv1(*w) for w in ((2, 2, 0), (3, 1, 1), (3, 2, 1), (4, 3, 2), (1, 2, 0), (3, 1, 0))),
    lambda: conv1(2, dilation=3, padding=2),
    *(lambda mode=mode: conv1(3, padding=1, padding_mode=mode) for mode in ("reflect", "replicate")),
    lambda: nn.MaxPool1d(3, 2, 1, ceil_mode=True),
    lambda: nn.AvgPool1d(2, ceil_mode=True),
    lambda: nn.AdaptiveAvgPool1d(5),
    *(lambda w=w: nn.ConvTranspose1d(C, C, *w) for w in ((2, 2, 0), (4, 2, 1), (1, 3, 0), (3, 1, 1))),
    *(lambda f=f, m=m: up(f, m) for f, m in ((2, "nearest"), (3, "linear"), (1.5, "nearest"), (0.6, "linear"))),
    lambda: up(2, "linear", align_corners=True),
    lambda: nn.ConstantPad1d((2, -1), 0.0),
    lambda: Do(lambda x: x[:, :, 1::2]),
    lambda: Do(lambda x: x.flip(2)),
    lambda: Do(lambda x: x + x.flip(2)),
    lambda: Do(written),
    lambda: Do(interleaved),
    lambda: Do(bordered),
    lambda: Do(lambda x: x[:, :, :-1] + x[:, :, 1:]),
    lambda: Do(lambda x: x + F.max_pool1d(x, 3, 1, 1)),
    lambda: Do(lambda x: x + F.interpolate(F.avg_pool1d(x, 2), size=x.shape[2])),
    lambda: Do(lambda x: torch.cat([x[:, :2], x.roll(0, 2)[:, 2:]], 1)),
    lambda: Do(lambda x: x.repeat_interleave(2, 2)),
    lambda: Do(lambda x: x[:, :, : x.shape[2] // 2 * 2].reshape(1, C, -1, 2).sum(3)),
    lambda: Do(lambda x: x[:, :, : x.shape[2] // 2 * 2].reshape(1, C, 2, -1).sum(2)),
    lambda: Do(lambda x: x.unfold(2, 2, 1).sum(3)),
    lambda: Do(lambda x: x[:, :, None].flatten(1, 2)),
    lambda: nn.GroupNorm(1, C),
    lambda: nn.LocalResponseNorm(2),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(PIECES) - 1), min_size=1, max_size=4), st.integers(7, 21))
def test_field_of_any_chain_is_not_smaller_than_what_is_seen(picked: list[int], length: int) -> None:
    model, size = nn.Sequential(*(PIECES[number]() for number in picked)), (C, length)
    try:
        assume(positive(model)(torch.ones(1, *size, dtype=torch.float64)).numel())
    except (RuntimeError, ValueError):  # nothing is left of so short a picture
        assume(False)
    assert said(model, size) >= real_field(model, size)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)), min_size=1, max_size=3
    )
)
def test_field_of_plain_windows_is_the_literature_s_and_what_is_seen(windows: list[tuple[int, int, int, int]]) -> None:
    field = receptive_field(windows)
    size = (C, 2 * int(field.size_px) + 2 * int(field.jump_px))
    model = nn.Sequential(
        *(conv1(kernel, stride, padding, dilation=dilation) for kernel, stride, padding, dilation in windows)
    )
    row = summarize(model, size).rows[-1]
    assert row.field == (field,)
    assert real_field(model, size) == (field.size_px,)


def test_headline_is_of_maps_and_of_what_follows_when_tracking_is_lost() -> None:
    head = nn.Sequential(conv(3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(C, 5))
    assert summarize(head, SQUARE).field_px == 3  # the head averages the map
    encoder = nn.TransformerEncoderLayer(C, 2, 8, batch_first=True)
    tokens = Do(lambda x: x.flatten(2).transpose(1, 2), conv(4, 4))
    assert summarize(nn.Sequential(tokens), SQUARE).field_px == 4
    assert summarize(nn.Sequential(tokens, encoder), SQUARE).field_px == 12
    attention = nn.Sequential(tokens, Do(lambda x: F.scaled_dot_product_attention(x, x, x)))
    assert summarize(attention, SQUARE).field_px == 12
    unknown = nn.Sequential(conv(3), Do(lambda x: torch.fft.rfft2(x).real))
    assert summarize(unknown, SQUARE).field_px == 12
    decoder = nn.Sequential(head, nn.Linear(5, 4 * C), nn.Unflatten(1, (C, 2, 2)), nn.ConvTranspose2d(C, C, 2, 2))
    assert summarize(decoder, SQUARE).field_px == 12  # a map again, each place of which sees what the vector saw
