"""The words of a pattern: conv64k5, pool3s2, fc256 and the rest, each a record that writes itself the shortest way."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from striate.core import bounds
from striate.core.errors import StriateError

MOST_CHARACTERS, MOST_LAYERS, MOST_DEPTH = 2_000, 1_000, 16
MOST_FILTERS, MOST_UNITS, MOST_WINDOW = 65_536, 1_000_000, 255

PARTS = re.compile(r"([a-z]*)(\d*\.?\d*)((?:[a-z]\d+)*)")
OPTION = re.compile(r"([a-z])(\d+)")
SAID = {"k": "kernel", "s": "stride", "p": "padding", "g": "groups", "x": "height and width"}


@dataclass(frozen=True)
class Kind:
    """What may stand in a word: its number ("needed", "allowed" or "none") with its bounds, and options by letter.

    example: a word of the kind that a person can type. maps: whether it reads maps, which there are none of behind fc
    and gap.
    """

    example: str
    number: str = "none"
    between: tuple[float, float] = (0, 0)
    options: str = ""
    maps: bool = False


KINDS = {
    "input": Kind("input3x32x32", "allowed", bounds.CHANNELS, "x"),
    "conv": Kind("conv64", "needed", (1, MOST_FILTERS), "kspg", maps=True),
    "pool": Kind("pool", "allowed", (1, MOST_WINDOW), "sp", maps=True),
    "avgpool": Kind("avgpool", "allowed", (1, MOST_WINDOW), "sp", maps=True),
    "gap": Kind("gap", maps=True),
    "bn": Kind("bn"),
    "lrn": Kind("lrn", maps=True),
    "relu": Kind("relu"),
    "leakyrelu": Kind("leakyrelu"),
    "elu": Kind("elu"),
    "tanh": Kind("tanh"),
    "sigmoid": Kind("sigmoid"),
    "dropout": Kind("dropout0.5", "allowed", (0, 0.9999)),
    "fc": Kind("fc256", "allowed", (1, MOST_UNITS)),
    "softmax": Kind("softmax", "allowed", bounds.CLASSES),
}
OTHER_NAMES = {"maxpool": "pool", "batchnorm": "bn", "dense": "fc", "linear": "fc"}
LISTED = ", ".join(kind.example for kind in KINDS.values())


@dataclass(frozen=True)
class Layer:
    """One word.

    kind: one of KINDS. number: filters, units, the probability of a dropout, classes; None where the word has none.
    kernel: or window. size: channels, height, width of an input. column: where it stands in the text, from 1.

    >>> str(read_word("CONV64K3S1P1", 1)), str(read_word("conv64k1", 1)), str(read_word("maxpool2", 1))
    ('conv64', 'conv64k1', 'pool')
    """

    kind: str
    number: float | None = None
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1
    size: tuple[int, int, int] | None = None
    column: int = field(default=0, compare=False)

    def __str__(self) -> str:
        if self.size is not None:
            return "input" + "x".join(map(str, self.size))
        if self.kind == "conv":
            kernel = "" if self.kernel == 3 else f"k{self.kernel}"
            stride = "" if self.stride == 1 else f"s{self.stride}"
            padding = "" if self.padding == (self.kernel - 1) // 2 else f"p{self.padding}"
            return f"conv{self.number}{kernel}{stride}{padding}" + (f"g{self.groups}" if self.groups > 1 else "")
        if self.kind in ("pool", "avgpool"):
            stride = "" if self.stride == self.kernel else f"s{self.stride}"
            padding = f"p{self.padding}" if self.padding else ""
            window = "" if self.kernel == 2 and not stride + padding else self.kernel
            return f"{self.kind}{window}{stride}{padding}"
        if self.kind == "dropout":
            return f"dropout{self.number:g}"
        return self.kind if self.number is None else f"{self.kind}{self.number}"


def wrong(column: int, what: str) -> StriateError:
    """The error for something at a column, counted from 1."""
    return StriateError(f"column {column} of the pattern: {what}")


def read_word(word: str, column: int) -> Layer:
    """A word as a layer. Raises StriateError, with the exact column, for what is none."""
    lower = word.lower()
    found = PARTS.match(lower)
    assert found is not None  # noqa: S101 - every part of it may be empty
    name, number, options = found.groups()
    name = OTHER_NAMES.get(name, name)
    if name not in KINDS:
        raise _unknown(word, found[1], lower, column)
    kind = KINDS[name]
    at = column + found.end()
    if found.end() < len(lower):
        raise wrong(at, f"{lower[found.end() :]!r} is nothing that {kind.example} may have; {_allowed(name)}")
    value = _number(name, number, column + found.end(1))
    given = _options(name, options, column + found.start(3))
    if name == "input":
        return _input(value, options, column)
    if name == "conv":
        kernel = given.get("k", 3)
        rest = (given.get("s", 1), given.get("p", (kernel - 1) // 2), given.get("g", 1))
        return Layer(name, value, kernel, *rest, column=column)
    if name in ("pool", "avgpool"):
        window = int(value or 2)
        padding = given.get("p", 0)
        if padding > window // 2:
            raise wrong(column, f"{word!r} pads more than half of its window: {padding} of {window}")
        return Layer(name, None, window, given.get("s", window), padding, column=column)
    if name == "dropout" and value is None:
        value = 0.5
    return Layer(name, value, column=column)


def _unknown(word: str, name: str, lower: str, column: int) -> StriateError:
    """The error for a word that begins like none, with the nearest one that does."""
    near = difflib.get_close_matches(name, [*KINDS, *OTHER_NAMES], n=1, cutoff=0.6) if name else []
    meant = f"did you mean {near[0]}{lower[len(name) :]}? layers are" if near else "layers are"
    return wrong(column, f"{word[:40]!r} is no layer; {meant} {LISTED}")


def _number(name: str, text: str, column: int) -> float | None:
    """The number behind a name. Raises StriateError where it is missing, too many or out of bounds."""
    kind = KINDS[name]
    (low, high), example = kind.between, kind.example
    if not text:
        if kind.number == "needed":
            raise wrong(column, f"{name} needs its number of filters, such as {example}")
        return None
    if kind.number == "none":
        raise wrong(column, f"{name} takes no number, got {text}; a repetition is {name}*{text}")
    try:
        value: float = float(text) if name == "dropout" else int(text)
    except ValueError:
        raise wrong(column, f"{name} takes a whole number, such as {example}, got {text}") from None
    if name == "dropout" and round(value, 4) != value:
        raise wrong(column, f"a dropout has at most four decimals, got {text}")
    if not low <= value <= high:
        raise wrong(column, f"the number of {name} must be between {low} and {high:,}, got {text}")
    return value


def _options(name: str, text: str, column: int) -> dict[str, int]:
    """Options by letter. Raises StriateError for one that the kind has not, that stands twice or is out of bounds."""
    allowed, given = KINDS[name].options, dict[str, int]()
    for option in OPTION.finditer(text):
        letter, at = option[1], column + option.start()
        if letter not in allowed:
            raise wrong(at, f"{name} has no option {letter!r}; {_allowed(name)}")
        if letter in given and letter != "x":
            raise wrong(at, f"the {SAID[letter]} of {name} stands twice")
        given[letter] = int(option[2])
        low, high = bounds.SIDE_PX if letter == "x" else (0 if letter == "p" else 1, MOST_WINDOW)
        high = MOST_FILTERS if letter == "g" else high
        if not low <= given[letter] <= high:
            raise wrong(at, f"the {SAID[letter]} of {name} must be between {low} and {high:,}, got {option[2]}")
    return given


def _allowed(name: str) -> str:
    """Which options there are, in words."""
    letters = KINDS[name].options
    if letters == "x":
        return "a size is input3x32x32: channels, height, width"
    return f"options are {', '.join(f'{letter} ({SAID[letter]})' for letter in letters)}" if letters else "it has none"


def _input(channels: float | None, options: str, column: int) -> Layer:
    sides = [int(side) for _, side in OPTION.findall(options)]
    if channels is None and not sides:
        return Layer("input", column=column)
    if channels is None or len(sides) != 2:
        raise wrong(column, "the size of an input is input3x32x32: channels, height, width; or leave it open: input")
    return Layer("input", size=(int(channels), sides[0], sides[1]), column=column)
