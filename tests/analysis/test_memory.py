"""Bytes that training keeps, against what autograd really saves; peak bytes, by hand and against living storages."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from striate.analysis.memory import Kept, kept_for_training, peak_bytes
from striate.analysis.summary import summarize
from striate.analysis.trace import trace
from striate.meta.weightless import blueprint
from striate.models import ZOO, Network, create_model

FLOAT = 4


def small(name: str) -> tuple[Network, tuple[int, int]]:
    """The network with memory, and the smallest pictures it takes; weights that are many are left as the memory was."""
    model = blueprint(lambda: create_model(name))
    size = model.preprocess.size if ZOO[name].__module__.endswith("perceptron") else (model.smallest_px,) * 2
    if sum(parameter.numel() for parameter in model.parameters()) < 100_000:
        return create_model(name), size
    return model.to_empty(device="cpu"), size


def saved_by_autograd(model: Network, images: Tensor) -> int:
    """Bytes of the storages that really wait for the backward pass, weights and buffers left out."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    saved: dict[int, int] = {}
    held = []

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        held.append(storage)
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        model.train().training_logits(images)
    return sum(size for pointer, size in saved.items() if pointer not in own)


@pytest.mark.parametrize("name", ZOO)
def test_kept_is_what_autograd_saves(name: str) -> None:
    model, size = small(name)
    torch.manual_seed(0)
    kept = kept_for_training(model, (model.in_channels, *size))
    for batch in (2, 3):
        torch.manual_seed(0)
        saved = saved_by_autograd(model, torch.zeros(batch, model.in_channels, *size))
        assert abs(kept.at(batch) - saved) <= 0.05 * saved


def test_kept_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10)
    )
    picture, maps, pooled = 3 * 8 * 8, 8 * 8 * 8, 8 * 4 * 4
    indices = 8 * pooled  # int64
    # the convolution keeps the picture, batch norm its input, ReLU its output (which max pooling keeps too), max
    # pooling its indices, the dense layer its input; batch norm a mean and a deviation per map
    per_picture = FLOAT * (picture + maps + maps + pooled) + indices
    assert kept_for_training(model, (3, 8, 8)) == Kept(per_picture, FLOAT * 2 * 8)


def test_one_picture_and_a_batch() -> None:
    cost = summarize(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 4)), (6,))
    assert cost.kept is not None
    assert cost.saved_bytes == cost.kept.at(1) == FLOAT * (6 + 5 + 5) + FLOAT * 2 * 5
    assert cost.kept.at(10) == 10 * FLOAT * (6 + 5 + 5) + FLOAT * 2 * 5
    assert cost.parameter_bytes == FLOAT * (6 * 5 + 5 + 2 * 5 + 5 * 4 + 4)


def test_frozen_weights_keep_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3)).requires_grad_(False)
    assert summarize(model, (3, 8, 8)).saved_bytes == 0


def test_network_that_needs_targets_in_training_is_counted_all_the_same() -> None:
    class Detector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x: Tensor, targets: Any = None) -> Tensor:
            if self.training and targets is None:
                raise ValueError("targets should not be none when in training mode")
            return self.conv(x)

    cost = summarize(Detector(), (3, 8, 8))
    assert cost.saved_bytes is None and cost.macs == 8 * 27 * 36
    assert "training keeps unknown per picture" in str(cost)


def test_peak_by_hand() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1), nn.Flatten())
    picture, first, second = 3 * 64, 8 * 64, 4 * 64
    assert peak_bytes(trace(model, (1, 3, 8, 8))) == FLOAT * max(picture + first, first + first, first + second)
    model[1] = nn.ReLU(inplace=True)
    assert peak_bytes(trace(model, (1, 3, 8, 8))) == FLOAT * (first + second)


def test_peak_of_a_shortcut() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.conv(x)) + x

    assert peak_bytes(trace(Residual(), (1, 4, 8, 8))) == FLOAT * 3 * 4 * 64  # shortcut, input, output


class Living(TorchDispatchMode):
    """Adds up the storages that operators make, as long as Python holds them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(
        self, operator: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = operator(*args, **(kwargs or {}))
        given = {tensor.untyped_storage()._cdata for tensor in tree_leaves(args) if isinstance(tensor, Tensor)}
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in given | self.known:
                self.born(tensor.untyped_storage())
        return made

    def born(self, storage: torch.UntypedStorage) -> None:
        number, size = storage._cdata, storage.nbytes()
        self.known.add(number)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self.died, number, size)

    def died(self, number: int, size: int) -> None:
        self.known.discard(number)
        self.now -= size


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "vgg11", "resnet18", "resnet20", "densenet40_12", "googlenet"])
def test_peak_is_below_what_python_holds_and_near_it(name: str) -> None:
    """Python holds a tensor until its name is used anew, so at least what is still to be read."""
    with torch.device("meta"):
        model = create_model(name).eval()
        run = trace(model, (1, model.in_channels, *model.preprocess.size))
        with torch.no_grad(), Living() as living:
            model(torch.empty(run.image.shape))
    assert peak_bytes(run) <= living.peak + run.image.memory_bytes
    assert peak_bytes(run) >= 0.5 * living.peak


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda: create_model("resnet20"), (3, 32, 32)),
        (lambda: create_model("lenet5"), (1, 32, 32)),
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 1), (64, 32)),
        (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()), (3, 16, 16)),
    ],
)
def test_peak_is_a_lower_bound_of_what_torch_takes(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    model, image = build().eval(), torch.zeros(1, *shape)
    with torch.no_grad(), torch.profiler.profile(profile_memory=True) as run:
        model(image)
    events = sorted(run.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    taken = accumulate(event.nbytes() for event in events if event.name() == "[memory]")
    assert 0 < summarize(model, shape).peak_bytes <= max(taken) + FLOAT * image.numel()
