"""What a caller hangs on a run: it is told of begin, steps, epochs and end, and may stop it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.values import shown
from striate.training.folder.state import Counters

MOMENTS = ("begin", "step", "epoch", "end")
# Of these words other libraries make the names of such methods: on_epoch_end, after_step, before_fit.
WORDS = frozenset(
    {"on", "before", "after", "begin", "start", "end", "epoch", "step", "batch", "train", "training", "fit"}
    | {"val", "valid", "validation", "test", "eval"}
)


@dataclass(frozen=True)
class Moment:
    """Where a run is, as its callbacks are told.

    step, epoch: updates made, and the epoch that they are in, counted from 1; steps, epochs: of the whole run.
    lr: rate of the newest step; None before there is one. figures: at an epoch's end its line of metrics.jsonl, at the
    end of the run what the test came to, otherwise {}. network: that which is validated and kept (the moving average,
    where the recipe has one), in evaluation mode. Mode and gradients are put right again afterwards; whoever changes
    its weights trains another network. folder: of the run.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    lr: float | None
    figures: Mapping[str, Any]
    network: nn.Module = field(repr=False)
    folder: Path
    _losses: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    _counters: Counters = field(default_factory=Counters, repr=False)

    @property
    def loss(self) -> float | None:
        """Mean loss of the pictures of this step, or at an epoch's end of the epoch; None at begin and end.

        Of a step it waits until a GPU has come to it: looking at every step's loss is slower than at every hundredth's.
        """
        if self._losses:
            return sum(float(loss) for loss in self._losses.values())
        return self.figures.get("train_loss")

    def stop(self) -> None:
        """End the run here, as one that is over: validated, the best weights tested, its report written."""
        self._counters.stopped = True


class Callback:
    """What may be hung on a run: override what is needed. Any object that has some of these methods will do.

    What one returns is passed over, so that no lambda stops a run by chance; `moment.stop()` stops it. What one raises
    ends the run as Ctrl-C does: everything is saved, and the caller gets the very exception. Nothing of callbacks is
    saved: a run that goes on is given them again.

    >>> class Patient(Callback):
    ...     def epoch(self, moment):
    ...         if moment.figures["train_loss"] < 0.01:
    ...             moment.stop()
    """

    def begin(self, moment: Moment) -> None:
        """Training begins, or goes on."""

    def step(self, moment: Moment) -> None:
        """A step was made."""

    def epoch(self, moment: Moment) -> None:
        """An epoch was finished, and validated where the recipe says so."""

    def end(self, moment: Moment) -> None:
        """The run is over: tested, its report written. A run that was interrupted has no end yet."""


Called = tuple[Callable[[Moment], object], ...]


@dataclass(frozen=True)
class Callbacks:
    """What is called when: the callbacks of a run by moment."""

    begin: Called = ()
    step: Called = ()
    epoch: Called = ()
    end: Called = ()

    @classmethod
    def of(cls, given: Iterable[Any] | Any) -> Callbacks:
        """Those of some objects with any of the methods, or functions, which are called at each epoch's end.

        Raises StriateError for what is neither.

        >>> len(Callbacks.of([print, Callback()]).epoch)
        1
        """
        several = isinstance(given, Iterable) and not callable(given) and not any(hasattr(given, m) for m in MOMENTS)
        found = [_moments_of(one, number) for number, one in enumerate(given if several else [given])]
        return cls(**{name: tuple(one[name] for one in found if name in one) for name in MOMENTS})


def _moments_of(one: Any, number: int) -> dict[str, Callable[[Moment], object]]:
    """The methods of one callback by moment, those left out that do nothing."""
    if isinstance(one, type):
        raise StriateError(f"callbacks[{number}] is the class {one.__name__}; give an instance, {one.__name__}(...)")
    if (other := _misnamed(type(one))) is not None:
        raise StriateError(
            f"callbacks[{number}] has a method {other}, which nothing would call: those that are called are "
            f"{', '.join(MOMENTS)}; rename it, with _ before it where it is for {type(one).__name__} alone"
        )
    methods = {name: getattr(one, name) for name in MOMENTS if callable(getattr(one, name, None))}
    if not methods and callable(one):
        methods = {"epoch": one}
    if not methods:
        raise StriateError(
            f"callbacks[{number}] must be a function of the moment, called at each epoch's end, or have any of the "
            f"methods {', '.join(MOMENTS)}, got {shown(one)}"
        )
    for name, method in methods.items():
        if not _takes_one(method):
            raise StriateError(f"callbacks[{number}].{name} must take one argument, the moment, got {shown(one)}")
    idle = {name for name in methods if getattr(type(one), name, None) is getattr(Callback, name)}
    return {name: method for name, method in methods.items() if name not in idle}


def _misnamed(kind: type) -> str | None:
    """The first public method that is named as a callback's is elsewhere, or nearly as here.

    >>> _misnamed(type("Mine", (), {"epoch": print, "epochs": print, "send": print}))
    'epochs'
    """
    for name in dir(kind):
        if name in MOMENTS or name.startswith("_") or not callable(getattr(kind, name)):
            continue
        near = difflib.get_close_matches(name.lower(), MOMENTS, n=1, cutoff=0.8)
        words = name.split("_")
        if (near and near[0][0] == name[0].lower()) or (len(words) > 1 and WORDS.issuperset(words)):
            return name
    return None


def _takes_one(method: Callable[..., Any]) -> bool:
    try:
        inspect.signature(method).bind(None)
    except TypeError:
        return False
    except ValueError:  # of a built-in function that does not say what it takes
        return True
    return True
