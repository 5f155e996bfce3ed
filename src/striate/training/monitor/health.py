"""The vital signs of a network in training: gradients, updates, dead units, answers to pictures as they are.

They are taken seldom, and looking changes nothing: no weight, no statistic, no random number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from striate.analysis.calls import Forward, evaluating, wrapped_calls
from striate.answers.classes import CLASSIFICATION
from striate.core.records import Preprocess
from striate.data.batches import Batch
from striate.data.targets.classes import ClassBatch
from striate.models import Network
from striate.runtime.runtime import Runtime
from striate.tasks.task import Task

SAMPLED_WEIGHTS = 100_000  # of a layer; enough for two digits of a norm
RECTIFIERS = {torch.ops.aten.relu.default, torch.ops.aten.relu_.default}


@dataclass(frozen=True)
class LayerUpdateStats:
    """One weight tensor in one step. gradient, update: their norms over the norm of the weights."""

    path: str
    gradient: float
    update: float


@dataclass
class UpdateStats:
    """What one update did. grad_norm: L2 norm over all gradients. layers: from the pictures on, biases left out."""

    grad_norm: float = math.nan
    layers: list[LayerUpdateStats] = field(default_factory=list)

    @property
    def update_ratio(self) -> float:
        """Median of update over weight, over the layers that a gradient reached (drop-path leaves some out)."""
        moved = [layer.update for layer in self.layers if layer.gradient]
        return median(moved) if moved else 0.0


@dataclass(frozen=True)
class ActivationStats:
    """A network's answers to some training pictures, unvaried and in evaluation mode.

    correct, pictures: correct answers, out of. labels: different classes among the pictures. top_share: share of the
    answer given most often. units, dead: ReLU channels, and those that were zero everywhere in every picture, by layer.
    """

    correct: int
    pictures: int
    labels: int
    top_share: float
    units: dict[str, int]
    dead: dict[str, int]

    @property
    def dead_share(self) -> float:
        """Share of all ReLU channels that are dead, 0..1; 0 where there are none."""
        return sum(self.dead.values()) / max(1, sum(self.units.values()))


class UpdateStatsHook:
    """Looks at the gradients and weights of an optimiser in those of its steps for which `is_due` says so.

    update_stats: of the newest such step; None before there is one.
    """

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer, is_due: Callable[[], bool]) -> None:
        own = {parameter for group in optimizer.param_groups for parameter in group["params"]}
        self.named = [(name, p) for name, p in network.named_parameters() if p in own]
        self.weights = [(name.rpartition(".")[0] or name, p) for name, p in self.named if p.dim() > 1]
        self.is_due = is_due
        self.update_stats: UpdateStats | None = None
        self._before: list[Tensor] = []
        optimizer.register_step_pre_hook(self._note_gradients)
        optimizer.register_step_post_hook(self._note_updates)

    def _note_gradients(self, *_: Any) -> None:
        if not self.is_due():
            return
        gradients = [p.grad for _, p in self.named if p.grad is not None]
        norms = torch.stack(torch._foreach_norm(gradients)) if gradients else torch.zeros(1)
        norm = float(norms.float().norm())
        if not math.isfinite(norm):  # a step of fp16 that will be left out; elsewhere the loss tells it
            return
        self.update_stats = UpdateStats(norm)
        self._before = [sample(p).clone() for _, p in self.weights]

    def _note_updates(self, *_: Any) -> None:
        if self.update_stats is None or not self._before:
            return
        self.update_stats.layers = [
            LayerUpdateStats(path, _over(0 if p.grad is None else sample(p.grad), old), _over(sample(p) - old, old))
            for (path, p), old in zip(self.weights, self._before, strict=True)
            if old.any()  # nothing can be told in shares of zero
        ]
        self._before = []


def sample(tensor: Tensor) -> Tensor:
    """Every n-th row of a tensor, so that about 100,000 numbers remain; a view.

    >>> sample(torch.zeros(4096, 1000)).shape
    torch.Size([103, 1000])
    """
    return tensor.detach()[:: max(1, tensor.numel() // SAMPLED_WEIGHTS)]


def _over(change: Tensor | int, weights: Tensor) -> float:
    return float(torch.as_tensor(change).float().norm()) / float(weights.float().norm())


@torch.inference_mode()
def activation_stats(
    task: Task, network: Network, batch: Batch, preprocess: Preprocess, runtime: Runtime
) -> ActivationStats:
    """Ask a network about some training pictures and look at its ReLUs on the way."""
    watcher = _Rectifiers()
    with evaluating(network), wrapped_calls(network, watcher.followed), watcher:
        output = task.predict(network, batch.pictures, preprocess, runtime)
    alive = {path: torch.cat(seen) for path, seen in watcher.alive.items()}
    correct, different, top_share = 0, 0, 0.0
    if task.name == CLASSIFICATION and isinstance(batch.targets, ClassBatch):
        answers, labels = output.argmax(1), batch.targets.labels
        correct, different = int((answers == labels).sum()), len(labels.unique())  # type: ignore[no-untyped-call]
        top_share = float(answers.bincount().max()) / len(answers)
    return ActivationStats(
        correct=correct,
        pictures=len(batch.indices),
        labels=different,
        top_share=top_share,
        units={path: flags.numel() for path, flags in alive.items()},
        dead={path: int((~flags).sum()) for path, flags in alive.items()},
    )


class _Rectifiers(TorchDispatchMode):
    """Notes which channels of each ReLU were above zero anywhere."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.alive: dict[str, list[Tensor]] = {}
        self.open: list[str] = []

    def followed(self, forward: Forward, path: str, kind: str, leaf: bool) -> Forward:
        """The forward function of a module, its path known while it runs."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self.open.append(path)
            try:
                return forward(*args, **kwargs)
            finally:
                self.open.pop()

        return call

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or torch imports its compiler, a second and more, only to keep it away from this mode

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in RECTIFIERS:
            others = [dimension for dimension in range(result.dim()) if dimension != 1]
            self.alive.setdefault(self.open[-1], []).append(result.amax(others) > 0)
        return result
