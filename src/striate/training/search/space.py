"""What is searched in: ranges and choices of fields of a recipe, as they are written, drawn from and narrowed."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from striate.core.errors import StriateError
from striate.core.own_code import names_code
from striate.training.other_names import TAKEN_NAMES, unknown_field
from striate.training.recipe import BOUNDS, Recipe
from striate.training.recipe_text import parse_value
from striate.training.usual_rates import scaled_rate

# Of all trials alike: they decide which pictures there are and how the network sees them, or how long a trial is.
SHARED = (
    "model", "weights", "layers", "size_px", "tiles", "fit", "white", "least_px", "proposals", "ignore_class",
    "split_seed", "test_enlargement", "epochs", "shown_at_most", "stop_after_epochs", "validate_every_epochs",
    "best_by",
)  # fmt: skip
EDGE = 0.05  # of a range, what is near its end
WIDER = 0.1  # of the first range, how far a narrowed one reaches beyond the best values


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included. log: drawn evenly in their logarithm. whole: whole numbers."""

    name: str
    low: float
    high: float
    log: bool = False
    whole: bool = False

    def at(self, share: float) -> float:
        """The number at a share of the range, from 0 to 1.

        >>> Range("peak_lr", 1e-4, 1.0, log=True).at(0.5), Range("epochs", 1, 4, whole=True).at(0.99)
        (0.01, 4)
        """
        if self.whole and not self.log:
            return min(int(self.high), int(self.low + math.floor(share * (self.high - self.low + 1))))
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        value = low + share * (high - low)
        value = math.exp(value) if self.log else value
        value = round(value) if self.whole else short(value)
        return min(self.high, max(self.low, value))

    def share(self, value: float) -> float:
        """Where a number lies in the range, from 0 to 1."""
        ends = [math.log(each) if self.log else each for each in (self.low, value, self.high)]
        return (ends[1] - ends[0]) / (ends[2] - ends[0])

    def points(self, count: int) -> list[float]:
        """So many numbers from end to end, evenly; of whole numbers each once.

        >>> Range("weight_decay", 1e-5, 1e5, log=True).points(3)
        [1e-05, 1.0, 100000.0]
        """
        shares = [0.5] if count == 1 else [number / (count - 1) for number in range(count)]
        return list(dict.fromkeys(self.at(share) for share in shares))

    def narrowed(self, best: Sequence[float]) -> Range:
        """The part of the range in which the best values lie, and a little more on both sides."""
        shares = [self.share(value) for value in best]
        low, high = max(0.0, min(shares) - WIDER), min(1.0, max(shares) + WIDER)
        if self.whole and not self.log:
            return replace(self, low=self.at(low), high=max(self.at(low) + 1, self.at(min(high, 1 - 1e-9))))
        made = replace(self, low=self.at(low), high=self.at(high))
        return made if made.low < made.high else self

    def edge(self, value: float) -> str | None:
        """What to say where the best value lies at an end of the range.

        >>> Range("peak_lr", 1e-6, 1e-3, log=True).edge(9e-4)
        'peak_lr 0.0009 is at the upper edge of its range: widen it, such as --space peak_lr=1e-06..0.1,log'
        """
        place = self.share(value)
        if EDGE < place < 1 - EDGE:
            return None
        low, high = BOUNDS.get(self.name, (-math.inf, math.inf))
        if place <= EDGE:
            wider = replace(self, low=max(low, self.low / 100 if self.log else self.low - (self.high - self.low)))
        else:
            wider = replace(self, high=min(high, self.high * 100 if self.log else 2 * self.high - self.low))
        if wider == self or (self.log and wider.low <= 0):
            return None  # there is nothing beyond it
        return (
            f"{self.name} {value:g} is at the {'lower' if place <= EDGE else 'upper'} edge of its range: widen it, "
            f"such as --space {wider}"
        )

    def __str__(self) -> str:
        return f"{self.name}={self.low:.12g}..{self.high:.12g}{',log' if self.log else ''}"


@dataclass(frozen=True)
class Choices:
    """Some values, as texts that the recipe's field is read from."""

    name: str
    texts: tuple[str, ...]

    def at(self, share: float) -> str:
        """The text at a share of them, from 0 to 1."""
        return self.texts[min(len(self.texts) - 1, int(share * len(self.texts)))]

    def points(self, count: int) -> list[str]:
        """All of them, whatever the count."""
        return list(self.texts)

    def __str__(self) -> str:
        return f"{self.name}={'|'.join(self.texts)}"


Axis = Range | Choices
Space = tuple[Axis, ...]
Values = dict[str, Any]
"""A point of a space: numbers of ranges and texts of choices, by field."""


def parse_space(texts: Iterable[str], recipe: Recipe) -> tuple[Space, list[str]]:
    """The axes of texts such as peak_lr=1e-6..1e-1,log, and what there is to say of them.

    recipe: what trials have besides. Raises StriateError, with the text, for what is no axis of this recipe's fields.

    >>> space, said = parse_space(["peak_lr=1e-1..1e-6,log", "batch_size=32|64"], Recipe(model="lenet5"))
    >>> print(*space, *said, sep="; ")
    peak_lr=1e-06..0.1,log; batch_size=32|64; --space peak_lr=1e-1..1e-6,log has its bounds reversed, read as \
1e-06..0.1
    """
    texts, said = list(texts), []
    axes: list[Axis] = []
    for text in texts:
        try:
            axis, remark = _axis(text, recipe)
            if axis.name in [each.name for each in axes]:
                raise StriateError(f"{axis.name} is given twice; leave one of them out")
            for value in (axis.low, axis.high) if isinstance(axis, Range) else axis.texts:
                recipe_at((axis,), recipe, {axis.name: value})
        except StriateError as error:
            raise StriateError(f"--space {text}: {error.in_flags}") from None
        axes.append(axis)
        said += [remark] if remark else []
    require_acting(tuple(axes), texts, recipe)
    return tuple(axes), said


