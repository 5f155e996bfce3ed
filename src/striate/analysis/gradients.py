"""Are the gradients right? Analytic ones against numeric ones, layer by layer, in 64-bit numbers.

The numeric derivative is the centred difference (f(x + h) - f(x - h)) / 2h, the measure of disagreement is
|a - n| / max(|a|, |n|), as lectures teach it (Stanford CS231n, "Neural networks 3", gradient checks).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

import torch
from torch import Tensor, nn

from striate.core.bounds import ENTRIES, require_within
from striate.core.errors import StriateError
from striate.core.units import counted
from striate.models import Network
from striate.ops.threads import threads_left_by_others

STEPS = (1e-6, 1e-5, 1e-4, 1e-7)  # a right gradient agrees at one of them; each has another share of rounding and bends
TOLERANCE = 1e-5
LARGEST_ERROR = 2.0  # the measure's own end; also of a gradient that is not finite
ROUNDING = 1e-13  # of the loss: what a forward pass may be off by
TRIES_AT_KINKS = 3
PICTURES = 4
SMALLEST_SIDE_PX = 8

Progress = Callable[[int, int], None]
Verdict = Literal["right", "wrong", "kinks", "too small", "unused"]


@dataclass(frozen=True)
class LayerCheck:
    """The gradients of one layer's parameters, or of the pictures.

    path, kind: of the module; the pictures are "input". entries: derivatives that were compared. worst: the largest
    relative error among them; None where there was none to compare. kinks: entries left out because a ReLU or a maximum
    changes sides there, so that there is no derivative. verdict: "kinks" when all entries were left out, "too small"
    when all are lost in rounding, as those of a bias before batch norm; "unused" when no gradient reaches the layer and
    the loss does not depend on it; where it does, as past a forgotten `detach`, the gradient is wrong.
    """

    path: str
    kind: str
    entries: int
    worst: float | None
    kinks: int
    verdict: Verdict


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradients` found, from the pictures to the answers."""

    network: str
    images: tuple[int, ...]
    rows: tuple[LayerCheck, ...]

    @property
    def is_right(self) -> bool:
        """Whether no layer is wrong."""
        return not any(row.verdict == "wrong" for row in self.rows)

    def __str__(self) -> str:
        """One sentence; where something is wrong, where to look."""
        compared = [row for row in self.rows if row.worst is not None]
        wrong = [row.path for row in self.rows if row.verdict == "wrong"]
        if wrong:
            return (
                f"{self.network}: gradients are wrong in {len(wrong)} of {counted(len(self.rows), 'row')}. A fault "
                f"spoils all gradients on its way to the pictures, so look first at {wrong[-1]!r} and at what "
                "follows it"
            )
        if not compared:
            return f"{self.network}: there was no gradient that could be compared"
        return (
            f"{self.network}: gradients are right, {sum(row.entries for row in compared)} compared, largest relative "
            f"error {max(row.worst or 0.0 for row in compared):.1e}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "is_right": self.is_right}


@threads_left_by_others()
def check_gradients(
    network: nn.Module,
    images: Tensor | None = None,
    *,
    layers: Sequence[str] = ("*",),
    entries: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
) -> GradientCheck:
    """Compare the gradients of a network with differences of its loss, for any `nn.Module`; it stays as it is.

    images: what it takes, (N, C, H, W) for pictures; a network of the zoo may leave it out for `small_pictures`.
    layers: patterns of module paths, "input" for the pictures. entries: per parameter tensor, the largest derivative
    and random ones.
    A copy is used, in training mode and 64-bit numbers; its biases and norms are moved off the values that they are
    drawn with, where ReLUs have their kinks. Dropout drops the same in every pass. The loss is a random mixture of all
    that the network puts out.
    Raises StriateError when no layer is called so, or the network gives other answers every time.

    >>> print(check_gradients(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), torch.randn(2, 3)))  # doctest: +ELLIPSIS
    Sequential: gradients are right, 9 compared, largest relative error ...
    """
    name = str(getattr(network, "architecture", "") or type(network).__name__)
    require_within("entries", entries, ENTRIES)
    loss = _Loss(network, images if images is not None else small_pictures(network, seed=seed), seed)
    every = loss.layers()
    chosen = [layer for layer in every if any(fnmatchcase(layer[0], pattern) for pattern in layers)]
    if not chosen:
        known = ", ".join(path for path, _, _ in every)
        raise StriateError(f"{name}: no layer with parameters is called {' or '.join(layers)}; there are {known}")
    loss.backward()
    generator, rows = torch.Generator().manual_seed(seed), []
    for done, (path, kind, tensors) in enumerate(chosen, 1):
        found = [entry for tensor in tensors for entry in _compared(loss, tensor, entries, generator)]
        rows.append(_row(path, kind, found, reached=any(tensor.grad is not None for tensor in tensors)))
        if progress is not None:
            progress(done, len(chosen))
    return GradientCheck(name, tuple(loss.images.shape), tuple(rows))


def small_pictures(
    network: nn.Module, size: tuple[int, int] | None = None, count: int = PICTURES, seed: int = 0
) -> Tensor:
    """Random pictures (count, C, H, W) for a network of the zoo, by default as small as it can take, from 8 px on.

    Raises StriateError for another module, or a size that does not fit.

    >>> from striate.models import create_model
    >>> small_pictures(create_model("resnet20")).shape
    torch.Size([4, 3, 8, 8])
    """
    if not isinstance(network, Network):
        raise StriateError(
            f"{type(network).__name__}: images are missing; give a batch that it takes, such as 4 pictures"
        )
    side = max(network.smallest_px, min(SMALLEST_SIDE_PX, *network.preprocess.size))
    height, width = size or ((side, side) if _takes(network, side) else network.preprocess.size)
    network.require_size(height, width)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, network.in_channels, height, width, generator=generator)


