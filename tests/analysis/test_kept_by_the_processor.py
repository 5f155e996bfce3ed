"""What training keeps is forecast without numbers; here against what autograd really saves on real tensors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from striate.analysis.memory import Kept, kept_for_training
from striate.analysis.summary import summarize
from striate.meta.work_space import work_space_bytes

attention = F.scaled_dot_product_attention


class Heads(nn.Module):
    """4 heads of 8 numbers, and what is done with queries, keys and values."""

    def __init__(self, attend: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.attend, self.project = attend, nn.Linear(32, 96)

    def forward(self, x: Tensor) -> Tensor:
        parts = (part.view(*x.shape[:2], 4, 8).transpose(1, 2) for part in self.project(x).chunk(3, -1))
        return self.attend(*parts)


class First(nn.Module):
    """The first of what a layer gives back."""

    def __init__(self, layer: nn.Module, arguments: int = 1, **named: bool) -> None:
        super().__init__()
        self.layer, self.arguments, self.named = layer, arguments, named

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(*[x] * self.arguments, **self.named)[0]


class Autocast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(32, 64), nn.Linear(64, 32)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.narrow(F.gelu(self.wide(x)))


class Checkpointed(Autocast):
    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(nn.Sequential(self.wide, nn.GELU(), self.narrow), x, use_reentrant=False)


def lower(q: Tensor) -> Tensor:
    return torch.ones(10, 10, dtype=torch.bool, device=q.device).tril()


def mha(**options: float) -> First:
    return First(nn.MultiheadAttention(32, 4, batch_first=True, **options), 3, need_weights=False)


def after_conv(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(4, 8, 3), *layers)


SEQUENCE, MAPS = (10, 32), (4, 8, 8)
MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "attention": (lambda: Heads(attention), SEQUENCE),
    "causal": (lambda: Heads(lambda q, k, v: attention(q, k, v, is_causal=True)), SEQUENCE),
    "dropout of scores": (lambda: Heads(lambda q, k, v: attention(q, k, v, dropout_p=0.1)), SEQUENCE),
    "mask": (lambda: Heads(lambda q, k, v: attention(q, k, v, attn_mask=lower(q))), SEQUENCE),
    "mask of numbers": (lambda: Heads(lambda q, k, v: attention(q, k, v, attn_mask=lower(q).float())), SEQUENCE),
    "learned mask": (lambda: Heads(lambda q, k, v: attention(q, k, v, attn_mask=q @ k.transpose(2, 3))), SEQUENCE),
    "three dimensions": (lambda: Heads(lambda q, k, v: attention(q[:, 0], k[:, 0], v[:, 0])), SEQUENCE),
    "narrow keys": (lambda: Heads(lambda q, k, v: attention(q[..., :4], k[..., :4], v)), SEQUENCE),
    "by hand": (lambda: Heads(lambda q, k, v: (q @ k.transpose(2, 3)).softmax(-1) @ v), SEQUENCE),
    "MultiheadAttention": (mha, SEQUENCE),
    "with weights": (lambda: First(nn.MultiheadAttention(32, 4, batch_first=True), 3), SEQUENCE),
    "with dropout": (lambda: mha(dropout=0.1), SEQUENCE),
    "encoder": (lambda: nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), SEQUENCE),
    "encoder without dropout": (lambda: nn.TransformerEncoderLayer(32, 4, 64, 0.0, batch_first=True), SEQUENCE),
    "LSTM with projection": (lambda: First(nn.LSTM(32, 16, batch_first=True, proj_size=8)), SEQUENCE),
    "GRU": (lambda: First(nn.GRU(32, 16, batch_first=True)), SEQUENCE),
    "RNN": (lambda: First(nn.RNN(32, 16, batch_first=True)), SEQUENCE),
    "autocast": (Autocast, SEQUENCE),
    "checkpoint": (Checkpointed, SEQUENCE),
    "norms of tokens": (lambda: nn.Sequential(nn.Linear(32, 32), nn.LayerNorm(32), nn.RMSNorm(32)), SEQUENCE),
    "cumulative batch norm": (lambda: after_conv(nn.BatchNorm2d(8, momentum=None), nn.ReLU()), MAPS),
    "group norm": (lambda: after_conv(nn.GroupNorm(2, 8), nn.LocalResponseNorm(3)), MAPS),
    "instance norm": (lambda: after_conv(nn.InstanceNorm2d(8, affine=True, track_running_stats=True)), MAPS),
    "activations": (lambda: after_conv(nn.GELU(), nn.SiLU(), nn.Mish(), nn.PReLU(), nn.RReLU(), nn.ELU()), MAPS),
    "dropouts": (lambda: after_conv(nn.Dropout2d(), nn.AlphaDropout(0.2)), MAPS),
    "poolings": (lambda: after_conv(nn.AdaptiveMaxPool2d(4), nn.FractionalMaxPool2d(2, output_size=2)), MAPS),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 8, 3)), MAPS),
    "spectral norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 8, 3)), MAPS),
}


def saved(model: nn.Module, images: Tensor) -> int:
    """Bytes of the storages that really wait for the backward pass, weights and buffers left out."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    storages: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        model.train()(images)
    return sum(storage.nbytes() for pointer, storage in storages.items() if pointer not in own)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("name", MODULES)
def test_kept_is_what_the_processor_saves(name: str) -> None:
    build, shape = MODULES[name]
    model = build()
    kept = kept_for_training(model, shape)
    assert [kept.at(batch) for batch in (2, 3)] == [saved(model, torch.randn(batch, *shape)) for batch in (2, 3)]


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "dropout": 0.5}, {"bidirectional": True}, {"bias": False}])
def test_lstm_keeps_the_work_space_of_onednn(options: dict[str, float]) -> None:
    model = First(nn.LSTM(32, 64, batch_first=True, **options))
    kept, real = kept_for_training(model, SEQUENCE), saved(model, torch.randn(64, *SEQUENCE))
    assert kept.at(64) == pytest.approx(real, rel=0.05)  # oneDNN rounds up to pages


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
def test_work_space_grows_with_the_steps() -> None:
    few, many = (work_space_bytes(steps, 32, 64, torch.float32) for steps in (10, 40))
    assert 0 < 3 * few < many < 5 * few


def test_without_numbers_an_lstm_is_the_same() -> None:
    model = First(nn.LSTM(8, 8, batch_first=True))
    with torch.device("meta"):
        blueprint = First(nn.LSTM(8, 8, batch_first=True))
    assert summarize(blueprint, (4, 8)).kept == summarize(model, (4, 8)).kept


def test_inference_of_attention_does_not_hold_the_scores() -> None:
    """Fused attention of 512 tokens needs no 4 x 512 x 512 scores, which would be 4 MB."""
    tokens = 512
    assert summarize(Heads(attention), (tokens, 32)).peak_bytes < 4 * tokens * (32 + 3 * 96)


def test_frozen_attention_keeps_nothing() -> None:
    assert kept_for_training(Heads(attention).requires_grad_(False), SEQUENCE) == Kept(0, 0)