def _axis(text: str, recipe: Recipe) -> tuple[Axis, str]:
    name, equals, rest = (part.strip() for part in text.partition("="))
    name, kinds = TAKEN_NAMES.get(name, name), typing.get_type_hints(Recipe)
    if not equals or not rest:
        raise StriateError("an axis is field=low..high, field=low..high,log or field=a|b|c")
    if name not in kinds:
        raise unknown_field(name, kinds)
    if isinstance(own := getattr(recipe, name), str) and names_code(own):
        raise StriateError(
            f"{name} is {own}, code of your own, which is the same for all trials; leave one of them out"
        )
    if name in SHARED:
        raise StriateError(f"{name} is the same for all trials of a search; set it by --set or the flag of its own")
    kind = number_kind(kinds[name])
    if ".." not in rest:
        texts = tuple(part.strip() for part in rest.split("|"))
        if len(texts) < 2 or len(set(texts)) < len(texts):
            raise StriateError("give two or more different values with | between, or a range, such as 1e-4..1e-1,log")
        for each in texts:
            parse_value(name, each, kinds[name])
            if names_code(each):
                raise StriateError(
                    f"{each} is code of your own, which is the same for all trials; set it by --set {name}="
                )
        return Choices(name, texts), ""
    bounds, comma, option = (part.strip() for part in rest.partition(","))
    if kind is None:
        raise StriateError(f"{name} is no number, so it has no range; give values with | between")
    if comma and option != "log":
        raise StriateError(f"after a range only ,log may stand, got {option!r}")
    low, high = (parse_value(name, each.strip(), kind) for each in bounds.split("..", 1))
    if comma and min(low, high) <= 0:
        raise StriateError(f"a logarithmic range is above 0, and {min(low, high):g} is not; leave ,log out or raise it")
    if low == high:
        raise StriateError(f"the range is the one value {low:g}; set that by --set {name}={low:g}")
    remark = ""
    if low > high:
        low, high = high, low
        remark = f"--space {text} has its bounds reversed, read as {low:.12g}..{high:.12g}"
    return Range(name, low, high, bool(comma), kind is int), remark


def number_kind(kind: Any) -> type[int] | type[float] | None:
    """The type of number that a field's type is, None where it is none."""
    options = typing.get_args(kind) if typing.get_origin(kind) in (types.UnionType, typing.Union) else (kind,)
    return next((option for option in (int, float) if option in options), None)


def recipe_at(space: Space, recipe: Recipe, values: Values) -> Recipe:
    """The recipe at a point of a space. Raises StriateError for a value that a field cannot have.

    Where an optimiser is chosen and no rate, the recipe's is scaled to it, as in `train`.

    >>> space, _ = parse_space(["optimizer=sgd|adam"], Recipe(model="lenet5", peak_lr=0.1))
    >>> recipe_at(space, Recipe(model="lenet5", peak_lr=0.1), {"optimizer": "adam"}).peak_lr
    0.002
    """
    kinds = typing.get_type_hints(Recipe)
    read = {
        axis.name: parse_value(axis.name, values[axis.name], kinds[axis.name])
        if isinstance(axis, Choices)
        else values[axis.name]
        for axis in space
    }
    rate = scaled_rate(recipe.peak_lr, recipe.optimizer, read.get("optimizer", recipe.optimizer))
    return replace(recipe, **{"peak_lr": rate, **read})


def require_acting(space: Space, texts: Sequence[str], recipe: Recipe) -> None:
    """Raise StriateError where a field of the space, written as `texts`, would do nothing in any trial."""
    choices = [axis for axis in space if isinstance(axis, Choices)]
    made = [
        recipe_at(tuple(choices), recipe, dict(zip([axis.name for axis in choices], chosen, strict=True)))
        for chosen in product(*(axis.texts for axis in choices))
    ]
    for axis, text in zip(space, texts, strict=True):
        needed = [each.needed_by(axis.name) for each in made]
        if all(needed):
            raise StriateError(f"--space {text}: {axis.name} does nothing here: it needs {needed[0]}")


def default_space(recipe: Recipe) -> Space:
    """Where to look if nobody says so: the rates, from a hundredth to ten times the recipe's, and the weight decay,
    over six decades up to 0.1 or ten times the recipe's.

    >>> print(*default_space(Recipe(model="lenet5", peak_lr=0.05)))
    peak_lr=0.0005..0.5,log weight_decay=1e-07..0.1,log
    """
    rates = {name: getattr(recipe, name) for name in ("peak_lr", "muon_lr") if recipe.needed_by(name) is None}
    axes = [Range(name, short(rate / 100), short(10 * rate), log=True) for name, rate in rates.items() if rate > 0]
    if recipe.needed_by("weight_decay") is None:
        high = max(0.1, 10 * recipe.weight_decay)
        axes.append(Range("weight_decay", short(high / 1e6), high, log=True))
    return tuple(axes)


def short(value: float) -> float:
    """A number in the digits that are told.

    >>> short(0.1 / 1e6)
    1e-07
    """
    return float(f"{value:.7g}")