def _takes(network: Network, side: int) -> bool:
    """Whether squares of another size than its own fit: not where the first layer reads every pixel."""
    try:
        network.require_size(side, side)
    except StriateError:
        return False
    return True


@dataclass(frozen=True)
class _Entry:
    error: float
    verdict: Verdict


class _Loss:
    """A function of a network's parameters and pictures, the same at every call."""

    def __init__(self, network: nn.Module, images: Tensor, seed: int) -> None:
        self.network = copy.deepcopy(network).cpu().double().train()
        self.images = images.detach().cpu().double().requires_grad_()
        self.seed = seed
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.network.parameters():
                if parameter.dim() == 1:
                    noise = 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                    parameter.copy_(torch.where(parameter == 0, noise, parameter * (1 + noise)))
            outputs = self._outputs()
            self.mixture = [torch.randn(o.shape, generator=generator, dtype=torch.float64) for o in outputs]
            self.value, again = float(self()), float(self())
            self.size = sum(float((o * m).abs().sum()) for o, m in zip(outputs, self.mixture, strict=True))
        if not math.isfinite(self.value) or self.value != again:
            raise StriateError(
                f"{type(network).__name__}: two passes over the same pictures give {self.value:.6g} and {again:.6g}; "
                "gradients can be checked only where equal seeds of torch give equal, finite answers"
            )

    def __call__(self) -> Tensor:
        return torch.stack([(o * m).sum() for o, m in zip(self._outputs(), self.mixture, strict=True)]).sum()

    def backward(self) -> None:
        """Fill in the analytic gradients."""
        self().backward()  # type: ignore[no-untyped-call]

    def layers(self) -> list[tuple[str, str, list[Tensor]]]:
        """Path, kind and tensors of the pictures and of every module that has parameters; a shared one once."""
        rows: list[tuple[str, str, list[Tensor]]] = [("input", "pictures", [self.images])]
        seen: set[int] = set()
        for path, module in self.network.named_modules():
            own = [p for p in module.parameters(recurse=False) if p.requires_grad and id(p) not in seen]
            seen.update(map(id, own))
            if own:
                rows.append((path or type(module).__name__, type(module).__name__, list(own)))
        return rows

    def _outputs(self) -> list[Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            if isinstance(self.network, Network):
                return [logits for _, logits in self.network.training_logits(self.images)]
            return list(_tensors(self.network(self.images)))


def _compared(loss: _Loss, tensor: Tensor, entries: int, generator: torch.Generator) -> Iterator[_Entry]:
    """The largest derivative and random others; where one is at a kink, another is tried."""
    gradient = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
    wanted = min(entries, tensor.numel())
    candidates = [int(gradient.abs().argmax())]
    candidates += torch.randint(tensor.numel(), (TRIES_AT_KINKS * entries,), generator=generator).tolist()
    settled = 0
    for flat in dict.fromkeys(candidates):
        entry = _compare(loss, tensor.detach(), torch.unravel_index(torch.tensor(flat), tensor.shape), gradient)
        yield entry
        settled += entry.verdict != "kinks"
        if settled == wanted:
            return


@torch.no_grad()
def _compare(loss: _Loss, tensor: Tensor, index: tuple[Tensor, ...], gradient: Tensor) -> _Entry:
    analytic, value = float(gradient[index]), float(tensor[index])
    best, at_kink = LARGEST_ERROR, False
    for step in STEPS:
        above, below = (_moved(loss, tensor, index, value + side * step) for side in (1, -1))
        tensor[index] = value
        numeric = (above - below) / (2 * step)
        difference, size = abs(analytic - numeric), max(abs(analytic), abs(numeric))
        if difference <= ROUNDING * max(loss.size, 1e-300) / step and difference > TOLERANCE * size:
            return _Entry(0.0, "too small")
        best = min(best, difference / size if size else 0.0)
        if best <= TOLERANCE:
            return _Entry(best, "right")
        # Slopes of the two sides: between them lies every derivative that a kink could be said to have.
        bend = abs((above - loss.value) / step - (loss.value - below) / step)
        at_kink = at_kink or (step == min(STEPS) and difference <= bend)
    return _Entry(best, "kinks" if at_kink else "wrong")


def _moved(loss: _Loss, tensor: Tensor, index: tuple[Tensor, ...], value: float) -> float:
    tensor[index] = value
    return float(loss())


def _row(path: str, kind: str, found: list[_Entry], *, reached: bool) -> LayerCheck:
    compared = [entry for entry in found if entry.verdict in ("right", "wrong")]
    kinks = sum(entry.verdict == "kinks" for entry in found)
    verdict: Verdict
    if any(entry.verdict == "wrong" for entry in found):
        verdict = "wrong"
    elif not reached:  # and rightly so: its derivatives are zero
        return LayerCheck(path, kind, 0, None, 0, "unused")
    elif compared:
        verdict = "right"
    else:
        verdict = "kinks" if kinks == len(found) else "too small"
    return LayerCheck(path, kind, len(compared), max((e.error for e in compared), default=None), kinks, verdict)


def _tensors(output: Any) -> Iterator[Tensor]:
    """All floating-point tensors of an answer, however it is packed."""
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, tuple | list):
        for value in output:
            yield from _tensors(value)
